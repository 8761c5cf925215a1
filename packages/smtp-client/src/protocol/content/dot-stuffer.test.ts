import { describe, expect, it } from 'vitest';
import { scanContent } from './content-scan.ts';
import { DotStuffer } from './dot-stuffer.ts';

const encoder = new TextEncoder();

function stuff(chunks: readonly string[], stuffing = true, room = 64): string {
  const stuffer = new DotStuffer(stuffing);
  let out = '';
  for (const chunk of chunks) {
    const source = encoder.encode(chunk);
    for (let from = 0; from < source.length; ) {
      const target = new Uint8Array(room);
      const { read, written } = stuffer.write(source, from, target, 0);
      out += new TextDecoder().decode(target.subarray(0, written));
      from += read;
    }
  }
  return out + (stuffer.openLine ? '\r\n' : '');
}

// Content as arrays of chunks; cut anywhere the result is the same.
const vectors: readonly [string, string, string][] = [
  ['a dot as the first octet', '.a\r\n', '..a\r\n'],
  ['a lone dot', '.', '..\r\n'],
  ['dots within a line', 'a.b\r\n', 'a.b\r\n'],
  ['a dot after CRLF', 'a\r\n.b\r\n..c\r\n', 'a\r\n..b\r\n...c\r\n'],
  ['no line end', 'a', 'a\r\n'],
  ['nothing', '', ''],
  ['a CR at the end', 'a\r', 'a\r\n'],
  ['an LF at the end', 'a\n', 'a\r\n'],
  ['bare LF and dot', 'a\n.\nb', 'a\r\n..\r\nb\r\n'],
  ['bare LF, dot, CRLF', 'a\n.\r\nb', 'a\r\n..\r\nb\r\n'],
  ['bare CR, dot, CR', 'a\r.\rb', 'a\r\n..\r\nb\r\n'],
  ['CRLF NUL dot CRLF', 'a\r\n\0.\r\nb', 'a\r\n\0.\r\nb\r\n'],
  ['CR CRLF dot CR CRLF', 'a\r\r\n.\r\r\nb', 'a\r\n\r\n..\r\n\r\nb\r\n'],
  ['LF CR', 'a\n\rb', 'a\r\n\r\nb\r\n'],
  ['an end of data and a command after it', 'a\r\n.\r\nMAIL FROM:<x>\r\n', 'a\r\n..\r\nMAIL FROM:<x>\r\n'],
];

describe('DotStuffer', () => {
  for (const [name, input, output] of vectors) {
    it(`SMTP-20 SMTP-21 makes text of ${name}, wherever it is cut`, () => {
      expect(stuff([input])).toBe(output);
      expect(stuff(input.split(''))).toBe(output);
      for (let cut = 1; cut < input.length; cut++)
        expect(stuff([input.slice(0, cut), input.slice(cut)])).toBe(output);
      expect(stuff([input], true, 4)).toBe(output);
    });

    it(`SMTP-25 counts ${name} as it is sent, without the dots added`, () => {
      const scan = scanContent(encoder.encode(input));
      const plain = stuff([input], false);
      expect(scan.textSize).toBe(plain.length);
      expect(scan.canonical).toBe(plain === input);
      expect(scan.dots?.length).toBe(output.length - plain.length);
    });
  }

  it('notices octets beyond 7 bits', () => {
    const stuffer = new DotStuffer(true);
    stuffer.write(encoder.encode('é'), 0, new Uint8Array(16), 0);
    expect(stuffer.bits).toBeGreaterThan(127);
    expect(scanContent(encoder.encode('é')).eightBit).toBe(true);
    expect(scanContent(encoder.encode('e')).eightBit).toBe(false);
  });
});
