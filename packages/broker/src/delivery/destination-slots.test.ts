import { expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { defaultSiteLimits } from '../store/pacing.ts';
import { DestinationSlots } from './destination-slots.ts';

it('SEND-08 a call that comes while a connection is handed on waits for its turn', async () => {
  const slots = new DestinationSlots(
    { ...defaultSiteLimits, startConcurrency: 1, maxConcurrency: 1 },
    systemClock,
  );
  let running = 0;
  let most = 0;
  const call = async () => {
    await slots.run('example.com', async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return { result: undefined };
    });
  };
  const order: string[] = [];
  const named = async (name: string) => {
    await call();
    order.push(name);
  };
  const first = named('first').then(() => named('late'));
  await Promise.all([first, named('second'), named('third')]);
  expect(most).toBe(1);
  expect(order).toEqual(['first', 'second', 'third', 'late']);
});
