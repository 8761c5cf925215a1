import type { Series } from './lane.ts';
import { type Interval, medianInterval, type Summary, summarise } from './measure.ts';
import type { Absence, Goal, Metric, Role, Row } from './row.ts';

/** Figures of one contender, ready to print or to keep. */
export interface ContenderResult {
  readonly name: string;
  readonly role: Role;
  readonly version?: string;
  /** Why its figures do not count. */
  readonly problem?: string;
  /** It did not even finish. */
  readonly threw: boolean;
  /** The row's metric per operation: microseconds, or octets in `peak` rows. Absent when nothing was measured. */
  readonly cost?: Summary;
  readonly wall?: Summary;
  readonly cpu?: Summary;
  /** Operations' amount per second of the metric; only in `cpu` and `wall` rows. */
  readonly perSecond?: number;
  /** Cost over the limit's, round by round. */
  readonly toLimit?: Summary;
  /** Cost over the best correct peer's, round by round. */
  readonly toBestPeer?: Summary;
}

/** A goal with what was measured; `met` is undefined when it could not be judged, or when the figures do not show it. */
export interface GoalResult {
  readonly goal: Goal;
  readonly text: string;
  readonly measured?: number;
  /** The 95 % interval of the measured ratio, for goals that it decides. */
  readonly interval?: Interval;
  readonly met?: boolean;
}

/** Everything known about a row after its run. */
export interface RowResult {
  readonly id: string;
  readonly title: string;
  readonly metric: Metric;
  readonly amount: Row['amount'];
  readonly destinations?: number;
  readonly limit: string;
  readonly bestPeer?: string;
  readonly contenders: readonly ContenderResult[];
  readonly goals: readonly GoalResult[];
  readonly absent: readonly Absence[];
  /** The row as a whole failed: nothing was measured. */
  readonly failure?: string;
}

/** What {@link judge} knows beside the series. */
export interface Circumstances {
  readonly absent: readonly Absence[];
  /** Shares of the time of ours that a profile has shown, by path. */
  readonly shares: ReadonlyMap<string, number>;
  versionOf(packageName: string): string | undefined;
}

/** Turns the series of a row into ratios, the best correct peer and a verdict on each goal. */
export function judge(
  row: Row,
  all: readonly Series[],
  { absent, shares, versionOf }: Circumstances,
): RowResult {
  const limit = all.find((series) => series.contender.name === row.limit);
  const best = bestPeer(row, all);
  const contenders = all.map((series): ContenderResult => {
    const { contender, problem } = series;
    const version = contender.package === undefined ? undefined : versionOf(contender.package);
    const costs = costsOf(row, series);
    const measured = costs.length === 0 ? {} : figures(row, series, costs);
    const toLimit = paired(row, series, limit);
    const toBestPeer = paired(row, series, best);
    return {
      name: contender.name,
      role: contender.role,
      ...(version === undefined ? {} : { version }),
      ...(problem === undefined ? {} : { problem }),
      threw: series.threw,
      ...measured,
      ...(toLimit === undefined ? {} : { toLimit }),
      ...(toBestPeer === undefined ? {} : { toBestPeer }),
    };
  });
  const ours = all.find((series) => series.contender.role === 'ours' && series.problem === undefined);
  return {
    id: row.id,
    title: row.title,
    metric: row.metric,
    amount: row.amount,
    ...(row.destinations === undefined ? {} : { destinations: row.destinations }),
    limit: row.limit,
    ...(best === undefined ? {} : { bestPeer: best.contender.name }),
    contenders,
    goals: row.goals.map((goal) => judgeGoal(row, goal, { all, ours, best, shares })),
    absent,
  };
}

/** A goal in words. */
function describeGoal(goal: Goal): string {
  switch (goal.kind) {
    case 'ratio':
      return `≤ ${goal.atMost}× ${goal.to}`;
    case 'profile':
      return `≤ ${percent(goal.atMost)} of the time in ${goal.below}`;
    case 'share':
      return `≥ ${goal.atLeast}× the speed of ${goal.of}`;
    case 'micros':
      return `≤ ${goal.atMost} µs${goal.metric === undefined ? '' : ` ${goal.metric}`}`;
    case 'above':
      return `≤ ${Math.round(goal.atMostBytes / 2 ** 20)} MiB above ${goal.base}`;
    case 'best':
      return 'no slower than the best peer';
  }
}

/** Such as `2.1 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

function figures(row: Row, series: Series, costs: readonly number[]): Partial<ContenderResult> {
  const cost = summarise(costs);
  const isTime = row.metric === 'cpu' || row.metric === 'wall';
  const rate = isTime ? { perSecond: (row.amount.count * 1e6) / cost.median } : {};
  const cpu = series.contender.external ? {} : { cpu: summarise(series.cpu) };
  return { cost, wall: summarise(series.wall), ...cpu, ...rate };
}

/** The series that the row compares; empty for a contender whose processor time is spent elsewhere. */
function costsOf(row: Row, series: Series): readonly number[] {
  if (row.metric === 'cpu' && series.contender.external) return [];
  return row.metric === 'cpu' || row.metric === 'wall' ? series[row.metric] : series.told;
}

/** The fastest peer whose every checked output was right. */
function bestPeer(row: Row, all: readonly Series[]): Series | undefined {
  let best: Series | undefined;
  for (const series of all) {
    const costs = costsOf(row, series);
    if (series.contender.role !== 'peer' || series.problem !== undefined || costs.length === 0) continue;
    if (best === undefined || summarise(costs).median < summarise(costsOf(row, best)).median) best = series;
  }
  return best;
}

/** Summary of the ratios; undefined when there are none. */
function paired(row: Row, series: Series | undefined, base: Series | undefined): Summary | undefined {
  const ratios = ratiosOf(row, series, base);
  return ratios.length === 0 ? undefined : summarise(ratios);
}

/** Ratios within each round, so that a slow moment of the machine hits both sides. */
function ratiosOf(row: Row, series: Series | undefined, base: Series | undefined): readonly number[] {
  if (series === undefined || base === undefined) return [];
  const costs = costsOf(row, series);
  const baseCosts = costsOf(row, base);
  const ratios: number[] = [];
  for (let i = 0; i < Math.min(costs.length, baseCosts.length); i++) {
    const against = baseCosts[i]!;
    if (against > 0) ratios.push(costs[i]! / against);
  }
  return ratios;
}

/** The series and shares that goals are judged by. */
interface Figures {
  readonly all: readonly Series[];
  readonly ours: Series | undefined;
  readonly best: Series | undefined;
  readonly shares: ReadonlyMap<string, number>;
}

function judgeGoal(row: Row, goal: Goal, { all, ours, best, shares }: Figures): GoalResult {
  const text = describeGoal(goal);
  const named = (name: string) => all.find((series) => series.contender.name === name);
  const verdict = (measured: number | undefined, isMet: (value: number) => boolean): GoalResult =>
    measured === undefined ? { goal, text } : { goal, text, measured, met: isMet(measured) };
  if (ours === undefined || ours.wall.length === 0) return { goal, text };
  switch (goal.kind) {
    case 'ratio': {
      if (goal.confident) return confidentVerdict(goal, text, ratiosOf(row, ours, named(goal.to)));
      return verdict(paired(row, ours, named(goal.to))?.median, (ratio) => ratio <= goal.atMost);
    }
    case 'profile':
      return verdict(shares.get(goal.below), (share) => share <= goal.atMost);
    case 'share': {
      const ratio = paired(row, ours, named(goal.of))?.median;
      return verdict(ratio === undefined ? undefined : 1 / ratio, (share) => share >= goal.atLeast);
    }
    case 'micros': {
      const metric = goal.metric ?? row.metric;
      const figures = metric === 'cpu' || metric === 'wall' ? ours[metric] : ours.told;
      return verdict(summarise(figures).median, (micros) => micros <= goal.atMost);
    }
    case 'above': {
      const base = named(goal.base);
      if (base === undefined || base.told.length === 0) return { goal, text };
      const above = summarise(ours.told).median - summarise(base.told).median;
      return verdict(above, (bytes) => bytes <= goal.atMostBytes);
    }
    case 'best':
      return verdict(paired(row, ours, best)?.median, (ratio) => ratio <= 1);
  }
}

/** A verdict only where the whole interval of the ratio allows one. */
function confidentVerdict(
  goal: Goal & { readonly kind: 'ratio' },
  text: string,
  ratios: readonly number[],
): GoalResult {
  if (ratios.length === 0) return { goal, text };
  const measured = summarise(ratios).median;
  const interval = medianInterval(ratios);
  if (interval === undefined) return { goal, text, measured };
  const isShown = interval.high <= goal.atMost || interval.low > goal.atMost;
  return { goal, text, measured, interval, ...(isShown && { met: interval.high <= goal.atMost }) };
}
