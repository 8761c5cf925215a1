import { describe, it } from 'vitest';
import { expectLinear } from '../../../vitest.growth.ts';
import { printable, wrap } from './terminal.ts';

/** Each makes an input of about `n` characters and reads it. */
const readers: [name: string, run: (n: number) => void][] = [
  ['words to be wrapped', (n) => wrap('word '.repeat(n / 5), '    ', 60)],
  ['blanks to be wrapped', (n) => wrap(' '.repeat(n), '    ', 60)],
  ['a word to be wrapped', (n) => wrap('a'.repeat(n), '    ', 60)],
  ['control characters', (n) => printable('\x1b[0m'.repeat(n / 4))],
];

describe('growth of time', () => {
  it.each(readers)('is linear for %s', (_, run) => {
    expectLinear(run);
  });
});
