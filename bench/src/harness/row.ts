/** Types of a benchmark row: one task that several contenders do in one run. */

/**
 * Which cost of an operation a row compares.
 *
 * - `cpu`: processor time of this process, garbage collection included, in microseconds per operation;
 * - `wall`: elapsed time in microseconds per operation, for work that waits for a peer;
 * - `peak`: highest resident set of a fresh child process, in octets;
 * - `p50`: median time of a run's operations, in microseconds, reported by the run;
 * - `p99`: 99th percentile of the times of a run's operations, in microseconds, reported by the run;
 * - `pause`: the longest time that a run blocked the event loop, in microseconds, reported by the run;
 * - `disk`: octets of storage that remain used after an operation, reported by the run.
 */
export type Metric = 'cpu' | 'wall' | 'peak' | 'p50' | 'p99' | 'pause' | 'disk';

/** Who a contender is: our package, another project's, or the least that the platform needs for the same result. */
export type Role = 'ours' | 'peer' | 'limit';

/** One way of doing a row's task. */
export interface Contender<Output = unknown> {
  /** Shown in tables; for a peer the npm or Debian package, perhaps followed by what of it is used. */
  readonly name: string;
  readonly role: Role;
  /** npm package whose version is shown beside the figures. */
  readonly package?: string;
  /** Makes ready for a sample; never timed. */
  prepare?(): void | Promise<void>;
  /** Does the task once; the harness times this and nothing else. */
  run(): Output | Promise<Output>;
  /** Tells what is wrong with an output, or undefined for a right one; after each sample, never timed. */
  check(output: Output): string | undefined | Promise<string | undefined>;
  /** Its work happens in another process, so its own processor time says nothing. */
  readonly external?: boolean;
  /** Releases sockets, files and children. */
  close?(): void | Promise<void>;
}

/** What the output of a contender in a `peak` row looks like. */
export interface PeakOutput {
  readonly peakBytes: number;
}

/** What the output of a contender in a `p50`, `p99`, `pause` or `disk` row looks like. */
export interface ToldOutput {
  /** Microseconds or octets per operation. */
  readonly told: number;
}

/**
 * A target for our contender, checked against the figures of the same run. `limitedBy` says what of the platform keeps
 * us from it, with the shares of a profile (`--profile`); it is shown while the goal is missed.
 */
export type Goal = AnyGoal & { readonly limitedBy?: string };

type AnyGoal =
  /**
   * Ours costs at most `atMost` times what the named contender costs. `confident`: for differences that are smaller than
   * the noise of a round. The goal is met or missed only when the 95 % interval of the ratio lies on one side of it.
   */
  | { readonly kind: 'ratio'; readonly to: string; readonly atMost: number; readonly confident?: true }
  /**
   * Code below this path, with everything that it calls, takes at most this share of the time of ours, as V8's profiler
   * sees it in further runs after the comparison.
   */
  | { readonly kind: 'profile'; readonly below: string; readonly atMost: number }
  /** Ours reaches at least this share of the named contender's speed. */
  | { readonly kind: 'share'; readonly of: string; readonly atLeast: number }
  /** One operation of ours costs at most this many microseconds of the row's metric, or of `metric`. */
  | { readonly kind: 'micros'; readonly atMost: number; readonly metric?: 'cpu' | 'wall' }
  /** Peak memory of ours is at most this far above the named contender's. */
  | { readonly kind: 'above'; readonly base: string; readonly atMostBytes: number }
  /** Ours is at least level with the best peer whose output was right. */
  | { readonly kind: 'best' };

/** How big a run is. */
export interface Scale {
  /** Small inputs, one round: are all contenders alive and right? */
  readonly smoke: boolean;
  /** Everything, also what takes minutes. */
  readonly full: boolean;
}

/** A contender that cannot take part on this machine, and why. */
export interface Absence {
  readonly name: string;
  readonly reason: string;
}

/** The contenders of a row, ready to run. */
export interface Field {
  readonly contenders: readonly Contender[];
  /** How many operations one call of `run` does, such as messages sent; default 1. */
  readonly operationsPerRun?: number;
  readonly absent?: readonly Absence[];
  /** Releases what all contenders share. */
  close?(): void | Promise<void>;
}

/** One line of the results. */
export interface Row {
  /** `area/name`, stable: `--only` selects by it. */
  readonly id: string;
  readonly title: string;
  readonly metric: Metric;
  /** What one operation handles: how many of what. The unit `B` makes a rate in octets. */
  readonly amount: { readonly count: number; readonly unit: string };
  /** How many destinations the messages are spread over, where rows differ in that alone: an axis of the chart. */
  readonly destinations?: number;
  /** The limit contender that the ratio column refers to. */
  readonly limit: string;
  readonly goals: readonly Goal[];
  /** Runs only with `--full`, or when `--only` gives its whole id. */
  readonly heavy?: boolean;
  /** Needs servers that a smoke run must not ask for. */
  readonly needsServers?: boolean;
  /** Flushes of the disk take 4 ms; such a row needs gcc. */
  readonly slowDisk?: boolean;
  /** Seconds after which the row counts as hung; default 120. */
  readonly timeoutSeconds?: number;
  /** One call of `run` is a sample as it is: it sends many messages, or starts a process. */
  readonly wholeRuns?: boolean;
  /** At most this many measured rounds, for runs that take many seconds. */
  readonly maxRounds?: number;
  /** At least this many measured rounds, for differences that are smaller than the noise of a round. */
  readonly minRounds?: number;
  /**
   * Each contender has a process of its own, which builds the field for itself; they still take turns. For contenders
   * that work in the measured process and share nothing but small servers.
   */
  readonly apart?: boolean;
  /**
   * All contenders are one program in one process, which is switched between their samples. They run back to back:
   * without a collection and without unmeasured runs, in which the machine would change.
   */
  readonly switched?: boolean;
  /** Builds inputs and contenders, in the process that measures. */
  field(scale: Scale): Promise<Field>;
}
