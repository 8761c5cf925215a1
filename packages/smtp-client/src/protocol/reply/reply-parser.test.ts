import { describe, expect, it } from 'vitest';
import type { Reply } from '../../errors.ts';
import { defaultLimits } from '../session/limits.ts';
import { ReplyParser } from './reply-parser.ts';

function parse(chunks: readonly (string | Uint8Array)[], limits = defaultLimits): Reply[] {
  const parser = new ReplyParser(limits);
  const replies: Reply[] = [];
  for (const chunk of chunks) {
    parser.push(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
    for (let reply = parser.next(); reply; reply = parser.next()) replies.push(reply);
  }
  return replies;
}

const good: readonly [string, string, Reply[]][] = [
  ['one line', '250 ok\r\n', [{ code: 250, lines: ['ok'] }]],
  ['no text', '250\r\n', [{ code: 250, lines: [''] }]],
  ['a space and no text', '250 \r\n', [{ code: 250, lines: [''] }]],
  ['several lines', '250-mx\r\n250-SIZE 5\r\n250 DSN\r\n', [{ code: 250, lines: ['mx', 'SIZE 5', 'DSN'] }]],
  ['lone LF', '250-a\n250 b\n', [{ code: 250, lines: ['a', 'b'] }]],
  ['last line without text', '250-a\r\n250\r\n', [{ code: 250, lines: ['a', ''] }]],
  [
    'two replies in one chunk',
    '250 a\r\n354 b\r\n',
    [
      { code: 250, lines: ['a'] },
      { code: 354, lines: ['b'] },
    ],
  ],
  ['an enhanced code', '550 5.1.1 no\r\n', [{ code: 550, enhanced: '5.1.1', lines: ['5.1.1 no'] }]],
  ['UTF-8', '250 grüß\r\n', [{ code: 250, lines: ['grüß'] }]],
  ['control characters', '250 a\u0007b\rc\r\n', [{ code: 250, lines: ['a\ufffdb\ufffdc'] }]],
];

describe('ReplyParser', () => {
  for (const [name, text, replies] of good) {
    it(`SMTP-01 reads ${name} whole, octet by octet and in any two pieces`, () => {
      const octets = new TextEncoder().encode(text);
      expect(parse([octets])).toEqual(replies);
      expect(parse(Array.from(octets, (octet) => new Uint8Array([octet])))).toEqual(replies);
      for (let cut = 1; cut < octets.length; cut++) {
        expect(parse([octets.subarray(0, cut), octets.subarray(cut)])).toEqual(replies);
      }
    });
  }

  it('SMTP-51 takes text in any octets', () => {
    const octets = Uint8Array.from([...new TextEncoder().encode('250 '), 0xff, 0xfe, 0x80, 13, 10]);
    expect(parse([octets])).toEqual([{ code: 250, lines: ['\ufffd\ufffd\ufffd'] }]);
  });

  const bad: readonly [string, string][] = [
    ['letters for a code', 'abc hello\r\n'],
    ['two digits', '25 ok\r\n'],
    ['a code below 200', '150 go on\r\n'],
    ['a code above 599', '600 what\r\n'],
    ['no separator', '250ok\r\n'],
    ['an empty line', '\r\n'],
    ['mixed codes', '250-a\r\n550 b\r\n'],
    ['garbage', '\u0000\u0001\u0002\n'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n'],
  ];
  for (const [name, text] of bad) {
    it(`SMTP-52 refuses ${name}`, () => {
      expect(() => parse([text])).toThrow(
        expect.objectContaining({ code: 'MB_SMTP_REPLY_SYNTAX', kind: 'peer-misbehaved' }),
      );
      expect(() => parse(text.split(''))).toThrow(expect.objectContaining({ code: 'MB_SMTP_REPLY_SYNTAX' }));
    });
  }

  it('SMTP-53 SMTP-72 reads lines of 2,048 octets and refuses those over the limit, also without a line end', () => {
    const line = `250 ${'x'.repeat(2042)}\r\n`;
    expect(parse([line])[0]?.lines[0]).toHaveLength(2042);
    expect(() => parse([`250 ${'x'.repeat(4096)}\r\n`])).toThrow(/4096 octets/);
    expect(() => parse(Array.from({ length: 5000 }, () => 'x'))).toThrow(/4096 octets/);
  });

  it('SMTP-53 SMTP-73 refuses a reply of too many lines', () => {
    expect(() => parse([`${'250-x\r\n'.repeat(513)}`])).toThrow(/512 lines/);
    expect(parse([`${'250-x\r\n'.repeat(511)}250 x\r\n`])[0]?.lines).toHaveLength(512);
  });

  it('SMTP-53 bounds the text that it keeps and reads on', () => {
    const [reply, next] = parse([`${`250-${'x'.repeat(1000)}\r\n`.repeat(100)}250 end\r\n220 next\r\n`]);
    expect(reply!.lines.join('').length).toBeLessThanOrEqual(8192);
    expect(next).toEqual({ code: 220, lines: ['next'] });
  });

  it('SMTP-79 reads the same lines with CRLF and with LF', () => {
    const lines = '250-mx\r\n250-SIZE 5\r\n250 DSN\r\n550 5.1.1 no\r\n';
    const replies = parse([lines]);
    expect(replies).toHaveLength(2);
    expect(parse([lines.replaceAll('\r\n', '\n')])).toEqual(replies);
    expect(parse([lines.replace('\r\n', '\n')])).toEqual(replies);
  });

  it('SMTP-57 ignores an enhanced code of another class than the reply', () => {
    expect(parse(['550 4.7.1 odd\r\n'])[0]?.enhanced).toBeUndefined();
    expect(parse(['450 5.7.1 odd\r\n'])[0]?.enhanced).toBeUndefined();
    expect(parse(['550-4.7.1 odd\r\n550 5.1.1 right\r\n'])[0]?.enhanced).toBe('5.1.1');
  });

  it('SMTP-04 takes the enhanced code from any line', () => {
    expect(parse(['550-sorry\r\n550 5.7.1 blocked\r\n'])[0]?.enhanced).toBe('5.7.1');
    expect(parse(['550-5.7.1 blocked\r\n550 sorry\r\n'])[0]?.enhanced).toBe('5.7.1');
    expect(parse(['250 2.1.5\r\n'])[0]?.enhanced).toBe('2.1.5');
    expect(parse(['250 2.1.5x\r\n'])[0]?.enhanced).toBeUndefined();
    expect(parse(['550 5.1.1234 no\r\n'])[0]?.enhanced).toBeUndefined();
  });

  it('says whether octets are left over', () => {
    const parser = new ReplyParser(defaultLimits);
    parser.push(new TextEncoder().encode('220 go\r\n250'));
    expect(parser.next()?.code).toBe(220);
    expect(parser.pending).toBe(true);
  });
});
