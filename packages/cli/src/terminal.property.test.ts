import fc from 'fast-check';
import { expect, it } from 'vitest';
import { printable, wrap } from './terminal.ts';

const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'ü'), minLength: 1, maxLength: 30 }), {
  minLength: 1,
});

it('wrapping loses no word, and passes the width only by a word that is longer', () => {
  fc.assert(
    fc.property(words, fc.integer({ min: 24, max: 60 }), (list, width) => {
      const lines = wrap(list.join(' '), '    ', width).split('\n');
      expect(lines.flatMap((line) => line.slice(4).split(' '))).toEqual(list);
      for (const line of lines) if (line.length > width) expect(line.slice(4)).not.toContain(' ');
    }),
  );
});

it('printable text has no control character but tab and line feed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }),
  );
});
