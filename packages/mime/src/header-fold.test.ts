import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../test/compose-text.ts';
import { foldHeader, unfoldHeader } from './index.ts';

const fieldValue = fc
  .array(
    fc.oneof(
      fc.constantFrom(' ', '  ', '\t', '\\ ', '\\\\ ', '"', '\\"', 'é', '日本', 'a@b', 'x'.repeat(80)),
      fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
    ),
    { maxLength: 40 },
  )
  .map((words) => words.join('').replace(/[\0-\x08\x0a-\x1f\x7f]/g, ''));

describe('foldHeader', () => {
  it('MIME-07 MIME-64 comes back by unfolding; no line is white space alone', () => {
    fc.assert(
      fc.property(fieldValue, (value) => {
        const field = foldHeader('X-Name', value);
        expect(unfoldHeader(field)).toBe(`X-Name: ${value}\r\n`);
        for (const line of field.slice(0, -2).split('\r\n').slice(1)) expect(line).toMatch(/^[ \t].*[^ \t]/);
      }),
      { numRuns: 500 },
    );
  });

  it('MIME-18 splits no quoted-pair', () => {
    const field = foldHeader('X-Name', `"${'b'.repeat(60)}\\ ${'c'.repeat(20)}\\\\ d"`);
    expect(field).not.toMatch(/[^\\](?:\\\\)*\\\r\n/);
    expect(field).toContain('\\\\\r\n d');
  });

  it('MIME-19 keeps lines to 78 where a fold exists, in octets', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('word', 'é'.repeat(20), '日本語', 'x'.repeat(70))), (words) => {
        for (const line of foldHeader('Subject', words.join(' ')).split('\r\n')) {
          expect(Buffer.byteLength(line)).toBeLessThanOrEqual(78);
        }
      }),
    );
  });

  it('MIME-08 keeps a run over 78 on one line, and refuses one over 998 octets', async () => {
    expect(foldHeader('X-Url', `https://example.com/${'a'.repeat(200)}`).split('\r\n')).toHaveLength(2);
    expect(await codeOf(() => foldHeader('X-Url', 'a'.repeat(3000)))).toBe('MB_MIME_LINE_LENGTH');
    expect(await codeOf(() => foldHeader('X-Url', 'é'.repeat(600)))).toBe('MB_MIME_LINE_LENGTH');
    expect(await codeOf(() => foldHeader('X-Url', `a${' '.repeat(1000)}b`))).toBe('MB_MIME_LINE_LENGTH');
    expect(
      foldHeader('X', 'a'.repeat(997))
        .split('\r\n')
        .every((line) => line.length <= 998),
    ).toBe(true);
  });

  it('MIME-26 refuses line breaks, NUL and other controls', async () => {
    for (const value of ['a\r\nBcc: b', 'a\nb', 'a\rb', 'a\0b', 'a\x1bb', 'a\x7f']) {
      expect(await codeOf(() => foldHeader('X', value))).toBe('MB_MIME_HEADER_VALUE');
    }
  });

  it('MIME-11 takes names of printable ASCII without colon only', async () => {
    for (const name of ['', 'a b', 'a:b', 'é', 'a\r\nb', 'x'.repeat(300), ' a']) {
      expect(await codeOf(() => foldHeader(name, 'v'))).toBe('MB_MIME_HEADER_NAME');
    }
    expect(foldHeader('__proto__', 'v')).toBe('__proto__: v\r\n');
  });
});
