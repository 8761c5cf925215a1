import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerError, type MailBroker, type Records } from '@mb/broker';
import { type Bucket, fitting, sumOf, Tally } from './counts.ts';
import { finerThan, keyOf, type Resolution, resolutions, startOf, summed } from './resolution.ts';
import { readSpans, type SeriesState, seriesCollection, stateKey } from './spans.ts';

/** What {@link SeriesCollector} takes from outside. */
export interface SeriesCollectorParts {
  readonly broker: Pick<MailBroker, 'queue' | 'records'>;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
  /** Names this process among those that share the store. */
  readonly owner: string;
  /** Time between two looks at the log, in milliseconds, and five times that after a failure. Default 1,000. */
  readonly pauseMs?: number;
}

const ownedMs = 15_000;
const pageEvents = 1000;

/**
 * Counts events by the minute, and sums minutes to quarter-hours and these to days.
 *
 * Each event is counted exactly once, also when processes are killed at any moment. The place in the log and the counts
 * of the minute that is open are one record, written together; a minute that is closed is written before that record
 * moves on, and would be written again with the same counts, since the log never changes. One process counts at a time;
 * the condition on the version of the record refuses any other.
 */
export class SeriesCollector {
  readonly #parts: SeriesCollectorParts;
  readonly #records: Records;
  readonly #end = new AbortController();
  #done: Promise<void> | undefined;

  constructor(parts: SeriesCollectorParts) {
    this.#parts = parts;
    this.#records = parts.broker.records;
  }

  /** Begins to count, until {@link SeriesCollector.stop}. */
  start(): void {
    this.#done ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { pauseMs = 1000 } = this.#parts;
    while (!this.#end.signal.aborted) {
      try {
        const more = await this.count();
        if (!more) await this.#pause(pauseMs);
      } catch (error) {
        if (isClosed(error)) return;
        // Another process was faster: read again where it is.
        if (!isConflict(error)) this.#parts.onError(error);
        await this.#pause(pauseMs * 5);
      }
    }
  }

  /** Counts one page of events; true when there may be more. */
  async count(): Promise<boolean> {
    const { broker, now, owner } = this.#parts;
    const row = await this.#records.get(seriesCollection, stateKey);
    const state = row?.value as SeriesState | undefined;
    const time = now();
    if (state && state.owner !== owner && state.ownedUntil > time) return false;
    const { events, cursor } = await broker.queue.events({ after: state?.cursor, limit: pageEvents });
    const renew = !state || state.owner !== owner || state.ownedUntil - time < ownedMs / 2;
    if (events.length === 0 && !renew) return false;
    let start = state?.start ?? startOf(events[0]?.at ?? time, 'minute');
    let tally = new Tally(state?.bucket);
    for (const event of events) {
      const begins = startOf(event.at, 'minute');
      // A late event, of a transaction that took long, is counted in the open minute.
      if (begins > start) {
        await this.#closeMinute(start, tally.bucket, begins);
        start = begins;
        tally = new Tally();
      }
      tally.add(event);
    }
    const next: SeriesState = {
      ...(events.length > 0 ? { cursor } : state?.cursor !== undefined && { cursor: state.cursor }),
      start,
      bucket: fitting(tally.bucket),
      owner,
      ownedUntil: time + ownedMs,
    };
    await this.#records.put(seriesCollection, stateKey, next, { ifVersion: row?.version ?? 0 });
    return events.length === pageEvents;
  }

  /** Writes a minute down, and the coarser spans that ended with it. */
  async #closeMinute(start: number, bucket: Bucket, next: number): Promise<void> {
    await this.#write('minute', start, bucket);
    for (const resolution of summed) {
      const span = startOf(start, resolution);
      if (startOf(next, resolution) === span) break;
      await this.#write(resolution, span, await this.#sum(resolution, span));
    }
    for (const resolution of ['minute', ...summed] as const) await this.#forget(resolution, start, next);
  }

  async #write(resolution: Resolution, start: number, bucket: Bucket): Promise<void> {
    await this.#records.put(seriesCollection, keyOf(resolution, start), fitting(bucket));
  }

  async #sum(resolution: (typeof summed)[number], start: number): Promise<Bucket> {
    const end = start + resolutions[resolution].spanMs;
    const spans = await readSpans(this.#records, finerThan[resolution], { from: start, to: end - 1 });
    return sumOf([...spans.values()]);
  }

  /** Deletes the spans whose time has ended between two moments. */
  async #forget(resolution: Resolution, from: number, to: number): Promise<void> {
    const { spanMs, keepMs } = resolutions[resolution];
    const end = startOf(Math.min(to - keepMs, from), resolution);
    for (let old = startOf(from - keepMs, resolution); old < end; old += spanMs) {
      await this.#records.delete(seriesCollection, keyOf(resolution, old));
    }
  }

  async #pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.#end.signal }).catch(() => {});
  }
}

function isConflict(error: unknown): boolean {
  return BrokerError.isInstance(error) && error.code === 'MB_BROKER_RECORD_CONFLICT';
}

function isClosed(error: unknown): boolean {
  return BrokerError.isInstance(error) && error.code === 'MB_BROKER_STORE_CLOSED';
}
