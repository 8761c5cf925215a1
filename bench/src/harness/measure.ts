import { max, median, min } from 'simple-statistics';
import type { Contender, Field, PeakOutput, Row, ToldOutput } from './row.ts';

/** Median and range of a series. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What one contender did, sample by sample; the n-th samples of all contenders belong to the same round. */
export interface Series {
  readonly contender: Contender;
  /** Elapsed microseconds per operation. */
  readonly wall: readonly number[];
  /** Processor microseconds per operation of this process. */
  readonly cpu: readonly number[];
  /** What the runs told of themselves, in the row's unit; only in `peak`, `p50`, `p99` and `disk` rows. */
  readonly told: readonly number[];
  /** What was wrong with the first wrong output, or the error thrown. */
  readonly problem?: string;
  /** It threw, so it has no figures. */
  readonly threw: boolean;
}

/** How long and how often to measure. */
export interface Effort {
  readonly rounds: number;
  /** A sample repeats the operation until it takes about this long. */
  readonly sampleMs: number;
  /** Each contender first runs for about this long without being measured. */
  readonly warmUpMs: number;
}

/** Median and range of at least one value. */
export function summarise(values: readonly number[]): Summary {
  const series = [...values];
  return { median: median(series), min: min(series), max: max(series) };
}

/** Contender, its samples so far, and how many operations make a sample. */
interface Lane {
  readonly contender: Contender;
  readonly wall: number[];
  readonly cpu: number[];
  readonly told: number[];
  repeats: number;
  problem: string | undefined;
  threw: boolean;
}

interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly output: unknown;
}

/**
 * Runs all contenders of a row in turn, round by round, and checks the last output of every sample.
 *
 * @param onRound called after the warm-up and after each round with the number of finished rounds.
 */
export async function measure(
  row: Row,
  field: Field,
  effort: Effort,
  onRound: (done: number) => void,
): Promise<Series[]> {
  const lanes: Lane[] = field.contenders.map((contender) => ({
    contender,
    wall: [],
    cpu: [],
    told: [],
    repeats: 1,
    problem: undefined,
    threw: false,
  }));
  for (const lane of lanes) await warmUp(lane, row, effort);
  onRound(0);
  for (let round = 0; round < effort.rounds; round++) {
    for (const lane of turnOrder(lanes, round)) await takeSample(lane, row, field.operationsPerRun ?? 1);
    onRound(round + 1);
  }
  return lanes.map(({ repeats: _, problem, ...series }) =>
    problem === undefined ? series : { ...series, problem },
  );
}

/**
 * Order of the contenders in a round: each order is also run backwards, and every two rounds it rotates by one,
 * so that nobody always runs first, nor always behind the same neighbour.
 */
export function turnOrder<T>(items: readonly T[], round: number): T[] {
  const start = items.length === 0 ? 0 : Math.floor(round / 2) % items.length;
  const rotated = [...items.slice(start), ...items.slice(0, start)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}

/** Lets the compiler settle and finds out how many operations fill a sample. */
async function warmUp(lane: Lane, row: Row, effort: Effort): Promise<void> {
  if (row.metric === 'peak') return; // each run is a fresh process
  const budgetMs = row.wholeRuns ? 0 : effort.warmUpMs;
  let spentMs = 0;
  let perRunMs = 0;
  let repeats = 1;
  do {
    const sample = await attempt(lane, repeats, row);
    if (sample === undefined) return;
    spentMs += sample.wallMs;
    perRunMs = sample.wallMs / repeats;
    repeats = Math.min(repeats * 2, 1_000_000);
  } while (spentMs < budgetMs);
  if (!row.wholeRuns) lane.repeats = Math.max(1, Math.ceil(effort.sampleMs / Math.max(perRunMs, 1e-5)));
}

async function takeSample(lane: Lane, row: Row, operationsPerRun: number): Promise<void> {
  if (lane.threw) return;
  globalThis.gc?.(); // one contender's garbage is not the next one's bill
  // A full collection also drops compiled code of which no object is left; what runs all day has it back at once.
  if (row.metric !== 'peak') await attempt(lane, lane.repeats, row);
  const sample = await attempt(lane, lane.repeats, row);
  if (sample === undefined) return;
  const operations = lane.repeats * operationsPerRun;
  lane.wall.push((sample.wallMs * 1000) / operations);
  lane.cpu.push((sample.cpuMs * 1000) / operations);
  if (row.metric === 'peak') lane.told.push((sample.output as PeakOutput).peakBytes);
  if (row.metric === 'p50' || row.metric === 'p99' || row.metric === 'disk')
    lane.told.push((sample.output as ToldOutput).told);
}

/** One timed sample and its check; undefined when the contender threw. */
async function attempt(lane: Lane, repeats: number, row: Row): Promise<Sample | undefined> {
  try {
    const sample = await time(lane.contender, repeats);
    const problem = await lane.contender.check(sample.output);
    lane.problem ??= problem;
    return sample;
  } catch (error) {
    lane.threw = true;
    lane.problem = `threw in ${row.id}: ${error instanceof Error ? error.message : String(error)}`;
    return undefined;
  }
}

async function time(contender: Contender, repeats: number): Promise<Sample> {
  let output: unknown;
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  for (let i = 0; i < repeats; i++) {
    const result = contender.run();
    // Only what is a promise pays for a turn of the microtask queue.
    output = result instanceof Promise ? await result : result;
  }
  const wallMs = performance.now() - wallBefore;
  const cpu = process.cpuUsage(cpuBefore);
  return { wallMs, cpuMs: (cpu.user + cpu.system) / 1000, output };
}
