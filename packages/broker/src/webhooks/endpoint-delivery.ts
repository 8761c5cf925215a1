import type { Clock } from '../clock.ts';
import { CursorWindow } from '../queue/cursor-window.ts';
import { type EventFilter, matchEvents } from '../queue/event-filter.ts';
import { type RetrySchedule, retryDelayMs } from '../store/backoff.ts';
import type { QueueStore } from '../store/port.ts';
import type { QueueEvent } from '../store/queue-event.ts';
import { isRecordConflict } from '../store/records.ts';
import { StoreWatch } from '../store/store-watch.ts';
import { sleep, wait } from '../wait.ts';
import { addAttempts, keptAttempts, type WebhookAttempt } from './attempt.ts';
import { type CallTarget, callEndpoint } from './call.ts';
import { type DeliveryState, writeState } from './delivery-state.ts';
import type { EventPages } from './event-pages.ts';
import { type Job, type Lane, Lanes } from './lanes.ts';
import { WaitingRoom } from './waiting-room.ts';
import type { CallResult, WebhookClient } from './webhook-client.ts';
import { type WebhookEvent, type WebhookEventType, webhookEventOf } from './webhook-event.ts';

/** An endpoint with its secrets open: what is delivered, where, and what it is signed with. */
export interface OpenEndpoint extends EventFilter<WebhookEventType>, CallTarget {}

/** What {@link EndpointDelivery} takes from outside. */
export interface EndpointDeliveryParts {
  readonly id: string;
  readonly endpoint: OpenEndpoint;
  /** The progress of the endpoint; this process is its owner. */
  readonly state: DeliveryState;
  readonly stateVersion: number;
  readonly store: Pick<QueueStore<unknown>, 'records' | 'onWake'>;
  readonly pages: EventPages;
  readonly client: WebhookClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly schedule: RetrySchedule;
  readonly concurrency: number;
  readonly retryForMs: number;
  readonly leaseMs: number;
  readonly onError: (error: unknown) => void;
  /** Called with each call. */
  readonly onAttempt: (attempt: WebhookAttempt, event: WebhookEvent) => void;
  /** Disables the endpoint. */
  readonly disable: (reason: string) => Promise<void>;
}

/** Events that are taken from the log and not finished; more are not read. */
const mostOpen = 1_000;
/** Events that wait in records; more of an endpoint that never answers are not read, others are given up. */
const mostWaiting = 5_000;
/** An endpoint that fails for this multiple of the retry time without a single success is disabled. */
const failingTimes = 3;
const flushMs = 1_000;
const pollMs = 1_000;

/**
 * Delivers to one endpoint what matches its filter, while this process owns it.
 *
 * The place in the log moves on past events that were delivered, and past those that failed once they are durable in a
 * record of their own. After a crash the log is read again from there: each event is delivered at least once.
 */
export class EndpointDelivery {
  readonly #parts: EndpointDeliveryParts;
  readonly #window: CursorWindow;
  readonly #lanes: Lanes;
  readonly #waiting: WaitingRoom;
  readonly #watch: StoreWatch;
  readonly #reading = new AbortController();
  readonly #calling = new AbortController();
  #endpoint: OpenEndpoint;
  #matches: (event: QueueEvent) => boolean;
  #state: DeliveryState;
  #stateVersion: number;
  #savedAt: number;
  #dirty = false;
  #attempts: WebhookAttempt[] = [];
  #onProgress: () => void = () => {};
  /** Resolves when the events that wait are in the lanes. */
  readonly #loaded: Promise<void>;
  /** Resolves when this process no longer delivers to the endpoint. */
  readonly ended: Promise<void>;
  /** Whether another process may deliver to the endpoint, so that nothing must be written any more. */
  #lost = false;

  constructor(parts: EndpointDeliveryParts) {
    this.#parts = parts;
    const { clock, state, stateVersion, endpoint, id, store, concurrency } = parts;
    this.#endpoint = endpoint;
    this.#matches = matchEvents(endpoint);
    this.#state = state;
    this.#stateVersion = stateVersion;
    this.#savedAt = clock.now();
    this.#window = new CursorWindow(state.cursor);
    this.#waiting = new WaitingRoom({ records: store.records, endpointId: id, now: () => clock.now() });
    this.#lanes = new Lanes({
      concurrency,
      now: () => clock.now(),
      setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
      run: (lane, job) => void this.#run(lane, job),
    });
    this.#watch = new StoreWatch({
      store,
      setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
      onError: parts.onError,
      signal: this.#reading.signal,
      pollMs,
    });
    this.#loaded = this.#loadWaiting();
    this.ended = this.#begin();
  }

  /** Continues with the endpoint as it is now. */
  update(endpoint: OpenEndpoint): void {
    this.#endpoint = endpoint;
    this.#matches = matchEvents(endpoint);
  }

  /** Another process handed in an event. */
  async handIn(eventId: string): Promise<void> {
    // It may be one of these; events of its message that wait longer come first.
    await this.#loaded;
    if (this.#waiting.has(eventId)) return;
    const job = await this.#watch.ask(() => this.#waiting.load(eventId));
    if (!job || this.#reading.signal.aborted) return;
    this.#lanes.add(job);
    this.#lanes.dispatch();
  }

  /** Starts no new calls, waits `graceMs` for those under way, and lets another process take over. */
  async stop(graceMs: number): Promise<void> {
    this.#reading.abort();
    this.#lanes.stop();
    const { clock } = this.#parts;
    const idle = new AbortController();
    this.#onProgress = () => {
      if (this.#lanes.running === 0) idle.abort();
    };
    this.#onProgress();
    await sleep(graceMs, clock, idle.signal);
    this.#calling.abort();
    await this.ended;
  }

  async #begin(): Promise<void> {
    const flushing = this.#flushUntilEnd();
    try {
      await this.#loaded;
      await this.#readLog();
    } catch (error) {
      this.#parts.onError(error);
    }
    // The signal that ends the reading also ends the calls.
    await wait<void, 'resolve'>(() => () => {}, this.#calling.signal, 'resolve');
    this.#watch.close();
    await flushing;
    this.#parts.client.close();
  }

  async #loadWaiting(): Promise<void> {
    const jobs = await this.#watch.ask(() => this.#waiting.loadAll());
    for (const job of jobs ?? []) this.#lanes.add(job);
    this.#lanes.dispatch();
  }

  async #readLog(): Promise<void> {
    const { signal } = this.#reading;
    while (!signal.aborted) {
      if (this.#isFull()) {
        await this.#progress();
        continue;
      }
      const page = await this.#watch.ask(() => this.#parts.pages.after(this.#window.read));
      if (!page) {
        // The store was closed: nothing can be written any more.
        if (!signal.aborted) this.#lose();
        return;
      }
      for (const event of page.events) this.#take(event);
      this.#lanes.dispatch();
      if (page.events.length > 0) this.#dirty = true;
      else {
        this.#window.reachEnd(this.#parts.clock.now());
        await this.#watch.idle();
      }
    }
  }

  #take(event: QueueEvent): void {
    const { cursor, at } = event;
    const known = this.#matches(event) ? webhookEventOf(event) : undefined;
    // An event that waits already was recorded before a crash that came before the place in the log was.
    if (!known || this.#waiting.has(known.id)) {
      this.#window.skip(cursor, at);
      return;
    }
    const { retryForMs, clock } = this.#parts;
    const now = clock.now();
    const job: Job = {
      event: known,
      attempts: 0,
      dueAt: now,
      deadline: now + retryForMs,
      order: this.#waiting.nextOrder(),
      stored: false,
      finish: this.#window.take(cursor, at),
    };
    const lane = this.#lanes.add(job);
    // After a waiting event of the same message it waits in a record too, so that the log can be read on.
    if (lane.jobs[0]!.stored) void this.#attempt(() => this.#waiting.store(job));
  }

  async #run(lane: Lane, job: Job): Promise<void> {
    const { client, clock, onAttempt, onError } = this.#parts;
    let answeredMs: number | undefined;
    try {
      const { attempt, result } = await callEndpoint(this.#endpoint, job.event, job.attempts + 1, {
        client,
        now: () => clock.now(),
        signal: this.#calling.signal,
      });
      if (result.status !== undefined) answeredMs = result.durationMs;
      // A call that was cut off says nothing about the endpoint.
      if (this.#calling.signal.aborted && !result.succeeded) return;
      this.#note(attempt);
      onAttempt(attempt, job.event);
      await this.#attempt(() => this.#settle(lane, job, result));
    } catch (error) {
      // No caller awaits this: a failure is reported, and the work is repeated.
      job.dueAt = clock.now() + flushMs;
      onError(error);
    } finally {
      this.#lanes.end(lane, answeredMs);
      this.#onProgress();
    }
  }

  async #settle(lane: Lane, job: Job, result: CallResult): Promise<void> {
    const { clock, schedule, random } = this.#parts;
    if (result.succeeded) return this.#leave(lane, job, () => this.#waiting.remove(job));
    const now = clock.now();
    const error = result.error ?? 'The call failed.';
    if (result.retryAfterMs !== undefined) this.#lanes.pause(result.retryAfterMs);
    const crowded =
      this.#waiting.size >= mostWaiting && this.#state.failingSince === undefined && !job.stored;
    if (now >= job.deadline || crowded) {
      return this.#leave(lane, job, () => this.#waiting.bury(job, crowded ? `${error} ${tooMany}` : error));
    }
    job.attempts++;
    job.dueAt = now + retryDelayMs(schedule, job.attempts, random);
    await this.#waiting.store(job);
    // Also the events that came meanwhile: the log is read on past a job that waits.
    const unstored = () => lane.jobs.find(({ stored }) => !stored);
    for (let next = unstored(); next; next = unstored()) await this.#waiting.store(next);
    if (result.status === 410) await this.#parts.disable('The endpoint answered 410 Gone.');
    else if (this.#hasFailedTooLong(now)) await this.#parts.disable(error);
  }

  /** Removes a job from its lane once its new place is durable. */
  async #leave(lane: Lane, job: Job, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      job.dueAt = this.#parts.clock.now() + flushMs;
      throw error;
    }
    lane.jobs.splice(lane.jobs.indexOf(job), 1);
    job.finish();
  }

  #hasFailedTooLong(now: number): boolean {
    const { failingSince = now } = this.#state;
    return now - failingSince > failingTimes * this.#parts.retryForMs;
  }

  #note(attempt: WebhookAttempt): void {
    this.#dirty = true;
    this.#attempts.push(attempt);
    if (this.#attempts.length > keptAttempts) this.#attempts.shift();
    const { failingSince, lastError: _, ...rest } = this.#state;
    this.#state = attempt.succeeded
      ? { ...rest, delivered: rest.delivered + 1, lastSuccessAt: attempt.at }
      : {
          ...rest,
          failed: rest.failed + 1,
          lastFailureAt: attempt.at,
          failingSince: failingSince ?? attempt.at,
          ...(attempt.error !== undefined && { lastError: attempt.error }),
        };
  }

  /** Writes how far the endpoint is, at most once a second, and often enough to stay the owner. */
  async #flushUntilEnd(): Promise<void> {
    const { clock, leaseMs } = this.#parts;
    const { signal } = this.#calling;
    while (!signal.aborted) {
      await sleep(Math.min(flushMs, leaseMs / 4), clock, signal);
      const overdue = clock.now() - this.#savedAt;
      if (!signal.aborted && (this.#dirty || overdue >= leaseMs / 3)) await this.#flush(true);
      // Another process may be the owner by now.
      if (clock.now() - this.#savedAt > leaseMs) this.#lose();
    }
    if (!this.#lost) await this.#flush(false);
  }

  #lose(): void {
    this.#lost = true;
    this.#reading.abort();
    this.#lanes.stop();
    this.#calling.abort();
  }

  async #flush(stay: boolean): Promise<void> {
    const { id, store, clock } = this.#parts;
    const { owner, oldestAt: _, ...state } = this.#state;
    const { cursor, upTo, openSince } = this.#window;
    const { oldestAt = openSince } = this.#waiting;
    const attempts = this.#attempts.splice(0);
    this.#dirty = false;
    try {
      this.#stateVersion = await writeState(
        store.records,
        id,
        {
          ...state,
          cursor,
          waiting: this.#waiting.size,
          ...(upTo !== undefined && { upTo }),
          ...(oldestAt !== undefined && { oldestAt: Math.min(oldestAt, openSince ?? oldestAt) }),
          ...(stay && owner !== undefined && { owner }),
        },
        this.#stateVersion,
      );
      this.#savedAt = clock.now();
      if (attempts.length > 0) await addAttempts(store.records, id, attempts);
    } catch (error) {
      if (isRecordConflict(error)) return this.#lose();
      this.#dirty = true;
      this.#attempts.unshift(...attempts.slice(0, keptAttempts - this.#attempts.length));
      this.#parts.onError(error);
    }
  }

  /** Repeats work while the store fails. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#calling.signal.aborted) this.#parts.onError(error);
    }
  }

  #isFull(): boolean {
    const stalled = this.#waiting.size >= mostWaiting && this.#state.failingSince !== undefined;
    return stalled || this.#window.size >= mostOpen;
  }

  async #progress(): Promise<void> {
    await wait<void, 'resolve'>(
      (resolve) => {
        this.#onProgress = resolve;
        return () => {};
      },
      this.#reading.signal,
      'resolve',
    );
  }
}

const tooMany = `${mostWaiting} events wait for another attempt already.`;
