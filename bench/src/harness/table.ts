import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { Summary } from './measure.ts';
import type { Metric } from './row.ts';
import { type ContenderResult, type GoalResult, percent, type RowResult } from './verdict.ts';

/** Columns by white space alone: results get pasted into mails and issues. */
const NO_LINES = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((part) => [part, '']),
);

/** A row's result as a table with its goals underneath, coloured when the terminal is. */
export function formatRow(result: RowResult): string {
  const heading = styleText('bold', `${result.id}  ${result.title}`);
  if (result.failure !== undefined) return `${heading}\n  ${styleText('red', result.failure)}\n`;
  const columns = columnsOf(result);
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [] },
    chars: NO_LINES,
  });
  for (const contender of result.contenders) {
    table.push(columns.map(({ cell }) => cell(contender)));
  }
  const notes = [
    ...result.contenders.flatMap((c) => (c.problem === undefined ? [] : [`✗ ${c.name}: ${c.problem}`])),
    ...result.absent.map((a) => `– ${a.name}: ${a.reason}`),
  ];
  const lines = [
    heading,
    table.toString(),
    ...notes.map((note) => `  ${note}`),
    ...result.goals.map(goalLine),
  ];
  return `${lines.join('\n')}\n`;
}

/** One line for a smoke run: who took part, and who failed. */
export function formatSmoke(result: RowResult): string {
  if (result.failure !== undefined) return `${styleText('red', 'failed')} ${result.id}: ${result.failure}`;
  const names = result.contenders.map(({ name, problem, threw }) =>
    problem === undefined ? name : styleText(threw ? 'red' : 'yellow', `${name} (${problem})`),
  );
  return `${isBroken(result) ? styleText('red', 'broken') : 'ok    '} ${result.id}: ${names.join(', ')}`;
}

/** Whether a row did not run as it should: it failed, a contender threw, or ours or a limit gave a wrong output. */
export function isBroken(result: RowResult): boolean {
  if (result.failure !== undefined) return true;
  return result.contenders.some((c) => c.threw || (c.problem !== undefined && c.role !== 'peer'));
}

/** Formats how many goals of all rows were met, missed and not judged. */
export function formatSummary(results: readonly RowResult[]): string {
  const goals = results.flatMap((result) => result.goals);
  const met = goals.filter((goal) => goal.met === true).length;
  const missed = goals.filter((goal) => goal.met === false).length;
  const failures = results.filter((result) => result.failure !== undefined).length;
  return `${results.length} rows: ${met} goals met, ${missed} missed, ${goals.length - met - missed} not judged${
    failures === 0 ? '' : `, ${failures} rows failed`
  }`;
}

/** A cost in the unit that reads best: octets for memory and storage, microseconds otherwise. */
function formatCost(result: RowResult, value: number): string {
  if (result.metric === 'peak') return `${(value / 2 ** 20).toFixed(1)} MiB`;
  if (result.metric === 'disk') return `${Math.round(value).toLocaleString('en')} B`;
  if (value >= 100_000) return `${(value / 1000).toFixed(0)} ms`;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} ms`;
  return `${value.toFixed(value < 10 ? 2 : 1)} µs`;
}

/** A rate such as `205 MB/s` or `3,150 messages/s`. */
function formatRate(result: RowResult, perSecond: number): string {
  if (result.amount.unit === 'B') return `${(perSecond / 1e6).toFixed(perSecond < 1e7 ? 1 : 0)} MB/s`;
  return `${Math.round(perSecond).toLocaleString('en')} ${result.amount.unit}/s`;
}

const costTitle: Readonly<Record<Metric, string>> = {
  cpu: 'cpu per operation',
  wall: 'wall per operation',
  peak: 'peak memory',
  p50: 'half take at most',
  p99: '99 % take at most',
  pause: 'longest pause',
  disk: 'on disk per operation',
};

interface Column {
  readonly title: string;
  cell(contender: ContenderResult): string;
}

/** What a row's table shows: also processor time beside wall time, and a rate where an operation takes time. */
function columnsOf(result: RowResult): Column[] {
  const cost = (summary: Summary | undefined) =>
    summary === undefined ? '–' : formatCost(result, summary.median);
  const range = (summary: Summary | undefined) =>
    summary === undefined ? '' : `${formatCost(result, summary.min)} – ${formatCost(result, summary.max)}`;
  const columns: Column[] = [
    { title: '', cell: nameCell },
    {
      title: costTitle[result.metric],
      cell: (c) => cost(c.cost),
    },
    { title: 'range', cell: (c) => range(c.cost) },
  ];
  if (result.metric === 'wall') columns.push({ title: 'cpu', cell: (c) => cost(c.cpu) });
  if (result.metric === 'wall' || result.metric === 'cpu') {
    const rate = ({ perSecond }: ContenderResult) =>
      perSecond === undefined ? '' : formatRate(result, perSecond);
    columns.push({ title: 'rate', cell: rate });
  }
  columns.push({ title: '× limit', cell: (c) => formatRatio(c.toLimit) });
  columns.push({ title: '× best peer', cell: (c) => formatRatio(c.toBestPeer) });
  return columns;
}

function nameCell({ name, role, version, problem }: ContenderResult): string {
  const text = `${problem === undefined ? ' ' : '✗'} ${name}${role === 'peer' && version ? ` ${version}` : ''}`;
  if (role === 'ours') return styleText('bold', text);
  return role === 'limit' ? styleText('dim', text) : text;
}

function formatRatio(ratio: Summary | undefined): string {
  return ratio === undefined
    ? ''
    : `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`;
}

function goalLine(goal: GoalResult): string {
  if (goal.measured === undefined) return `  goal ${goal.text}: not judged`;
  const measured = formatMeasured(goal, goal.measured);
  if (goal.met === undefined)
    return `  goal ${goal.text}: not decided at ${measured}; more rounds may decide it`;
  const verdict = goal.met ? styleText('green', 'met') : styleText('red', 'missed');
  const { limitedBy } = goal.goal;
  const why = goal.met || limitedBy === undefined ? '' : `\n    ${limitedBy}`;
  return `  goal ${goal.text}: ${verdict} at ${measured}${why}`;
}

function formatMeasured({ goal, interval }: GoalResult, measured: number): string {
  if (goal.kind === 'above') return `${(measured / 2 ** 20).toFixed(1)} MiB`;
  if (goal.kind === 'profile') return percent(measured);
  // Where an interval decides, the goal is about hundredths.
  if (interval === undefined) return measured.toFixed(2);
  return `${measured.toFixed(3)} (95 %: ${interval.low.toFixed(3)}–${interval.high.toFixed(3)})`;
}
