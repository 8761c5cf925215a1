import { describe, expect, it } from 'vitest';
import { decodeCharset } from './charsets.ts';
import { decodeWords, parseMessage } from './index.ts';

describe('decodeCharset', () => {
  it.each([
    ['cp850', [0x82], 'é'],
    ['cp-850', [0x82], 'é'],
    ['IBM850', [0x82], 'é'],
    ['cp437', [0xe1], 'ß'],
    ['x-cp437', [0xe1], 'ß'],
    ['utf-7', Buffer.from('+AOk-'), 'é'],
    ['unicode-1-1-utf-7', Buffer.from('+AOk-'), 'é'],
    ['utf-32be', [0, 0, 0, 0x41], 'A'],
    ['iso-8859-16', [0xa4], '€'],
    // RFC 1557: "안녕" as ISO-2022-KR.
    ['iso-2022-kr', Buffer.from('\x1b$)Ca \x0e>H3g\x0f b', 'latin1'), 'a 안녕 b'],
    ['csISO2022KR', Buffer.from('\x0e>H3g\x0f', 'latin1'), '안녕'],
    // RFC 1843 §3
    [
      'hz-gb-2312',
      Buffer.from('This ~~ is ~{<:Ky2;S{#,NpJ)l6HK!#~}Bye.'),
      'This ~ is 己所不欲，勿施於人。Bye.',
    ],
    ['hz', Buffer.from('a~\nb ~{<:~}\r\n~{Ky'), 'ab 己\r\n所'],
  ])('PARSE-36 reads %s', (label, octets, text) => {
    expect(decodeCharset(Uint8Array.from(octets), label)).toBe(text);
  });

  it('PARSE-36 leaves what it does not know', () => {
    expect(decodeCharset(Uint8Array.of(65), 'x-unknown')).toBeUndefined();
    expect(decodeCharset(Uint8Array.of(65), '')).toBeUndefined();
    expect(decodeCharset(Uint8Array.of(65), 'base64')).toBeUndefined();
  });

  it('PARSE-36 serves parseMessage and decodeWords', async () => {
    expect(decodeWords('=?cp850?Q?=82?= =?CP-850?B?gg==?=', { decodeCharset })).toBe('éé');
    expect(decodeWords('=?iso-2022-kr?B?DjtIM2cP?= =?iso-2022-kr?B?Dj5IM2cP?=', { decodeCharset })).toMatch(
      /안녕$/,
    );
    const octets = Buffer.from(
      'Subject: =?utf-7?Q?+AOk-?=\r\nContent-Type: text/plain; charset=cp437\r\n\r\n\xe1',
      'latin1',
    );
    const { subject, text, defects } = await parseMessage(octets, { decodeCharset });
    expect([subject, text, defects]).toEqual(['é', 'ß', []]);
  });
});
