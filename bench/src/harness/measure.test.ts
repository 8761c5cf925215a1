import { expect, it } from 'vitest';
import { LocalLane, type Series } from './lane.ts';
import { measure, medianInterval, turnOrder } from './measure.ts';
import type { Contender, Row } from './row.ts';

const row: Row = {
  id: 'test/row',
  title: 'a row',
  metric: 'cpu',
  amount: { count: 1, unit: 'runs' },
  limit: 'limit',
  goals: [],
  field: async () => ({ contenders: [] }),
};
const effort = { rounds: 3, sampleMs: 0, warmUpMs: 0 };

function measured(contenders: readonly Contender[], of: Row = row, operations = 1): Promise<Series[]> {
  const lanes = contenders.map((each) => new LocalLane(each, of, operations, effort));
  return measure(lanes, effort.rounds, () => {});
}

function contender(name: string, fields: Partial<Contender> = {}): Contender {
  return { name, role: 'peer', run: () => name, check: () => undefined, ...fields };
}

it('gives each contender every place, and different neighbours, over the rounds', () => {
  const orders = (items: string[], rounds: number) =>
    Array.from({ length: rounds }, (_, round) => turnOrder(items, round).join(''));
  expect(orders(['a', 'b', 'c'], 6)).toEqual(['abc', 'cba', 'bca', 'acb', 'cab', 'bac']);
  expect(orders(['a', 'b'], 4)).toEqual(['ab', 'ba', 'ba', 'ab']);
});

it('runs the contenders in turn, not one after the other', async () => {
  const calls: string[] = [];
  const logged = (name: string) => contender(name, { run: () => void calls.push(name) });
  await measured([logged('a'), logged('b')]);
  const warmUp = 'ab';
  // Each sample is run once before it is taken.
  expect(calls.join('')).toBe([warmUp, 'aabb', 'bbaa', 'bbaa'].join(''));
});

it('keeps the figures of a contender with a wrong output, and says what was wrong', async () => {
  const wrong = contender('wrong', { check: (output) => `not ${String(output)}` });
  const [series] = await measured([wrong]);
  expect(series).toMatchObject({ problem: 'not wrong', threw: false });
  expect(series?.cpu).toHaveLength(3);
});

it('notices an output that is wrong only once', async () => {
  let runs = 0;
  const flaky = contender('flaky', { run: () => ++runs, check: (n) => (n === 2 ? 'two' : undefined) });
  const [series] = await measured([flaky]);
  expect(series?.problem).toBe('two');
});

it('goes on without a contender that throws', async () => {
  const broken = contender('broken', { run: () => Promise.reject(new Error('no')) });
  const all = await measured([broken, contender('sound')]);
  expect(all[0]).toMatchObject({ problem: 'threw in test/row: no', threw: true, cpu: [] });
  expect(all[1]?.cpu).toHaveLength(3);
});

it('divides by the operations that one run does', async () => {
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
  const slow = contender('slow', { run: pause });
  const wholeRuns = { ...row, wholeRuns: true };
  const [series] = await measured([slow], wholeRuns, 1000);
  expect(series!.wall[0]).toBeGreaterThan(15);
  expect(series!.wall[0]).toBeLessThan(2000);
});

it('gives the interval of a median by the ranks of a table of the sign test', () => {
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => count - index);
  expect(medianInterval(upTo(5))).toBeUndefined();
  expect(medianInterval(upTo(6))).toEqual({ low: 1, high: 6 });
  expect(medianInterval(upTo(10))).toEqual({ low: 2, high: 9 });
  expect(medianInterval(upTo(25))).toEqual({ low: 8, high: 18 });
  expect(medianInterval(upTo(100))).toEqual({ low: 40, high: 61 });
});
