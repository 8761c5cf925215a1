import { expect, it } from 'vitest';
import { escapeControls, printable } from './printable.ts';

it('DNS-60 escapes control characters of foreign text once', () => {
  expect(printable('mx.example.com')).toBe('"mx.example.com"');
  expect(printable('a\u001b[2Jb\r\nc\u0000\u007f\u0085\u009b\u2028\u202e\ud800')).toBe(
    '"a\\u{1b}[2Jb\\u{d}\\u{a}c\\u{0}\\u{7f}\\u{85}\\u{9b}\\u{2028}\\u{202e}\\u{d800}"',
  );
  expect(printable('Bücher 日本 😀')).toBe('"Bücher 日本 😀"');
  expect(escapeControls(escapeControls('a\tb'))).toBe('a\\u{9}b');
});

it('DNS-95 cuts foreign text to 80 characters between quotation marks', () => {
  expect(printable('x'.repeat(1_000_000)).length).toBe(82);
});

it.each([undefined, null, 5, {}, Symbol('x')])('says of what type %s is', (value) => {
  expect(printable(value)).toBe(`a value of type ${typeof value}`);
});
