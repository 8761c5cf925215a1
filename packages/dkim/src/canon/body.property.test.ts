import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { octets } from '../../test/fixtures.ts';
import { referenceBody } from '../../test/reference.ts';
import { BodyCanonicalizer } from './body.ts';

/** Bodies made of what matters: white space, halves of line ends, and stretches of content. */
const body = fc
  .array(
    fc.oneof(
      fc.constantFrom(' ', '\t', '\r', '\n', '\r\n', '\r\n\r\n', '  ', '\0', 'a', '\xff'),
      fc.integer({ min: 1, max: 90 }).map((length) => 'content '.repeat(12).slice(0, length)),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));

describe('body canonicalisation of arbitrary octets', () => {
  it('DKIM-04 is what the text of the RFC says, however the input is cut', () => {
    fc.assert(
      fc.property(
        body,
        fc.array(fc.nat(400), { maxLength: 8 }),
        fc.constantFrom('simple' as const, 'relaxed' as const),
        fc.constantFrom('line-end' as const, 'octet' as const),
        (text, cuts, algorithm, bareCr) => {
          const input = octets(text);
          const out: Buffer[] = [];
          const canonicalizer = new BodyCanonicalizer(algorithm, bareCr, (chunk, from, to) =>
            out.push(Buffer.from(chunk.subarray(from, to))),
          );
          let from = 0;
          for (const cut of [...cuts.sort((a, b) => a - b), input.length]) {
            canonicalizer.write(input.subarray(from, Math.max(from, cut)));
            from = Math.max(from, cut);
          }
          canonicalizer.end();
          expect(Buffer.concat(out).toString('latin1')).toBe(referenceBody(text, algorithm, bareCr));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
