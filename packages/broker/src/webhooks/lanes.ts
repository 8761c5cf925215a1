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
  /** The call of the first job, while it runs. */
  call?: Call | undefined;
  /** Whether it is in a list of lanes that may begin. */
  ready: boolean;
  cancelTimer?: (() => void) | undefined;
}

/** A call that runs. */
interface Call {
  readonly isRetry: boolean;
  /** It takes longer than others, and has given its place to them. */
  isSlow: boolean;
  readonly cancelTimer: () => void;
}

/** What {@link Lanes} takes from outside. */
export interface LanesParts {
  /**
   * Most lanes that run at once; half of them, rounded down, may be retries. Calls that take much longer than others do
   * not count, up to {@link slowPlaces} times as many.
   */
  readonly concurrency: number;
  readonly now: () => number;
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Begins with the first job of a lane; {@link Lanes.end} follows. */
  readonly run: (lane: Lane, job: Job) => void;
}

/** Calls that take much longer than others, for each place. */
export const slowPlaces = 4;
/** A call gives its place to others after this time, in milliseconds, */
const leastPatienceMs = 200;
/** and after this multiple of the time that calls usually take. */
const patience = 4;
/** Share of the latest call in the time that calls usually take. */
const weight = 0.2;

/**
 * Decides which event is delivered next: events of one message in their order, messages in parallel, and retries in at
 * most half of the places, so that they do not delay first attempts. A call that takes much longer than others gives its
 * place to them: messages that an endpoint does not answer delay no others.
 */
export class Lanes {
  readonly #parts: LanesParts;
  readonly #lanes = new Map<string, Lane>();
  readonly #fresh: Lane[] = [];
  readonly #retries: Lane[] = [];
  /** Calls that have a place, and those of them that are retries. */
  #placed = 0;
  #placedRetries = 0;
  /** Calls that have given theirs to others. */
  #slow = 0;
  /** The time that calls usually take until they are answered, in milliseconds; 0 before the first one. */
  #usualMs = 0;
  #stopped = false;
  #pausedUntil = 0;
  #cancelPause: (() => void) | undefined;

  constructor(parts: LanesParts) {
    this.#parts = parts;
  }

  /** Lanes that run now. */
  get running(): number {
    return this.#placed + this.#slow;
  }

  /** The lane of an event, with a job more. */
  add(job: Job): Lane {
    const key = job.event.messageId ?? job.event.id;
    const lane = this.#lanes.get(key) ?? { key, jobs: [], ready: false };
    this.#lanes.set(key, lane);
    lane.jobs.push(job);
    this.#schedule(lane);
    return lane;
  }

  /**
   * Called when the run of a lane's first job has ended; the job has left the lane, or has another time.
   *
   * @param answeredMs  How long the endpoint took to answer; undefined when it did not.
   */
  end(lane: Lane, answeredMs?: number): void {
    const { call } = lane;
    lane.call = undefined;
    call?.cancelTimer();
    if (call?.isSlow) this.#slow--;
    else if (call) this.#leavePlace(call);
    if (answeredMs !== undefined) {
      this.#usualMs =
        this.#usualMs === 0 ? answeredMs : this.#usualMs + weight * (answeredMs - this.#usualMs);
    }
    this.#schedule(lane);
    this.dispatch();
  }

  /** Starts as many lanes as may run. */
  dispatch(): void {
    const { concurrency, now, run } = this.#parts;
    if (this.#stopped || this.#pausedUntil > now()) return;
    while (this.#placed < concurrency) {
      const mayRetry = this.#placedRetries < Math.floor(concurrency / 2);
      const lane = this.#fresh.shift() ?? (mayRetry ? this.#retries.shift() : undefined);
      if (!lane) return;
      lane.ready = false;
      const job = lane.jobs[0]!;
      lane.call = this.#place(job.attempts > 0);
      run(lane, job);
    }
  }

  #place(isRetry: boolean): Call {
    this.#placed++;
    if (isRetry) this.#placedRetries++;
    const patienceMs = Math.max(leastPatienceMs, patience * this.#usualMs);
    const cancelTimer = this.#parts.setTimer(() => {
      if (this.#slow >= slowPlaces * this.#parts.concurrency) return;
      call.isSlow = true;
      this.#slow++;
      this.#leavePlace(call);
      this.dispatch();
    }, patienceMs);
    const call: Call = { isRetry, isSlow: false, cancelTimer };
    return call;
  }

  #leavePlace({ isRetry }: Call): void {
    this.#placed--;
    if (isRetry) this.#placedRetries--;
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
    for (const { cancelTimer, call } of this.#lanes.values()) {
      cancelTimer?.();
      call?.cancelTimer();
    }
  }

  #schedule(lane: Lane): void {
    if (lane.call || lane.ready || this.#stopped) return;
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
