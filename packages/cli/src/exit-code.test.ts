import { expect, it } from 'vitest';
import { exitCodeOf } from './exit-code.ts';

it.for([
  [[], 0],
  [['delivered', 'delivered'], 0],
  [['delivered', 'deferred'], 1],
  [['deferred', 'failed'], 2],
  [['failed', 'unknown', 'delivered'], 3],
] as const)('%j gives %i', ([statuses, exitCode]) => {
  expect(exitCodeOf(statuses.map((status) => ({ status })))).toBe(exitCode);
});
