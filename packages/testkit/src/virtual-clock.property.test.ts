import fc from 'fast-check';
import { expect, it } from 'vitest';
import { VirtualClock } from './virtual-clock.ts';

it('fires the timers that were not cancelled, once, sorted by due time and creation', () => {
  const timers = fc.array(fc.record({ delayMs: fc.nat(20), cancelled: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(timers, (specs) => {
      const clock = new VirtualClock(0);
      const fired: number[] = [];
      const cancels = specs.map(({ delayMs }, index) => clock.setTimer(() => fired.push(index), delayMs));
      for (const [index, { cancelled }] of specs.entries()) if (cancelled) cancels[index]?.();
      while (clock.runNext());
      const expected = specs
        .map((spec, index) => ({ ...spec, index }))
        .filter(({ cancelled }) => !cancelled)
        .sort((one, other) => one.delayMs - other.delayMs || one.index - other.index);
      expect(fired).toEqual(expected.map(({ index }) => index));
      expect(clock.pendingTimers).toBe(0);
    }),
  );
});
