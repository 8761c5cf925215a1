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
  readonly #ids = new Set<string>();
  #lastOrder = 0;
  #dead: number | undefined;

  constructor(parts: WaitingRoomParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#ids.size;
  }

  has(eventId: string): boolean {
    return this.#ids.has(eventId);
  }

  /** A number above all that were given, here and by processes that hand events in. */
  nextOrder(): number {
    this.#lastOrder = Math.max(this.#lastOrder + 1, orderAt(this.#parts.now()));
    return this.#lastOrder;
  }

  /** What waits, in its order. */
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
    // First here, so that the change is not taken for one that another process handed in.
    this.#ids.add(event.id);
    try {
      await records.put(waitingCollection, waitingKey(endpointId, event.id), value);
    } catch (error) {
      if (!job.stored) this.#ids.delete(event.id);
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
    this.#ids.delete(event.id);
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
    this.#ids.add(event.id);
    this.#lastOrder = Math.max(this.#lastOrder, order);
    return { event, order, attempts, dueAt, deadline, stored: true, finish: () => {} };
  }
}
