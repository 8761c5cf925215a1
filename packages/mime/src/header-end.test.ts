import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findHeaderEnd } from './index.ts';

const octets = (text: string) => new TextEncoder().encode(text);

it.each([
  ['A: b\r\n\r\nbody', 6],
  ['A: b\n\nbody', 5],
  ['A: b\n\r\nbody', 5],
  ['A: b\r\n\nbody', 6],
  ['\r\nbody', 0],
  ['\nbody', 0],
  ['A: b\r\n c\r\n\r\n', 10],
])('PARSE-75 finds the empty line of %j', (text, end) => {
  expect(findHeaderEnd(octets(text))).toBe(end);
});

it.each(['', 'A: b', 'A: b\r\n', 'A: b\r\n\r', 'A: b\r\rbody', '\r', 'A: b\r\n \r\nC: d'])(
  'PARSE-75 takes all of %j for the header',
  (text) => {
    expect(findHeaderEnd(octets(text))).toBe(text.length);
  },
);

it('PARSE-75 finds the same line when octets come piece by piece', () => {
  const text = fc.array(fc.constantFrom('\r', '\n', 'a', ' '), { maxLength: 20 }).map((all) => all.join(''));
  fc.assert(
    fc.property(text, (all) => {
      const whole = octets(all);
      let found = 0;
      for (let used = 1, searched = 0; used <= whole.length; used++) {
        found = findHeaderEnd(whole.subarray(0, used), searched);
        if (found < used) break;
        searched = Math.max(0, used - 2);
      }
      expect(found).toBe(findHeaderEnd(whole));
    }),
    { numRuns: 1000 },
  );
});
