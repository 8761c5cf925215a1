import fc from 'fast-check';
import { expect, it } from 'vitest';
import { defaultLimits } from '../session/limits.ts';
import { ReplyParser } from './reply-parser.ts';

const encoder = new TextEncoder();
const read = (parser: ReplyParser, octets: Uint8Array) => {
  parser.push(octets);
  return parser.next();
};

it('SMTP-01 SMTP-04 reads the same from a line that came before as from one that is new', () => {
  const text = fc.oneof(
    fc.constantFrom('2.1.0 ok', '2.1.5 ok', '2.1.5  ok', '2.1.5', '', 'é', '\ufffd', 'a\u0007b', '2.1.5x'),
    fc.string({ maxLength: 200 }).map((line) => line.replaceAll('\n', '')),
  );
  const reply = fc
    .tuple(
      fc.constantFrom('250 ', '250', '550 ', '354 ', '250-go on\r\n250 '),
      text,
      fc.constantFrom('\r\n', '\n'),
    )
    .map(([code, line, end]) => encoder.encode(code === '250' ? `250${end}` : `${code}${line}${end}`));
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 60 }), fc.integer({ min: 4, max: 9000 }), (replies, most) => {
      const limits = { ...defaultLimits, replyTextOctets: most };
      const parser = new ReplyParser(limits);
      for (const octets of replies) {
        const alone = read(new ReplyParser(limits), octets);
        expect(alone).toBeDefined();
        expect(read(parser, octets)).toEqual(alone);
        expect(read(parser, octets)).toEqual(alone);
      }
    }),
  );
});

it('SMTP-01 returns the same frozen reply for octets that come again', () => {
  const parser = new ReplyParser(defaultLimits);
  const first = read(parser, encoder.encode('250 2.0.0 queued\r\n'));
  parser.push(encoder.encode('250 2.1.0 ok\r\n250 2.0.0 queued\r\n'));
  expect(parser.next()).toEqual({ code: 250, enhanced: '2.1.0', lines: ['2.1.0 ok'] });
  expect(parser.next()).toBe(first);
  expect(Object.isFrozen(first) && Object.isFrozen(first?.lines)).toBe(true);
});
