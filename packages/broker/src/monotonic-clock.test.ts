import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { MonotonicClock } from './monotonic-clock.ts';

it('Q-42 goes on from where it was when the clock is set back, and forward with it', async () => {
  const wall = new VirtualClock(1_000_000);
  const clock = new MonotonicClock(wall);
  expect(clock.now()).toBe(1_000_000);
  wall.jump(-500_000);
  expect(clock.now()).toBe(1_000_000);
  await wall.advance(10);
  expect(clock.now()).toBe(1_000_010);
  wall.jump(2_000_000);
  expect(clock.now()).toBe(3_000_010);
  wall.jump(-1);
  expect(clock.now()).toBe(3_000_010);
});
