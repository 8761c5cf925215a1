import type { Records } from '../store/records.ts';
import type { Job } from './lanes.ts';
import {
  bury,
  countDead,
  deleteOldestDead,
  mostDeadLetters,
  orderAt,
  readWaiting,
  type WaitingEvent,
  waitingCollection,
  waitingKey,
} from './waiting-event.ts';

/** What {@link WaitingRoom} takes from outside. */
export interface WaitingRoomParts {
  readonly records: Records;
  readonly endpointId: string;
  readonly now: () => number;
}

/** The events of one endpoint that wait for another attempt, each durable in a record of its own. */
export class WaitingRoom {
  readonly #parts: WaitingRoomParts;
  /** The time of each event that waits, by its id. */
  readonly #times = new Map<string, number>();
  #lastOrder = 0;
  #dead: number | undefined;

  constructor(parts: WaitingRoomParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#times.size;
  }

  /** When the oldest event that waits happened, in epoch milliseconds. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const at of this.#times.values()) if (oldest === undefined || at < oldest) oldest = at;
    return oldest;
  }

  has(eventId: string): boolean {
    return this.#times.has(eventId);
  }

  /** A number higher than all that were given, here and by processes that hand events in. */
  nextOrder(): number {
    this.#lastOrder = Math.max(this.#lastOrder + 1, orderAt(this.#parts.now()));
    return this.#lastOrder;
  }

  /** The waiting events, in their order. */
  async loadAll(): Promise<readonly Job[]> {
    const { records, endpointId } = this.#parts;
    const rows = await readWaiting(records, endpointId);
    return rows.map(({ value }) => this.#jobOf(value as WaitingEvent)).sort((a, b) => a.order - b.order);
  }

  /** An event that was handed in; undefined when it is gone already. */
  async load(eventId: string): Promise<Job | undefined> {
    const { records, endpointId } = this.#parts;
    const row = await records.get(waitingCollection, waitingKey(endpointId, eventId));
    return row && !this.has(eventId) ? this.#jobOf(row.value as WaitingEvent) : undefined;
  }

  /** Makes a job durable; the reader of the log need not read its event again. */
  async store(job: Job): Promise<void> {
    const { records, endpointId } = this.#parts;
    const { event, order, attempts, dueAt, deadline } = job;
    const value: WaitingEvent = { event, order, attempts, dueAt, deadline };
    // Added here first, so that the change is not mistaken for an event that another process handed in.
    this.#times.set(event.id, event.at);
    try {
      await records.put(waitingCollection, waitingKey(endpointId, event.id), value);
    } catch (error) {
      if (!job.stored) this.#times.delete(event.id);
      throw error;
    }
    job.stored = true;
    job.finish();
  }

  /** Forgets an event that was delivered. */
  async remove({ event, stored }: Job): Promise<void> {
    if (!stored) return;
    const { records, endpointId } = this.#parts;
    await records.delete(waitingCollection, waitingKey(endpointId, event.id));
    this.#times.delete(event.id);
  }

  /** Gives up an event. */
  async bury(job: Job, error: string): Promise<void> {
    const { records, endpointId, now } = this.#parts;
    this.#dead ??= await countDead(records, endpointId);
    await bury(records, endpointId, { event: job.event, attempts: job.attempts + 1 }, now(), error);
    if (++this.#dead > mostDeadLetters) {
      await deleteOldestDead(records, endpointId);
      this.#dead--;
    }
    await this.remove(job);
  }

  #jobOf({ event, order, attempts, dueAt, deadline }: WaitingEvent): Job {
    this.#times.set(event.id, event.at);
    this.#lastOrder = Math.max(this.#lastOrder, order);
    return { event, order, attempts, dueAt, deadline, stored: true, finish: () => {} };
  }
}
