// Long because the loop, the leases and the stop share one state.

import type { Clock } from '../clock.ts';
import { MonotonicClock } from '../monotonic-clock.ts';
import type { Observers } from '../observer.ts';
import {
  callback,
  either,
  group,
  integer,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
  withMethods,
} from '../option-table.ts';
import { type ScheduleOptions, scheduleOptions } from '../store/backoff.ts';
import { isCallersFault } from '../store/error-listeners.ts';
import type { SiteSpeed } from '../store/learned.ts';
import type { Claim, QueueStore, Settlement } from '../store/port.ts';
import { type RetentionOptions, retentionOptions } from '../store/retention.ts';
import { wait } from '../wait.ts';
import { type Attempt, LeaseRun, type OnFinalOutcomes, type SiteOf } from './lease-run.ts';
import { RoutingStage } from './routing-stage.ts';
import { StoreBackoff } from './store-backoff.ts';

export type {
  Attempt,
  AttemptOutcome,
  AttemptReport,
  OnFinalOutcomes,
  SiteOf,
} from './lease-run.ts';

/** Options of {@link QueueWorker}. */
export interface WorkerOptions {
  readonly store: Omit<QueueStore, 'accept'>;
  /** Executes one claim. */
  readonly attempt: Attempt;
  readonly clock: Clock;
  /** Draws from [0, 1). */
  readonly random: () => number;
  /** Names this worker in the store; unique. */
  readonly name: string;
  /** What follows from a final outcome: reports to the sender, suppression. Default: nothing. */
  readonly onFinalOutcomes?: OnFinalOutcomes | undefined;
  /** Finds the site of a domain; default: the domain is the site. */
  readonly siteOf?: SiteOf | undefined;
  /** Maximum number of claims under way, and so of connections; default 50. */
  readonly slots?: number | undefined;
  /** Maximum number of recipients in one claim; default 20. */
  readonly batch?: number | undefined;
  /** How long a claim lasts without a heartbeat, in milliseconds; default 60,000. */
  readonly leaseMs?: number | undefined;
  /** Overrides of the default retry schedule. */
  readonly schedule?: ScheduleOptions | undefined;
  /** How long finished messages and events are kept; `null` when another process purges. */
  readonly retention?: RetentionOptions | null | undefined;
  /** Listeners for claims and settlements. Default: none. @internal */
  readonly observers?: Observers | undefined;
  /** Called with every failure of the store or of `attempt` that the worker survives. Default: failures are ignored. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What `WorkerOptions` accepts. */
export const workerOptions = {
  store: required(withMethods<WorkerOptions['store']>('claimSites', 'settle', 'onWake')),
  attempt: required(callback<Attempt>()),
  clock: required(withMethods<Clock>('now', 'setTimer')),
  random: required(callback<() => number>()),
  name: required(text('a string that is not empty', { pattern: /./s })),
  onFinalOutcomes: callback<OnFinalOutcomes>(),
  siteOf: callback<SiteOf>(),
  slots: integer(1, 1_000_000),
  batch: integer(1, 1_000_000),
  leaseMs: integer(1, 86_400_000, { unit: 'ms' }),
  schedule: group<ScheduleOptions>(scheduleOptions),
  retention: either(
    matching<null>('null', (value) => value === null),
    group<RetentionOptions>(retentionOptions),
  ),
  observers: matching<Observers>(
    'the listeners of a broker',
    (value) => typeof value === 'object' && value !== null,
  ),
  onError: callback<(error: unknown) => void>(),
} satisfies OptionTable<WorkerOptions>;

const defaultSlots = 50;
const defaultBatch = 20;
const defaultLeaseMs = 60_000;
const purgeEveryMs = 600_000;
/** Grace period after an abort. */
const abortPatienceMs = 5_000;
/** Maximum number of claims per slot whose attempts have ended and whose outcomes are not written yet. */
const mostUnwritten = 4;
const longestSleepMs = 3_600_000;
/** Minimum sleep, in case a store reports something due and then has nothing to claim. */
const shortestSleepMs = 20;
/** How often overdue recipients and lost leases are looked for while the queue is busy. */
const housekeepingEveryMs = 1_000;
/** Minimum time between two checks for runs without progress. */
const progressEveryMs = 250;

/**
 * Claims recipients, runs the attempts and records the outcomes, until it is stopped.
 *
 * At least half of the slots are reserved for sites known to be fast; sites known to be slow get at most a quarter.
 *
 * Invariants: a claim is durable before its attempt begins. A slot is free as soon as its attempt ends, so that
 * outcomes of several sites share a commit; the number of claims with unwritten outcomes is bounded. While the store
 * fails, nothing is claimed, because mail that is delivered but not recorded would be delivered again.
 *
 * @example
 * const worker = new QueueWorker({ store, attempt, clock: systemClock, random: Math.random, name: 'host-1' });
 * worker.start();
 * await worker.stop();
 */
export class QueueWorker {
  readonly #options: WorkerOptions;
  readonly #slots: number;
  readonly #leaseMs: number;
  readonly #runs = new Set<LeaseRun>();
  readonly #routing: RoutingStage;
  readonly #trouble: StoreBackoff;
  readonly #time: MonotonicClock;
  #loop: Promise<void> | undefined;
  #running = false;
  /** Something happened since the queue was last checked. */
  #kicked = false;
  /** Number of settlements that the store has failed to write so far. */
  #unwritten = 0;
  #wakeUp: (() => void) | undefined;
  #whenIdle: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  /** Number of runs that hold a slot, by the speed of their sites; other runs wait for their outcomes to be written. */
  readonly #runsBySpeed = { fast: 0, new: 0, slow: 0 };
  #housekeptAt = Number.NEGATIVE_INFINITY;
  #progressCheckedAt = Number.NEGATIVE_INFINITY;
  #purgedAt: number;

  /** @throws {BrokerError} MB_BROKER_OPTION */
  constructor(given: WorkerOptions) {
    const options: WorkerOptions = readOptions(given, workerOptions, 'QueueWorker: options');
    this.#options = options;
    this.#slots = options.slots ?? defaultSlots;
    this.#leaseMs = options.leaseMs ?? defaultLeaseMs;
    this.#trouble = new StoreBackoff(options.clock);
    this.#time = new MonotonicClock(options.clock);
    this.#purgedAt = this.#time.now();
    this.#routing = new RoutingStage({
      store: options.store,
      siteOf: options.siteOf,
      clock: options.clock,
      holdMs: this.#leaseMs,
      report: (error) => this.#report(error),
    });
  }

  /** True between `start()` and `stop()`. */
  get running(): boolean {
    return this.#running;
  }

  /** Claims under way. */
  get activeClaims(): number {
    return this.#runs.size;
  }

  /** Starts the worker; does nothing when it already runs. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#routing.start();
    const endWake = this.#options.store.onWake(() => this.#kick());
    this.#loop = this.#work().finally(endWake);
  }

  /**
   * Stops the worker: no new transaction begins; those under way get `graceMs` milliseconds (default 30,000) to end,
   * then they are aborted. Leases are given back, and remaining recipients are attempted after the next start.
   */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#running = false;
    this.#kick();
    for (const run of this.#runs) run.stop();
    const routed = this.#routing.stop();
    await this.#idleOrAfter(options.graceMs ?? 30_000);
    for (const run of this.#runs) run.abort();
    await this.#idleOrAfter(abortPatienceMs);
    for (const run of this.#runs) run.abandon();
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = undefined;
    // No run is left, so the loop waits only for an answer of the store.
    if (this.#runs.size > 0) return;
    await routed;
    await this.#loop;
    // That answer may have been a claim, which is given back.
    await this.#idleOrAfter(abortPatienceMs);
  }

  /** As {@link QueueWorker.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Ends the sleep of the loop; when the loop is at work, it skips its next sleep. */
  #kick(): void {
    this.#kicked = true;
    this.#wakeUp?.();
  }

  async #work(): Promise<void> {
    while (this.#running) {
      this.#kicked = false;
      try {
        await this.#look();
        this.#trouble.clear();
        await this.#sleep(await this.#untilDue());
      } catch (error) {
        this.#report(error);
        this.#kicked = false;
        await this.#sleep(this.#trouble.grow());
      }
    }
  }

  async #look(): Promise<void> {
    const { store, name, batch = defaultBatch } = this.#options;
    if (this.#unwritten === 0) this.#routing.look();
    if (this.#time.now() - this.#housekeptAt >= housekeepingEveryMs) await this.#keepHouse();
    this.#checkProgress();
    while (this.#running && this.#unwritten === 0) {
      const room = this.#room();
      if (!room) return;
      const { slowest, sites } = room;
      const askedAt = this.#time.now();
      const request = { worker: name, max: batch, leaseMs: this.#leaseMs, slowest };
      const claims = await store.claimSites(request, sites);
      for (const claim of claims) {
        this.#observeClaim(claim, askedAt);
        void this.#begin(claim);
      }
      if (claims.length < sites) return;
    }
  }

  /** how slow a site may be to get a slot, and how many slots such sites may get; undefined when none is free. */
  #room(): { readonly slowest: SiteSpeed; readonly sites: number } | undefined {
    const slots = this.#slots;
    const runs = this.#runsBySpeed;
    const unwritten = this.#runs.size - runs.fast - runs.new - runs.slow;
    const free = Math.min(slots - runs.fast - runs.new - runs.slow, slots * mostUnwritten - unwritten);
    if (free <= 0) return undefined;
    const notFast = Math.max(1, Math.floor(slots / 2)) - runs.slow - runs.new;
    if (notFast <= 0) return { slowest: 'fast', sites: free };
    const slow = Math.max(1, Math.floor(slots / 4)) - runs.slow;
    if (slow <= 0) return { slowest: 'new', sites: Math.min(free, notFast) };
    return { slowest: 'slow', sites: Math.min(free, notFast, slow) };
  }

  #checkProgress(): void {
    const now = this.#time.now();
    if (now - this.#progressCheckedAt < progressEveryMs) return;
    this.#progressCheckedAt = now;
    for (const run of this.#runs) run.checkProgress(now);
  }

  /** Reaps lost leases, settles overdue recipients, and purges. */
  async #keepHouse(): Promise<void> {
    const { store, name, batch = defaultBatch, retention } = this.#options;
    this.#housekeptAt = this.#time.now();
    await store.reap();
    const askedAt = this.#time.now();
    const overdue = await store.claimOverdue({ worker: name, max: batch, leaseMs: this.#leaseMs });
    if (overdue) {
      this.#observeClaim(overdue, askedAt);
      await this.#begin(overdue);
      // There may be more: check again at once.
      this.#housekeptAt = Number.NEGATIVE_INFINITY;
      this.#kicked = true;
    }
    if (retention !== null && this.#time.now() - this.#purgedAt >= purgeEveryMs) {
      const { more } = await store.purge(retention);
      if (!more) this.#purgedAt = this.#time.now();
    }
  }

  /** Milliseconds until something may be due without a wake-up. */
  async #untilDue(): Promise<number> {
    const { store, retention } = this.#options;
    const room = this.#room();
    let delay = (await store.nextDueMs(room?.slowest)) ?? longestSleepMs;
    // Recipients that are due while all slots are taken are claimed when a slot becomes free.
    const busy = room === undefined || this.#unwritten > 0;
    if (busy) delay = Math.max(delay, housekeepingEveryMs);
    if (retention !== null) delay = Math.min(delay, this.#purgedAt + purgeEveryMs - this.#time.now());
    return Math.min(Math.max(delay, shortestSleepMs), longestSleepMs);
  }

  /** Resolves after `ms`, or when something happens. */
  #sleep(ms: number): Promise<void> {
    if (this.#kicked || !this.#running) return Promise.resolve();
    const begin = (resolve: () => void) => {
      const cancel = this.#options.clock.setTimer(() => {
        this.#housekeptAt = Number.NEGATIVE_INFINITY;
        resolve();
      }, ms);
      this.#wakeUp = resolve;
      return () => {
        cancel();
        this.#wakeUp = undefined;
      };
    };
    return wait<void, 'resolve'>(begin, undefined, 'resolve');
  }

  #begin(claim: Claim): Promise<void> {
    const run: LeaseRun = new LeaseRun(claim, {
      ...this.#options,
      claimedAt: this.#time.now(),
      settle: (settlement) => this.#settle(settlement, run),
      more: (max) => this.#options.store.claimMore(claim.leaseId, max),
      report: (error) => this.#report(error),
      now: () => this.#time.now(),
      onAttempted: () => {
        this.#runsBySpeed[run.speed]--;
        // The slot is free, although the outcomes are not written yet.
        this.#kick();
      },
      onSpeed: (before, after) => {
        this.#runsBySpeed[before]--;
        this.#runsBySpeed[after]++;
        // There may be room for others now.
        this.#kick();
      },
    });
    this.#runs.add(run);
    this.#runsBySpeed[run.speed]++;
    // This claim was requested before stop() and arrived after it.
    if (!this.#running) run.stop();
    this.#heartbeatLater();
    return run.execute().then(
      () => this.#end(run),
      (error) => {
        this.#report(error);
        this.#end(run);
      },
    );
  }

  #end(run: LeaseRun): void {
    this.#runs.delete(run);
    if (!run.attempted) this.#runsBySpeed[run.speed]--;
    if (this.#runs.size === 0) {
      this.#cancelHeartbeat?.();
      this.#cancelHeartbeat = undefined;
      this.#whenIdle?.();
    }
    this.#kick();
  }

  /** Writes a settlement, and retries until the store has recovered; nothing is claimed meanwhile. */
  async #settle(settlement: Settlement, run: LeaseRun): Promise<void> {
    const startedAt = this.#time.now();
    let backoff: StoreBackoff | undefined;
    let current = settlement;
    let unwritten = 0;
    let dropped: Settlement['bounces'];
    try {
      for (;;) {
        try {
          await this.#options.store.settle(current);
          this.#observeSettlement(current, startedAt);
          if (dropped) await this.#tellUnreported(dropped);
          return;
        } catch (error) {
          this.#report(error);
          const { bounces, suppress, ...bare } = current;
          const misuse = isCallersFault(error);
          if (run.abandoned || (misuse && !bounces && !suppress)) throw error;
          this.#unwritten += 1 - unwritten;
          unwritten = 1;
          // A report to the sender that the store refuses must not prevent the outcome from being written.
          if (misuse) {
            dropped = bounces;
            current = bare;
          } else {
            backoff ??= new StoreBackoff(this.#options.clock);
            await backoff.wait();
          }
        }
      }
    } finally {
      this.#unwritten -= unwritten;
    }
  }

  async #tellUnreported(bounces: NonNullable<Settlement['bounces']>): Promise<void> {
    const detail = { reason: 'The store did not accept the report.' };
    const events = bounces.flatMap(({ recipients }) => {
      return recipients.map((recipientId) => ({ type: 'unreported' as const, recipientId, detail }));
    });
    await this.#options.store.report(events).catch((error) => this.#report(error));
  }

  #heartbeatLater(): void {
    if (this.#cancelHeartbeat) return;
    this.#cancelHeartbeat = this.#options.clock.setTimer(() => {
      this.#cancelHeartbeat = undefined;
      void this.#heartbeat();
      if (this.#runs.size > 0) this.#heartbeatLater();
    }, this.#leaseMs / 3);
  }

  async #heartbeat(): Promise<void> {
    const { store } = this.#options;
    const sentAt = this.#time.now();
    const runs = [...this.#runs];
    // Two thirds of the lease have passed without a confirmation: another worker may soon take the recipients.
    for (const run of runs) if (sentAt - run.confirmedAt >= (this.#leaseMs * 2) / 3) run.stop();
    try {
      const held = new Set(
        await store.heartbeat(
          runs.map((run) => run.leaseId),
          this.#leaseMs,
        ),
      );
      for (const run of runs) {
        if (held.has(run.leaseId)) run.confirmedAt = sentAt;
        else run.stop();
      }
    } catch (error) {
      this.#report(error);
    }
  }

  /** Resolves when no claim is under way, or after `ms`. */
  #idleOrAfter(ms: number): Promise<void> {
    if (this.#runs.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#whenIdle = undefined;
        resolve();
      };
      const cancel = this.#options.clock.setTimer(done, ms);
      this.#whenIdle = done;
    });
  }

  #observeClaim({ kind, site, messages }: Claim, askedAt: number): void {
    const { observers } = this.#options;
    if (!observers?.wants('claim')) return;
    const recipients = messages.reduce((sum, message) => sum + message.recipients.length, 0);
    const durationMs = this.#time.now() - askedAt;
    observers.emit({ type: 'claim', kind, site, messages: messages.length, recipients, durationMs });
  }

  #observeSettlement({ outcomes }: Settlement, startedAt: number): void {
    const { observers } = this.#options;
    if (!observers?.wants('settle')) return;
    observers.emit({ type: 'settle', outcomes: outcomes.length, durationMs: this.#time.now() - startedAt });
  }

  #report(error: unknown): void {
    this.#options.onError?.(error);
  }
}
