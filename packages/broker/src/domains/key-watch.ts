import type { Clock } from '../clock.ts';
import { forEachLimit } from '../for-each-limit.ts';
import { everyRow } from '../store/page.ts';
import { isRecordConflict, type Records, type StoredRecord } from '../store/records.ts';
import { watchCollection } from './domain-record.ts';

/** When a domain is looked at next. */
interface Watched {
  /** Epoch milliseconds. */
  readonly nextAt: number;
}

/** What the watch takes. */
export interface KeyWatchParts {
  readonly records: Records;
  readonly clock: Clock;
  /** All domains. */
  readonly domains: () => AsyncIterable<string>;
  /** Checks a domain and advances its keys; returns after how many milliseconds to check again. */
  readonly look: (domain: string) => Promise<number>;
  readonly onError: (error: unknown) => void;
  /** Time between two rounds, in milliseconds. */
  readonly roundMs: number;
}

/** Time for which a process that dies during a check keeps others from checking, in milliseconds. */
const leaseMs = 120_000;
/** Domains looked at side by side. */
const width = 8;

/**
 * Checks the keys of all domains repeatedly. Any number of processes may watch: each domain is checked by the one that
 * has claimed it, by compare-and-swap on its record.
 */
export class KeyWatch {
  readonly #parts: KeyWatchParts;
  #cancel: (() => void) | undefined;
  #round: Promise<void> | undefined;
  #running = false;

  constructor(parts: KeyWatchParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#next(0);
  }

  /** Resolves when the round under way is over. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancel?.();
    await this.#round;
  }

  /** Looks at every domain that is due. A domain that fails is reported to `onError` and does not delay another one. */
  async round(): Promise<void> {
    const watched = await this.#watched();
    const now = this.#parts.clock.now();
    const due: string[] = [];
    for await (const domain of this.#parts.domains()) {
      if ((nextAtOf(watched.get(domain)) ?? 0) <= now) due.push(domain);
    }
    await forEachLimit(due, width, async (domain) => {
      try {
        await this.#look(domain, watched.get(domain));
      } catch (error) {
        this.#parts.onError(error);
      }
    });
  }

  #next(delayMs: number): void {
    this.#cancel = this.#parts.clock.setTimer(() => {
      this.#round = this.round()
        .catch((error: unknown) => this.#parts.onError(error))
        .then(() => {
          if (this.#running) this.#next(this.#parts.roundMs);
        });
    }, delayMs);
  }

  async #look(domain: string, row: StoredRecord | undefined): Promise<void> {
    const { records, clock, look } = this.#parts;
    const claim = (nextAt: number, ifVersion: number) =>
      records.put(watchCollection, domain, { nextAt } satisfies Watched, { ifVersion });
    let version: number;
    try {
      ({ version } = await claim(clock.now() + leaseMs, row?.version ?? 0));
    } catch (error) {
      // Another process looks at it.
      if (isRecordConflict(error)) return;
      throw error;
    }
    const againMs = await look(domain);
    try {
      await claim(clock.now() + againMs, version);
    } catch (error) {
      if (!isRecordConflict(error)) throw error;
    }
  }

  async #watched(): Promise<ReadonlyMap<string, StoredRecord>> {
    const watched = new Map<string, StoredRecord>();
    const { records } = this.#parts;
    for await (const row of everyRow((page) => records.list(watchCollection, page)))
      watched.set(row.key, row);
    return watched;
  }
}

function nextAtOf(row: StoredRecord | undefined): number | undefined {
  return (row?.value as Watched | undefined)?.nextAt;
}
