import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import wabt from 'wabt';
import { octets } from '../../../test/fixtures.ts';
import { referenceBody } from '../../../test/reference.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe('the vector scan', () => {
  it('is scan.wat, assembled', async () => {
    const source = readFileSync(new URL('./scan.wat', import.meta.url), 'utf8');
    const assembled = Buffer.from((await wabt()).parseWat('scan.wat', source).toBinary({}).buffer).toString(
      'base64',
    );
    const constant = readFileSync(new URL('./scan.ts', import.meta.url), 'utf8').match(
      /const assembled =([^;]+);/,
    )![1]!;
    const embedded = [...constant.matchAll(/'([^']*)'/g)].map(([, part]) => part).join('');
    expect(embedded).toBe(assembled);
  });

  it('stops before the first octet that would change, and only there', async () => {
    const { canonicalUpTo, loadBlock } = await import('./scan.ts');
    const content = 'x'.repeat(100);
    const changes = { '\n': 'both', '\r.': 'both', '\t': 'relaxed', '  ': 'relaxed', ' \r\n': 'relaxed' };
    for (const [change, algorithm] of Object.entries(changes)) {
      for (let at = 1; at < 80; at++) {
        const block = octets(content.slice(0, at) + change + content);
        loadBlock(block);
        const found = canonicalUpTo(0, block.length, 'relaxed');
        expect(found).toBeLessThanOrEqual(at + change.length);
        expect(found).toBeGreaterThan(at - 16);
        if (algorithm === 'relaxed') expect(canonicalUpTo(0, block.length, 'simple')).toBe(block.length);
      }
    }
  });

  it('is not missed where the runtime has no WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    const { BodyCanonicalizer } = await import('../body.ts');
    const body = `${'some words and  more\t words '.repeat(20)}\r\n\r\nend \n`;
    for (const algorithm of ['simple', 'relaxed'] as const) {
      const out: Buffer[] = [];
      const canonicalizer = new BodyCanonicalizer(algorithm, 'line-end', (chunk, from, to) =>
        out.push(Buffer.from(chunk.subarray(from, to))),
      );
      canonicalizer.write(octets(body));
      canonicalizer.end();
      expect(Buffer.concat(out).toString('latin1')).toBe(referenceBody(body, algorithm, 'line-end'));
    }
  });
});
