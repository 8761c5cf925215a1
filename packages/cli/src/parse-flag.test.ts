import { InvalidArgumentError } from 'commander';
import { expect, it } from 'vitest';
import { parseDuration } from './parse-flag.ts';

it.each([
  ['0', 0],
  ['0d', 0],
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['12h', 43_200_000],
  ['7d', 604_800_000],
])('CLI-165 the time %s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each(['', '7', '7 d', '-1d', '1.5h', '7D', '7w', '1000000d', 'd'])(
  'CLI-166 refuses %o, which is no time with a unit',
  (text) => {
    expect(() => parseDuration(text)).toThrow(InvalidArgumentError);
  },
);
