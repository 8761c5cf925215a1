import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContentSurvey, surveyContent } from './survey.ts';

/** The same facts, by regular expressions. */
function reference(octets: Uint8Array): ContentSurvey {
  const text = Buffer.from(octets).toString('latin1');
  const count = (pattern: RegExp) => (text.match(pattern) ?? []).length;
  const eightBit = count(/[\x80-\xff]/g);
  return {
    eightBit,
    bareBreaks: count(/\r(?!\n)|(?<!\r)\n/g),
    binary: text.includes('\0') || text.split(/\r\n|\r|\n/).some((line) => line.length > 998),
    escaped: eightBit + count(/[^\t\r\n\x20-<>-\xff]/g),
  };
}

const pieces = fc.oneof(
  fc.constantFrom('\r\n', '\r', '\n', '=', '\t', ' ', '\0', '\x1f', '\x7f', '\x80', '\xff', 'abc', 'abcd'),
  fc.integer({ min: 1, max: 12 }).map((length) => '\xe9'.repeat(length)),
  fc.integer({ min: 990, max: 1002 }).map((length) => 'x'.repeat(length)),
);

describe('surveyContent', () => {
  it('MIME-22 counts what chooses an encoding, wherever in the content it stands', () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), fc.integer({ min: 0, max: 3 }), (parts, offset) => {
        const octets = Buffer.from(`${'-'.repeat(offset)}${parts.join('')}`, 'latin1').subarray(offset);
        expect(surveyContent(octets)).toEqual(reference(octets));
      }),
    );
  });
});
