import { expect, it } from 'vitest';
import { TestkitError } from './errors.ts';

it('is recognised across copies of the package by its registered symbol', () => {
  const foreign = { [Symbol.for('@mb/testkit.error')]: true };
  expect(TestkitError.isInstance(new TestkitError('MB_TESTKIT_WAIT', 'x'))).toBe(true);
  expect(TestkitError.isInstance(foreign)).toBe(true);
  expect(TestkitError.isInstance(new Error('x'))).toBe(false);
  expect(TestkitError.isInstance(null)).toBe(false);
});
