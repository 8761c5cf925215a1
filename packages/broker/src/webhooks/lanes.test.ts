import { expect, it } from 'vitest';
import { type Job, type Lane, Lanes } from './lanes.ts';

/** Lanes on a clock that the test moves. */
function world(concurrency: number) {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  const started: { readonly lane: Lane; readonly at: number }[] = [];
  const lanes = new Lanes({
    concurrency,
    now: () => now,
    setTimer(callback, delayMs) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    run: (lane) => started.push({ lane, at: now }),
  });
  const add = (messageId: string, attempts = 0) => {
    const event = { id: messageId, messageId, type: 'accepted', at: 0, data: {} } as const;
    const job: Job = { event, attempts, dueAt: 0, deadline: 0, order: 0, stored: false, finish: () => {} };
    lanes.add(job);
    lanes.dispatch();
  };
  return {
    lanes,
    started,
    add,
    keys: () => started.map(({ lane }) => lane.key),
    answer(key: string, tookMs?: number) {
      const { lane } = started.findLast((one) => one.lane.key === key)!;
      lane.jobs.shift();
      lanes.end(lane, tookMs);
    },
    advance(toMs: number) {
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= toMs).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        now = due.at;
        due.callback();
      }
      now = toMs;
    },
  };
}

it('WHK-112 calls that take as long as they usually do are no more than the concurrency', () => {
  const { add, answer, advance, keys, lanes } = world(2);
  add('first');
  advance(150);
  answer('first', 150);
  for (const key of ['a', 'b', 'c']) add(key);
  // Three times as long as usual.
  advance(600);
  expect(keys()).toEqual(['first', 'a', 'b']);
  expect(lanes.running).toBe(2);
  answer('a', 450);
  expect(keys()).toEqual(['first', 'a', 'b', 'c']);
});

it('WHK-113 calls that take much longer give their places to others, up to a bound', () => {
  const { add, answer, advance, keys, lanes, started } = world(2);
  for (let i = 0; i < 20; i++) add(`m${i}`);
  expect(keys()).toEqual(['m0', 'm1']);
  advance(2_000);
  // Eight have given up their places, two have them.
  expect(keys()).toHaveLength(10);
  expect(started.map(({ at }) => at)).toEqual([0, 0, 200, 200, 400, 400, 600, 600, 800, 800]);
  answer('m0');
  expect(keys()).toHaveLength(10);
  answer('m9');
  expect(keys()).toHaveLength(11);
  expect(lanes.running).toBe(9);
});

it('WHK-113 retries that take much longer leave room for other retries', () => {
  const { add, advance, keys } = world(2);
  for (const key of ['a', 'b', 'c']) add(key, 1);
  expect(keys()).toEqual(['a']);
  advance(200);
  expect(keys()).toEqual(['a', 'b']);
});
