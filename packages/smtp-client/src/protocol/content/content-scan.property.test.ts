import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ContentScan } from './content-scan.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** Octets among which those that matter, and their neighbours, are frequent. */
const octets = (maxLength: number) =>
  fc.array(
    fc.oneof(
      fc.constantFrom(13, 10, 46, 0, 9, 14, 127, 128, 138, 141, 174, 255),
      fc.integer({ min: 32, max: 126 }),
    ),
    { maxLength },
  );

/** What is to be found, read with regular expressions. */
function reference(content: Uint8Array): ContentScan {
  const text = Buffer.from(content).toString('latin1');
  const lines = text.replaceAll(/\r\n|\r|\n/g, '\r\n');
  const textSize = text === '' || lines.endsWith('\n') ? lines.length : lines.length + 2;
  const starts = [...text.matchAll(/(?<=^|\r\n|\r|\n)\./g)].map(({ index }) => index);
  return {
    textSize,
    eightBit: content.some((octet) => octet > 127),
    canonical: textSize === text.length,
    dots: starts.length > 1000 ? undefined : starts,
  };
}

describe.each([
  ['WebAssembly', {}],
  ['JavaScript alone', { WebAssembly: undefined }],
])('by %s', (_, globals) => {
  /** A fresh module, which has not chosen yet. */
  async function freshScan(): Promise<(content: Uint8Array) => ContentScan> {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    return (await import('./content-scan.ts')).scanContent;
  }

  it('SMTP-20 SMTP-25 SMTP-26 finds the same as a loop over single octets, at any alignment', async () => {
    const scanContent = await freshScan();
    fc.assert(
      fc.property(octets(80), fc.integer({ min: 0, max: 7 }), (content, offset) => {
        const memory = new Uint8Array(content.length + 16).fill(46);
        memory.set(content, offset);
        const part = memory.subarray(offset, offset + content.length);
        expect(scanContent(part)).toEqual(reference(part));
      }),
      { numRuns: 2000 },
    );
  });

  it('SMTP-20 SMTP-25 SMTP-26 finds it across the borders of blocks and of groups of octets', async () => {
    const scanContent = await freshScan();
    fc.assert(
      fc.property(
        octets(40),
        fc.constantFrom(16, 32, 8192, 16_384, 32_768, 65_536),
        fc.nat({ max: 40 }),
        fc.nat({ max: 20 }),
        (middle, border, before, after) => {
          const at = Math.max(0, border - before);
          const content = new Uint8Array(at + middle.length + after).fill(120);
          content.set(middle, at);
          expect(scanContent(content)).toEqual(reference(content));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('SMTP-20 SMTP-25 finds one thing at every offset, and a CR that is the last octet', async () => {
    const scanContent = await freshScan();
    for (const found of ['\r', '\n', '\r\n', '\n.', '\r\n.', '.', '\u00ff', '\r.\r', '']) {
      for (let length = 0; length < 70; length++) {
        for (const rest of ['', 'x', 'x'.repeat(16)]) {
          const content = Buffer.from('x'.repeat(length) + found + rest, 'latin1');
          expect(scanContent(content)).toEqual(reference(content));
        }
      }
    }
  });

  it('SMTP-20 remembers no more dots than it may', async () => {
    const scanContent = await freshScan();
    const lines = (count: number): Uint8Array => new TextEncoder().encode('.\r\n'.repeat(count));
    expect(scanContent(lines(1000)).dots).toHaveLength(1000);
    expect(scanContent(lines(1001)).dots).toBeUndefined();
    // As many in a block as can be.
    const most = new TextEncoder().encode('.\n'.repeat(50_000));
    expect(scanContent(most)).toEqual({
      textSize: 150_000,
      eightBit: false,
      canonical: false,
      dots: undefined,
    });
  });

  it('leaves nothing of one content in the findings about the next', async () => {
    const scanContent = await freshScan();
    const loud = Buffer.from('.\r.\n\u00ff'.repeat(9000), 'latin1');
    for (const quiet of ['', 'x', 'x'.repeat(15), 'x\r\n'.repeat(5461), `${'x'.repeat(16_382)}\r\n`]) {
      scanContent(loud);
      const content = Buffer.from(quiet);
      expect(scanContent(content)).toEqual(reference(content));
    }
  });
});
