import { describe, expect, it } from 'vitest';
import { parseMessage } from './index.ts';

async function read(label: string, octets: readonly number[] | Uint8Array, type = 'text/plain') {
  const header = Buffer.from(`Content-Type: ${type}; charset=${label}\r\n\r\n`);
  const { text, html, defects } = await parseMessage(Buffer.concat([header, Uint8Array.from(octets)]));
  return [text ?? html, ...defects.map(({ code }) => code)];
}

const utf8 = Buffer.from('Grüße');

describe('PARSE-33 PARSE-35 charsets of bodies', () => {
  it.each([
    ["'utf-8'", utf8, 'Grüße'],
    ['utf_8', utf8, 'Grüße'],
    ['UTF8', utf8, 'Grüße'],
    ['utf-16', [0, 0x48, 0, 0x69], 'Hi'],
    ['utf_16', [0x48, 0, 0x69, 0], 'Hi'],
    ['iso8859_15', [0xa4], '€'],
    ['latin_1', [0xfc], 'ü'],
    ['iso-8859-1', [0x80, 0xfc], '€ü'],
    ['cp-1252', [0x80], '€'],
    ['windows1251', [0xe4], 'д'],
    ['us-ascii', [0x61], 'a'],
    ['cp949', [0xb0, 0xa1], '가'],
    ['ks_c_5601', [0xb0, 0xa1], '가'],
  ])('PARSE-35 reads the label %s', async (label, octets, text) => {
    expect(await read(label, octets)).toEqual([text]);
    expect(await read(label, octets, 'text/html')).toEqual([text]);
  });

  it.each([
    ['UTF8', [0xef, 0xbb, 0xbf, ...utf8], 'Grüße'],
    ['utf-16', [0xfe, 0xff, 0, 0x48, 0, 0x69], 'Hi'], // RFC 2781 §4.3
    ['utf-16', [0xff, 0xfe, 0x48, 0, 0x69, 0], 'Hi'],
    ['utf-16be', [0xfe, 0xff, 0, 0x48], 'H'],
  ])('PARSE-68 takes no byte order mark for text: %s', async (label, octets, text) => {
    expect(await read(label, octets)).toEqual([text]);
    expect(await read(label, octets, 'text/html')).toEqual([text]);
  });

  it.each([
    ['us-ascii', utf8, 'Grüße', 'charset-mismatch'],
    ['us-ascii', [0xfc], 'ü', 'charset-mismatch'],
    ['iso-8859-1', utf8, 'Grüße', 'charset-mismatch'],
    ['shift_jis', Buffer.from('日本語'), '日本語', 'charset-mismatch'],
    ['utf-8', [0xfc, 0x61], '\ufffda', 'charset-mismatch'],
    ['unknown-8bit', utf8, 'Grüße', 'unknown-charset'],
    ['cp850', [0x82], '‚', 'unknown-charset'],
    ['cp-850', [0x82], '‚', 'unknown-charset'],
    ['iso-8859-99', utf8, 'Grüße', 'unknown-charset'],
    ['iso-8859-99', [0xfc], 'ü', 'unknown-charset'],
    ['utf-7', Buffer.from('+AOk-'), '+AOk-', 'unknown-charset'],
  ])('reads a wrong or unknown label %s and says so', async (label, octets, text, defect) => {
    expect(await read(label, octets)).toEqual([text, defect]);
  });

  it('PARSE-63 keeps what a right label says, though it is UTF-8, too', async () => {
    expect(await read('iso-8859-1', [0xc3, 0xa9])).toEqual(['Ã©']);
    expect(await read('utf-8', [0xef, 0xbf, 0xbd])).toEqual(['\ufffd']);
  });

  it('PARSE-34 asks decodeCharset for what the platform does not know: bodies, words, file names', async () => {
    const header =
      'Subject: =?x-own?Q?s?=\r\nContent-Type: text/plain; charset="X-Own"\r\n' +
      "Content-Disposition: inline; x=1; filename*=x-own''n\r\n\r\nb";
    const message = await parseMessage(Buffer.from(header), {
      decodeCharset: (octets, label) => (label === 'x-own' ? `<${Buffer.from(octets)}>` : undefined),
    });
    expect([message.subject, message.root.filename, message.defects]).toEqual(['<s>', '<n>', []]);
  });
});
