import { expect, it } from 'vitest';
import { printable, wrap } from './terminal.ts';

it('wraps at spaces, indents every line, and keeps long words whole', () => {
  const text = 'one two three four five six seven';
  expect(wrap(text, '  ', 24)).toBe(
    '  one two three four five\n  six seven'.replace(' five\n  six', '\n  five six'),
  );
  expect(wrap('a\nb', '> ', 80)).toBe('> a\n> b');
  const word = 'x'.repeat(100);
  expect(wrap(`a ${word} b`, '', 40)).toBe(`a\n${word}\nb`);
});

it('never lets a stranger drive the terminal', () => {
  expect(printable('a\x1b[2Jb\r\x07\u009b31m\u202ec')).toBe('a\ufffd[2Jb \ufffd\ufffd31m\ufffdc');
  expect(printable('Grüße\tund\nmehr 📈')).toBe('Grüße und mehr 📈');
});
