import { describe, expect, it } from 'vitest';
import { VirtualClock } from './virtual-clock.ts';

describe('VirtualClock', () => {
  it('does not move until it is advanced', async () => {
    const clock = new VirtualClock(1_000);
    let fired = 0;
    clock.setTimer(() => fired++, 50);
    expect([clock.now(), clock.pendingTimers, clock.nextTimerInMs]).toEqual([1_000, 1, 50]);
    await clock.advance(49);
    expect([clock.now(), fired]).toEqual([1_049, 0]);
    await clock.advance(1);
    expect([clock.now(), fired, clock.pendingTimers, clock.nextTimerInMs]).toEqual([1_050, 1, 0, undefined]);
  });

  it('fires by due time, then by order of creation, each at its own moment', async () => {
    const clock = new VirtualClock(0);
    const seen: [string, number][] = [];
    const timer = (name: string, delayMs: number) =>
      clock.setTimer(() => seen.push([name, clock.now()]), delayMs);
    timer('c', 20);
    timer('a', 10);
    timer('b', 10);
    timer('now', -5);
    timer('nan', Number.NaN);
    await clock.advance(30);
    expect(seen).toEqual([
      ['now', 0],
      ['nan', 0],
      ['a', 10],
      ['b', 10],
      ['c', 20],
    ]);
  });

  it('lets promises settle between timers, so that timers set in between fire in order', async () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms));
    const loop = (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(10);
        await Promise.resolve();
        seen.push(clock.now());
      }
    })();
    clock.setTimer(() => seen.push(-25), 25);
    await clock.advance(100);
    await loop;
    expect(seen).toEqual([10, 20, -25, 30]);
  });

  it('cancels exactly the timer that is meant, also twice and after it fired', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const cancels = ['a', 'b', 'c'].map((name) => clock.setTimer(() => seen.push(name), 5));
    cancels[1]?.();
    cancels[1]?.();
    expect(clock.pendingTimers).toBe(2);
    await clock.advance(5);
    for (const cancel of cancels) cancel();
    expect(seen).toEqual(['a', 'c']);
  });

  it('jumps the wall clock and leaves timers where they are', async () => {
    const clock = new VirtualClock(1_000_000);
    let firedAt = 0;
    clock.setTimer(() => {
      firedAt = clock.now();
    }, 100);
    clock.jump(-500_000);
    expect(clock.now()).toBe(500_000);
    await clock.advance(100);
    expect(firedAt).toBe(500_100);
  });

  it('runs until nothing waits, up to a time or a number of timers', async () => {
    const clock = new VirtualClock(0);
    let runs = 0;
    const again = (): void => {
      if (++runs < 5) clock.setTimer(again, 1_000);
    };
    clock.setTimer(again, 1_000);
    expect(await clock.runUntilIdle({ maxMs: 2_500 })).toBe(2_000);
    expect(await clock.runUntilIdle()).toBe(3_000);
    expect([runs, clock.now()]).toEqual([5, 5_000]);
    const forever = (): void => void clock.setTimer(forever, 1);
    forever();
    await expect(clock.runUntilIdle({ maxTimers: 50 })).rejects.toMatchObject({ code: 'MB_TESTKIT_WAIT' });
  });

  it('works with its methods handed over on their own, and refuses to go back', async () => {
    const { now, setTimer } = new VirtualClock(7);
    setTimer(() => {}, 1)();
    expect(now()).toBe(7);
    await expect(new VirtualClock().advance(-1)).rejects.toMatchObject({ code: 'MB_TESTKIT_OPTION' });
  });
});
