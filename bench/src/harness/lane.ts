import type { Contender, Metric, PeakOutput, Row, ToldOutput } from './row.ts';

/** How long and how often to measure. */
export interface Effort {
  readonly rounds: number;
  /** A sample repeats the operation until it takes about this long. */
  readonly sampleMs: number;
  /** Each contender first runs for about this long without being measured. */
  readonly warmUpMs: number;
}

/** What one contender did, sample by sample; the n-th samples of all contenders belong to the same round. */
export interface Series {
  readonly contender: Contender;
  /** Elapsed microseconds per operation. */
  readonly wall: readonly number[];
  /** Processor microseconds per operation of this process. */
  readonly cpu: readonly number[];
  /** What the runs reported of themselves, in the row's unit; in rows of other metrics than `cpu` and `wall`. */
  readonly told: readonly number[];
  /** What was wrong with the first wrong output, or the error thrown. */
  readonly problem?: string;
  /** It threw, so it has no figures. */
  readonly threw: boolean;
}

/** A contender at work. */
export interface Lane {
  /** Lets the compiler settle and finds out how many operations fill a sample. */
  warmUp(): Promise<void>;
  /** Takes a sample and checks its last output. */
  sample(): Promise<void>;
  /** All samples so far. */
  series(): Series;
}

interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly output: unknown;
}

/** A contender at work in this process. */
export class LocalLane implements Lane {
  readonly #contender: Contender;
  readonly #row: Row;
  readonly #operationsPerRun: number;
  readonly #effort: Effort;
  readonly #wall: number[] = [];
  readonly #cpu: number[] = [];
  readonly #told: number[] = [];
  #repeats = 1;
  #problem: string | undefined;
  #threw = false;

  constructor(contender: Contender, row: Row, operationsPerRun: number, effort: Effort) {
    this.#contender = contender;
    this.#row = row;
    this.#operationsPerRun = operationsPerRun;
    this.#effort = effort;
  }

  async warmUp(): Promise<void> {
    const { metric, wholeRuns } = this.#row;
    if (metric === 'peak') return; // each run is a fresh process
    // A whole run is made of more code, most of it behind callbacks.
    const budgetMs = this.#effort.warmUpMs * (wholeRuns ? 4 : 1);
    let spentMs = 0;
    let perRunMs = 0;
    let repeats = 1;
    do {
      const sample = await this.#attempt(repeats);
      if (sample === undefined) return;
      spentMs += sample.wallMs;
      perRunMs = sample.wallMs / repeats;
      if (!wholeRuns) repeats = Math.min(repeats * 2, 1_000_000);
    } while (spentMs < budgetMs);
    if (!wholeRuns) this.#repeats = Math.max(1, Math.ceil(this.#effort.sampleMs / Math.max(perRunMs, 1e-5)));
  }

  async sample(): Promise<void> {
    if (this.#threw) return;
    const { metric, apart, switched } = this.#row;
    // One contender's garbage is not the next one's bill; in a process of its own it does not matter.
    if (!apart && !switched) globalThis.gc?.();
    // What was done for others, and a full collection, which drops compiled code too, are made up for before it counts.
    if (metric !== 'peak' && !switched) await this.#attempt(this.#repeats);
    if (this.#threw) return;
    const sample = await this.#attempt(this.#repeats);
    if (sample === undefined) return;
    const operations = this.#repeats * this.#operationsPerRun;
    this.#wall.push((sample.wallMs * 1000) / operations);
    this.#cpu.push((sample.cpuMs * 1000) / operations);
    if (metric === 'peak') this.#told.push((sample.output as PeakOutput).peakBytes);
    if (isTold(metric)) this.#told.push((sample.output as ToldOutput).told);
  }

  series(): Series {
    return {
      contender: this.#contender,
      wall: this.#wall,
      cpu: this.#cpu,
      told: this.#told,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
      threw: this.#threw,
    };
  }

  /** One timed sample and its check; undefined when the contender threw. */
  async #attempt(repeats: number): Promise<Sample | undefined> {
    try {
      await this.#contender.prepare?.();
      const sample = await time(this.#contender, repeats);
      const problem = await this.#contender.check(sample.output);
      this.#problem ??= problem;
      return sample;
    } catch (error) {
      this.#threw = true;
      this.#problem = `threw in ${this.#row.id}: ${error instanceof Error ? error.message : String(error)}`;
      return undefined;
    }
  }
}

function isTold(metric: Metric): boolean {
  return metric === 'p50' || metric === 'p99' || metric === 'pause' || metric === 'disk';
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
