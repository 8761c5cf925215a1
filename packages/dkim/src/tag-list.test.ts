import { describe, expect, it } from 'vitest';
import { DkimError } from './errors.ts';
import { decodeBase64Tag, formatTagList, parseTagList } from './tag-list.ts';

function codeOf(text: string): string {
  try {
    parseTagList(text);
    return 'accepted';
  } catch (error) {
    return DkimError.isInstance(error) ? error.code : String(error);
  }
}

describe('tag lists', () => {
  it('reads names and values with white space around them, and keeps it inside', () => {
    const tags = parseTagList(' v=1;\r\n\ta = rsa-sha256 ; h=from :\r\n to;n=\u00e9 ; b=; ');
    expect([...tags]).toEqual([
      ['v', '1'],
      ['a', 'rsa-sha256'],
      ['h', 'from :\r\n to'],
      ['n', 'é'],
      ['b', ''],
    ]);
  });

  it('tells names of different case apart', () => {
    expect(codeOf('a=1; A=2')).toBe('accepted');
  });

  it('DKIM-26 reads x- tags and passes over empty pieces', () => {
    expect([...parseTagList(';a=1;; x-foo=2 ; ;')]).toEqual([
      ['a', '1'],
      ['x-foo', '2'],
    ]);
  });

  it('DKIM-53 DKIM-23 refuses duplicate tags', () => {
    expect(codeOf('a=1; b=2; a=1')).toBe('MB_DKIM_TAG_DUPLICATE');
  });

  it('refuses what is no tag list', () => {
    for (const text of [
      '',
      ' ',
      ';',
      'a',
      '=1',
      '1a=1',
      'a b=1',
      'a=1; b',
      'a=\u0001',
      'a=x\u007fy',
      'a=\u00a0b\u0000',
    ]) {
      expect(codeOf(text), JSON.stringify(text)).toBe('MB_DKIM_TAG_SYNTAX');
    }
  });

  it('formats what it parses', () => {
    const text = 'v=DKIM1; k=rsa; p=AAAA';
    expect(formatTagList(parseTagList(text))).toBe(text);
  });

  it('decodes base64 with white space, and nothing that is not base64', () => {
    expect(decodeBase64Tag('aGV s\r\n bG8=')?.toString()).toBe('hello');
    for (const text of ['aGVsbG8', 'aGVs*G8=', 'aGVsbG8=====', 'a===', 'aGVs-_8='])
      expect(decodeBase64Tag(text)).toBeUndefined();
  });
});
