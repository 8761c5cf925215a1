import type { Records, StoredRecord } from '@mb/broker';
import { everyRow } from './every-page.ts';

/** What {@link DatedRecords} takes from outside. */
export interface DatedRecordsParts {
  readonly records: Records;
  readonly collection: string;
  /** How long records are kept, in milliseconds. */
  readonly keepMs: number;
  /** Most records that are kept. */
  readonly most: number;
  /** Called with what failed in the background. */
  readonly onError: (error: unknown) => void;
}

const purgeEveryMs = 3_600_000;
/** Records may have 64 KiB each. */
const pageRows = 500;

/** Records of a collection whose keys begin with a place in time, the latest first. */
export class DatedRecords {
  readonly #parts: DatedRecordsParts;
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: DatedRecordsParts) {
    this.#parts = parts;
  }

  /** The records of a moment and later ones, the latest first. */
  async *since(at: number): AsyncGenerator<StoredRecord> {
    const oldest = placeOf(at);
    for await (const record of this.#all()) {
      if (record.key.slice(0, oldest.length) > oldest) return;
      yield record;
    }
  }

  /** Deletes in the background what is too old and what is too much; at most once an hour. */
  purgeWhenDue(now: number): void {
    if (now - this.#purgedAt < purgeEveryMs) return;
    this.#purgedAt = now;
    this.#purge(now).catch(this.#parts.onError);
  }

  async #purge(now: number): Promise<void> {
    const { records, collection, keepMs, most } = this.#parts;
    const oldest = placeOf(now - keepMs);
    let seen = 0;
    for await (const { key } of this.#all()) {
      seen++;
      if (seen > most || key > oldest) await records.delete(collection, key);
    }
  }

  #all(): AsyncGenerator<StoredRecord> {
    const { records, collection } = this.#parts;
    return everyRow(({ after }) => records.list(collection, { after, limit: pageRows }));
  }
}

/** Keys sort as text, and the latest comes first. */
export function placeOf(at: number): string {
  return String(9_999_999_999_999 - Math.max(0, at)).padStart(13, '0');
}
