import { expect, it } from 'vitest';
import { csvCell, printableJson, printableText } from './printable-text.ts';

/** All code points that drive a terminal, end a line or change the order of text, and some that are plain text. */
const controls = [
  ...Array.from({ length: 32 }, (_, code) => code),
  ...Array.from({ length: 33 }, (_, code) => 0x7f + code),
  0x61c,
  0x200e,
  0x200f,
  ...Array.from({ length: 7 }, (_, code) => 0x2028 + code),
  ...Array.from({ length: 4 }, (_, code) => 0x2066 + code),
].map((code) => String.fromCodePoint(code));
const plain = 'Grüße, 漢字 📈 – é';

it('SAFE-14 leaves no control, line separator or bidirectional control in text, and all other text as it is', () => {
  expect(printableText(plain)).toBe(plain);
  for (const control of controls) {
    const text = printableText(`a${control}b`);
    expect(text).toMatch(/^a[ \ufffd]b$/);
    expect(text.split('\n')).toHaveLength(1);
  }
  expect(printableText('a\ud800b')).toBe('a\ufffdb');
  expect(printableText('x\r\nok  dkim: all is well')).toBe('x  ok  dkim: all is well');
});

const controlled = { text: `${plain}${controls.join('')}`, list: [1, null, '\u009b31m'] };

it('SAFE-15 writes JSON that says the same', () => {
  expect(JSON.parse(printableJson(controlled))).toEqual(controlled);
  expect(printableJson(undefined)).toBe('null');
});

it('SAFE-99 writes JSON without controls', () => {
  const text = printableJson(controlled);
  expect(printableText(text)).toBe(text);
});

it('SAFE-16 writes CSV cells that no spreadsheet takes for a formula', () => {
  for (const start of ['=', '+', '-', '@', '\t=', '\r=', ' =', '\uff1d', '|', '%']) {
    expect(csvCell(`${start}1+1`)).toMatch(/^"?'/);
  }
  expect(csvCell('bob@example.org')).toBe('bob@example.org');
  expect(csvCell('a,"b"\r\nc')).toBe('"a,""b""  c"');
  expect(csvCell('\u009b31m')).toBe('\ufffd31m');
});
