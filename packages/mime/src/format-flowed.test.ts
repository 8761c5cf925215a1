import { describe, expect, it } from 'vitest';
import { decodeFlowed } from './index.ts';

describe('decodeFlowed', () => {
  it.each([
    ['one \r\ntwo\r\n', 'one two\n'],
    ['a\r\n\r\nb', 'a\n\nb'],
    [' From x\r\n  y', 'From x\n y'],
    ['> quoted \r\n> more\r\nreply', '> quoted more\nreply'],
    ['>> a \r\n> b', '>> a \n> b'],
    ['text \r\n-- \r\nsig', 'text \n-- \nsig'],
    ['', ''],
  ])('joins %j', (text, joined) => {
    expect(decodeFlowed(text)).toBe(joined);
  });

  it('drops the space before a soft break with delsp', () => {
    expect(decodeFlowed('日本 \r\n語', { delSp: true })).toBe('日本語');
    expect(decodeFlowed('日本 \r\n語')).toBe('日本 語');
  });
});
