import { expect, it } from 'vitest';
import { readText } from './reply-text.ts';

const encoder = new TextEncoder();
const read = (text: string) => {
  const octets = encoder.encode(text);
  return readText(octets, 0, octets.length);
};

it('SMTP-04 finds a status only at the beginning of a line and only as a word of its own', () => {
  expect(read('2.1.5 ok')).toEqual({ text: '2.1.5 ok', status: '2.1.5' });
  expect(read('5.7.133')).toEqual({ text: '5.7.133', status: '5.7.133' });
  for (const text of ['2.1.5x', '3.1.5 no', 'ok 2.1.5', '2.1 ok', '2.1234.1 no']) {
    expect(read(text)).toEqual({ text, status: undefined });
  }
});

it('SMTP-71 replaces control characters and what is no UTF-8', () => {
  expect(read('a\u0007b\u007f\tc').text).toBe('a\ufffdb\ufffd\tc');
  expect(read('a\u009bb\u2028c').text).toBe('a\ufffdb\ufffdc');
  expect(readText(Uint8Array.of(0x61, 0xe9, 0x62), 0, 3).text).toBe('a\ufffdb');
});
