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
import type { Sql } from './connection.ts';

interface RecordRow {
  readonly collection: string;
  readonly key: string;
  readonly version: number;
  /** JSON; null for a deletion. */
  readonly value: string | null;
  readonly updated: number;
}

/** What {@link SqliteRecords} needs of its store. */
export interface SqliteRecordsEnvironment {
  /** @throws {BrokerError} MB_BROKER_STORE_CLOSED, MB_BROKER_STORE_FAILED */
  read<Result>(work: (sql: Sql) => Result): Result;
  /** Runs `work` in a durable transaction and tells the listeners. */
  write<Result>(work: (sql: Sql, now: number) => Result): Promise<Result>;
}

/** Records in the queue file. */
export class SqliteRecords implements Records {
  readonly #environment: SqliteRecordsEnvironment;

  constructor(environment: SqliteRecordsEnvironment) {
    this.#environment = environment;
  }

  async get(collection: string, key: string): Promise<StoredRecord | null> {
    const [within, name] = [checkCollection(collection), checkRecordKey(key)];
    const row = this.#environment.read((sql) => find(sql, within, name));
    return row?.value ? stored(row, row.value) : null;
  }

  async put(
    collection: string,
    key: string,
    value: object,
    condition?: RecordCondition,
  ): Promise<StoredRecord> {
    const text = recordText(value);
    const row = await this.#change(collection, key, text, condition);
    return stored(row!, text);
  }

  async delete(collection: string, key: string, condition?: RecordCondition): Promise<boolean> {
    return (await this.#change(collection, key, null, condition)) !== undefined;
  }

  async list(collection: string, page?: RecordPageRequest): Promise<Page<StoredRecord>> {
    const { after, prefix, limit } = recordPage(page);
    const within = checkCollection(collection);
    const found = this.#environment.read((sql) =>
      sql.all<RecordRow>(
        `SELECT * FROM mb_record WHERE collection = ?1 AND key > ?2 AND key >= ?3 AND substr(key, 1, length(?3)) = ?3
         AND value IS NOT NULL ORDER BY key LIMIT ?4`,
        within,
        after,
        prefix,
        limit + 1,
      ),
    );
    const rows = found.slice(0, limit).map((row) => stored(row, row.value!));
    return { rows, ...(found.length > limit && { next: rows.at(-1)!.key }) };
  }

  async changes(collection: string, after: number, limit?: number): Promise<readonly RecordChange[]> {
    const [within, most] = [checkCollection(collection), pageLimit(limit)];
    checkVersion(after);
    const select = 'SELECT * FROM mb_record WHERE collection = ? AND version > ? ORDER BY version LIMIT ?';
    const rows = this.#environment.read((sql) => sql.all<RecordRow>(select, within, after, most));
    return rows.map((row) => {
      const { key, version, updated } = row;
      return row.value === null ? { collection, key, version, updatedAt: updated } : stored(row, row.value);
    });
  }

  /** Writes a record, or a deletion; undefined when the record to delete does not exist. */
  #change(
    collection: string,
    key: string,
    text: string | null,
    condition: RecordCondition | undefined,
  ): Promise<RecordRow | undefined> {
    checkCollection(collection);
    checkRecordKey(key);
    const expected = checkIfVersion(condition);
    return this.#environment.write((sql, now) => {
      const known = find(sql, collection, key);
      const current = known?.value ? known.version : 0;
      if (expected !== undefined && expected !== current) throw recordConflict(collection, key);
      if (text === null && current === 0) return undefined;
      const version = sql.get<{ n: number }>('UPDATE mb_record_version SET n = n + 1 RETURNING n')!.n;
      const row = { collection, key, version, value: text, updated: now };
      sql.run(
        'INSERT OR REPLACE INTO mb_record (collection, key, version, value, updated) VALUES (?, ?, ?, ?, ?)',
        collection,
        key,
        version,
        text,
        now,
      );
      return row;
    });
  }
}

/** Forgets old deletions. */
export function purgeRecords(sql: Sql, now: number): void {
  sql.run('DELETE FROM mb_record WHERE value IS NULL AND updated <= ?', now - recordDeletionMs);
}

function find(sql: Sql, collection: string, key: string): RecordRow | undefined {
  return sql.get<RecordRow>('SELECT * FROM mb_record WHERE collection = ? AND key = ?', collection, key);
}

function stored(row: RecordRow, text: string): StoredRecord {
  const { collection, key, version, updated } = row;
  return { collection, key, version, value: JSON.parse(text) as object, updatedAt: updated };
}
