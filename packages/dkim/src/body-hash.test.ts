import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { octets } from '../test/fixtures.ts';
import { referenceBody } from '../test/reference.ts';
import { BodyHash, BodyHashSet } from './body-hash.ts';

/** Bodies with much and with little to change, at and around the sizes where the way of hashing changes. */
const bodies = [
  'regular line of text\r\n',
  'tab\tand  space \n',
  '\n',
  'x',
  ' \t',
  'no change at all, ',
].flatMap((piece) =>
  [0, 100, 1024, 8192, 65_535, 65_536, 65_537, 200_000].map((size) =>
    piece.repeat(Math.ceil(size / piece.length)).slice(0, size),
  ),
);

describe('the hash of a body', () => {
  it('DKIM-16 is the same for a whole body and for one in chunks, of every size', async () => {
    for (const body of bodies) {
      for (const algorithm of ['simple', 'relaxed'] as const) {
        const canonical = octets(referenceBody(body, algorithm, 'line-end'));
        for (const limit of [undefined, 0, 50, 70_000]) {
          const expected = {
            digest: createHash('sha256').update(canonical.subarray(0, limit)).digest(),
            totalBytes: canonical.length,
            hashedBytes: Math.min(limit ?? canonical.length, canonical.length),
          };
          const set = new BodyHashSet('line-end');
          const whole = set.need(algorithm, limit);
          await set.read({ header: new Uint8Array(), bodyStart: octets(body), rest: undefined }, undefined);
          expect(whole.digest()).toEqual(expected);
          const chunked = new BodyHash(algorithm, 'line-end', limit);
          for (let at = 0; at < body.length; at += 9973) chunked.write(octets(body.slice(at, at + 9973)));
          expect(chunked.digest()).toEqual(expected);
        }
      }
    }
  }, 60_000);

  it('is computed once for all that need the same', () => {
    const set = new BodyHashSet('octet');
    expect(set.need('relaxed')).toBe(set.need('relaxed'));
    expect(set.need('relaxed')).not.toBe(set.need('simple'));
    expect(set.need('relaxed', 3)).not.toBe(set.need('relaxed'));
  });
});
