import fc from 'fast-check';
import { expect, it } from 'vitest';
import { scanContent } from './content-scan.ts';

/** Octets among which those that matter, and their neighbours, are frequent. */
const octets = fc.array(
  fc.oneof(
    fc.constantFrom(13, 10, 46, 0, 9, 14, 127, 128, 138, 141, 174, 255),
    fc.integer({ min: 32, max: 126 }),
  ),
  { maxLength: 80 },
);

it('SMTP-20 SMTP-25 SMTP-26 finds the same as a look at one octet after the other, wherever the octets lie in memory', () => {
  fc.assert(
    fc.property(octets, fc.integer({ min: 0, max: 7 }), (content, offset) => {
      const memory = new Uint8Array(content.length + 16).fill(46);
      memory.set(content, offset);
      const text = String.fromCharCode(...content);
      const lines = text.replaceAll(/\r\n|\r|\n/g, '\r\n');
      const textSize = text === '' || lines.endsWith('\n') ? lines.length : lines.length + 2;
      const starts = [...text.matchAll(/(?<=^|\r\n|\r|\n)\./g)].map(({ index }) => index);
      expect(scanContent(memory.subarray(offset, offset + content.length))).toEqual({
        textSize,
        eightBit: content.some((octet) => octet > 127),
        canonical: textSize === text.length,
        dots: starts,
      });
    }),
    { numRuns: 2000 },
  );
});

it('SMTP-20 remembers no more dots than it may', () => {
  const lines = (count: number): Uint8Array => new TextEncoder().encode('.\r\n'.repeat(count));
  expect(scanContent(lines(1000)).dots).toHaveLength(1000);
  expect(scanContent(lines(1002)).dots).toBeUndefined();
});
