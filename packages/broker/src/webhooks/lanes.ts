import type { WebhookEvent } from './webhook-event.ts';

/** An event that is to be delivered. */
export interface Job {
  readonly event: WebhookEvent;
  /** Attempts made. */
  attempts: number;
  /** Epoch milliseconds. */
  dueAt: number;
  readonly deadline: number;
  readonly order: number;
  /** Whether a record holds it. */
  stored: boolean;
  /** Called when the event need not be read from the log again. */
  readonly finish: () => void;
}

/** The jobs of one message, in their order. */
export interface Lane {
  readonly key: string;
  readonly jobs: Job[];
  running: boolean;
  /** Whether it is in a list of lanes that may begin. */
  ready: boolean;
  cancelTimer?: (() => void) | undefined;
}

/** What {@link Lanes} takes from outside. */
export interface LanesParts {
  /** Most lanes that run at once; half of them, rounded down, may be retries. */
  readonly concurrency: number;
  readonly now: () => number;
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Begins with the first job of a lane; {@link Lanes.end} follows. */
  readonly run: (lane: Lane, job: Job) => void;
}

/**
 * Decides which event is delivered next: events of one message in their order, messages in parallel, and retries in at
 * most half of the places, so that they do not delay first attempts.
 */
export class Lanes {
  readonly #parts: LanesParts;
  readonly #lanes = new Map<string, Lane>();
  readonly #fresh: Lane[] = [];
  readonly #retries: Lane[] = [];
  #running = 0;
  #runningRetries = 0;
  #stopped = false;
  #pausedUntil = 0;
  #cancelPause: (() => void) | undefined;

  constructor(parts: LanesParts) {
    this.#parts = parts;
  }

  /** Lanes that run now. */
  get running(): number {
    return this.#running;
  }

  /** The lane of an event, with a job more. */
  add(job: Job): Lane {
    const key = job.event.messageId ?? job.event.id;
    const lane = this.#lanes.get(key) ?? { key, jobs: [], running: false, ready: false };
    this.#lanes.set(key, lane);
    lane.jobs.push(job);
    this.#schedule(lane);
    return lane;
  }

  /** Called when the run of a lane's first job has ended; the job has left the lane, or has another time. */
  end(lane: Lane, wasRetry: boolean): void {
    lane.running = false;
    this.#running--;
    if (wasRetry) this.#runningRetries--;
    this.#schedule(lane);
    this.dispatch();
  }

  /** Starts as many lanes as may run. */
  dispatch(): void {
    const { concurrency, now, run } = this.#parts;
    if (this.#stopped || this.#pausedUntil > now()) return;
    while (this.#running < concurrency) {
      const mayRetry = this.#runningRetries < Math.floor(concurrency / 2);
      const lane = this.#fresh.shift() ?? (mayRetry ? this.#retries.shift() : undefined);
      if (!lane) return;
      lane.ready = false;
      lane.running = true;
      this.#running++;
      const job = lane.jobs[0]!;
      if (job.attempts > 0) this.#runningRetries++;
      run(lane, job);
    }
  }

  /** Starts no lane for a while. */
  pause(delayMs: number): void {
    const { now, setTimer } = this.#parts;
    this.#pausedUntil = Math.max(this.#pausedUntil, now() + delayMs);
    this.#cancelPause?.();
    this.#cancelPause = setTimer(() => this.dispatch(), this.#pausedUntil - now());
  }

  /** Starts no lane any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelPause?.();
    for (const lane of this.#lanes.values()) lane.cancelTimer?.();
  }

  #schedule(lane: Lane): void {
    if (lane.running || lane.ready || this.#stopped) return;
    const [head] = lane.jobs;
    if (!head) {
      this.#lanes.delete(lane.key);
      return;
    }
    lane.cancelTimer?.();
    lane.cancelTimer = undefined;
    const delayMs = head.dueAt - this.#parts.now();
    if (delayMs > 0) {
      lane.cancelTimer = this.#parts.setTimer(() => {
        this.#makeReady(lane, head);
        this.dispatch();
      }, delayMs);
      return;
    }
    this.#makeReady(lane, head);
  }

  #makeReady(lane: Lane, head: Job): void {
    lane.cancelTimer = undefined;
    lane.ready = true;
    (head.attempts > 0 ? this.#retries : this.#fresh).push(lane);
  }
}
