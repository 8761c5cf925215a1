import { expect, it } from 'vitest';
import type { Series } from './lane.ts';
import type { Goal, Role, Row } from './row.ts';
import { judge } from './verdict.ts';

function row(goals: readonly Goal[], metric: Row['metric'] = 'cpu'): Row {
  const amount = { count: 1, unit: 'runs' };
  return {
    id: 't/r',
    title: 't',
    metric,
    amount,
    limit: 'limit',
    goals,
    field: async () => ({ contenders: [] }),
  };
}

function series(name: string, role: Role, costs: readonly number[], problem?: string): Series {
  const contender = { name, role, run: () => undefined, check: () => undefined };
  const figures = { wall: costs, cpu: costs, told: costs, threw: false };
  return { contender, ...figures, ...(problem === undefined ? {} : { problem }) };
}

const field = [
  series('us', 'ours', [30, 60, 30]),
  series('fast but wrong', 'peer', [10, 10, 10], 'lost a message'),
  series('right', 'peer', [100, 200, 100]),
  series('slow', 'peer', [300, 600, 300]),
  series('limit', 'limit', [10, 20, 10]),
];

const circumstances = { absent: [], shares: new Map<string, number>(), versionOf: () => undefined };

function judged(goals: readonly Goal[], contenders: readonly Series[] = field) {
  return judge(row(goals), contenders, circumstances);
}

it('never calls a peer with a wrong output the best', () => {
  expect(judged([]).bestPeer).toBe('right');
});

it('takes ratios within each round, so that a slow round changes none', () => {
  const us = judged([]).contenders.find(({ name }) => name === 'us');
  expect(us?.toLimit).toEqual({ median: 3, min: 3, max: 3 });
  expect(us?.toBestPeer?.median).toBeCloseTo(0.3);
});

it('judges each kind of goal on both sides', () => {
  const goals: Goal[] = [
    { kind: 'ratio', to: 'limit', atMost: 3 },
    { kind: 'ratio', to: 'limit', atMost: 2.9 },
    { kind: 'share', of: 'limit', atLeast: 0.33 },
    { kind: 'share', of: 'limit', atLeast: 0.34 },
    { kind: 'micros', atMost: 30 },
    { kind: 'micros', atMost: 29 },
    { kind: 'best' },
  ];
  expect(judged(goals).goals.map(({ met }) => met)).toEqual([true, false, true, false, true, false, true]);
});

it('judges what the run reports by its own figures, not by processor time', () => {
  const told: readonly Series[] = [{ ...field[0]!, cpu: [1, 1, 1], told: [30, 60, 30] }, ...field.slice(1)];
  const goals: Goal[] = [
    { kind: 'micros', atMost: 30 },
    { kind: 'micros', atMost: 29 },
    { kind: 'micros', atMost: 1, metric: 'cpu' },
  ];
  const { goals: verdicts } = judge(row(goals, 'p99'), told, circumstances);
  expect(verdicts.map(({ met }) => met)).toEqual([true, false, true]);
});

it('decides a confident goal only when the interval of the ratio lies on one side of it', () => {
  const us = [...Array(20).keys()].map((round) => 101 + (round % 5));
  const contenders = [series('us', 'ours', us), series('limit', 'limit', Array(20).fill(100))];
  const goal = (atMost: number): Goal => ({ kind: 'ratio', to: 'limit', atMost, confident: true });
  const { goals } = judged([goal(1.05), goal(1.03), goal(1.01)], contenders);
  expect(goals.map(({ met }) => met)).toEqual([true, undefined, false]);
  expect(goals[1]).toMatchObject({ measured: 1.03, interval: { low: 1.02, high: 1.04 } });
  const few = [series('us', 'ours', [101, 101]), series('limit', 'limit', [100, 100])];
  expect(judged([goal(1.05)], few).goals[0]).not.toHaveProperty('met');
});

it('judges a share of the time by the profile, and not without one', () => {
  const goals: Goal[] = [
    { kind: 'profile', below: 'src/one/', atMost: 0.03 },
    { kind: 'profile', below: 'src/two/', atMost: 0.03 },
    { kind: 'profile', below: 'src/three/', atMost: 0.03 },
  ];
  const shares = new Map([
    ['src/one/', 0.02],
    ['src/two/', 0.04],
  ]);
  const result = judge(row(goals), field, { ...circumstances, shares });
  expect(result.goals.map(({ met }) => met)).toEqual([true, false, undefined]);
});

it('judges memory above a base', () => {
  const goals: Goal[] = [
    { kind: 'above', base: 'limit', atMostBytes: 20 },
    { kind: 'above', base: 'limit', atMostBytes: 19 },
  ];
  expect(judge(row(goals, 'peak'), field, circumstances).goals.map(({ met }) => met)).toEqual([true, false]);
});

it('judges nothing when our own output is wrong', () => {
  const wrong = [series('us', 'ours', [1, 1, 1], 'a bit is missing'), ...field.slice(1)];
  expect(judged([{ kind: 'best' }], wrong).goals[0]).not.toHaveProperty('met');
});

it('does not judge a goal whose other side is absent', () => {
  expect(judged([{ kind: 'share', of: 'Postfix', atLeast: 7 }]).goals[0]).not.toHaveProperty('met');
});

it('gives no processor time for work that happens in another process', () => {
  const [us] = field;
  const external = { ...us!, contender: { ...us!.contender, external: true } };
  const [result] = judged([], [external]).contenders;
  expect(result).not.toHaveProperty('cpu');
  expect(result).not.toHaveProperty('cost');
});
