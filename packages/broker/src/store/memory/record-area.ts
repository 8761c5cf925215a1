import { pageLimit } from '../page.ts';
import type { Page } from '../port.ts';
import {
  checkCollection,
  checkIfVersion,
  checkRecordKey,
  checkVersion,
  type RecordChange,
  type RecordCondition,
  type RecordPageRequest,
  type Records,
  recordConflict,
  recordDeletionMs,
  recordPage,
  recordText,
  type StoredRecord,
} from '../records.ts';

interface Row {
  readonly version: number;
  /** JSON; null for a deletion. */
  readonly text: string | null;
  readonly updatedAt: number;
}

/** What {@link MemoryRecords} needs of its store. */
export interface MemoryRecordsEnvironment {
  /** Epoch milliseconds. */
  now(): number;
  /** @throws {BrokerError} MB_BROKER_STORE_CLOSED */
  check(): void;
  changed(): void;
}

/** Records that are kept as long as the process runs. */
export class MemoryRecords implements Records {
  readonly #environment: MemoryRecordsEnvironment;
  readonly #collections = new Map<string, Map<string, Row>>();
  #version = 0;

  constructor(environment: MemoryRecordsEnvironment) {
    this.#environment = environment;
  }

  async get(collection: string, key: string): Promise<StoredRecord | null> {
    const row = this.#rows(collection).get(checkRecordKey(key));
    return row?.text ? stored(collection, key, row, row.text) : null;
  }

  async put(
    collection: string,
    key: string,
    value: object,
    condition?: RecordCondition,
  ): Promise<StoredRecord> {
    const text = recordText(value);
    return stored(collection, key, this.#write(collection, key, text, condition), text);
  }

  async delete(collection: string, key: string, condition?: RecordCondition): Promise<boolean> {
    const exists = Boolean(this.#rows(collection).get(checkRecordKey(key))?.text);
    if (exists || checkIfVersion(condition)) this.#write(collection, key, null, condition);
    return exists;
  }

  async list(collection: string, page?: RecordPageRequest): Promise<Page<StoredRecord>> {
    const { after, prefix, limit } = recordPage(page);
    const found = [...this.#rows(collection)]
      .filter(([key, { text }]) => text !== null && key.startsWith(prefix) && byCodePoint(key, after) > 0)
      .sort(([a], [b]) => byCodePoint(a, b));
    const rows = found.slice(0, limit).map(([key, row]) => stored(collection, key, row, row.text!));
    return { rows, ...(found.length > limit && { next: rows.at(-1)!.key }) };
  }

  async changes(collection: string, after: number, limit?: number): Promise<readonly RecordChange[]> {
    checkVersion(after);
    return [...this.#rows(collection)]
      .filter(([, { version }]) => version > after)
      .sort(([, a], [, b]) => a.version - b.version)
      .slice(0, pageLimit(limit))
      .map(([key, row]) => change(collection, key, row));
  }

  /** Forgets old deletions. */
  purge(now: number): void {
    for (const rows of this.#collections.values()) {
      for (const [key, row] of rows)
        if (row.text === null && row.updatedAt <= now - recordDeletionMs) rows.delete(key);
    }
  }

  #write(collection: string, key: string, text: string | null, condition: RecordCondition | undefined): Row {
    const rows = this.#rows(collection);
    const known = rows.get(checkRecordKey(key));
    const expected = checkIfVersion(condition);
    if (expected !== undefined && expected !== (known?.text ? known.version : 0))
      throw recordConflict(collection, key);
    const row = { version: ++this.#version, text, updatedAt: this.#environment.now() };
    rows.set(key, row);
    this.#environment.changed();
    return row;
  }

  #rows(collection: string): Map<string, Row> {
    this.#environment.check();
    const known = this.#collections.get(checkCollection(collection));
    if (known) return known;
    const rows = new Map<string, Row>();
    this.#collections.set(collection, rows);
    return rows;
  }
}

function stored(collection: string, key: string, row: Row, text: string): StoredRecord {
  const { version, updatedAt } = row;
  return { collection, key, version, value: JSON.parse(text) as object, updatedAt };
}

function change(collection: string, key: string, row: Row): RecordChange {
  const { version, updatedAt, text } = row;
  return text === null ? { collection, key, version, updatedAt } : stored(collection, key, row, text);
}

/** The order of UTF-8 octets, in which databases sort. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
