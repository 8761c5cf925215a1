import {
  checkCollection,
  checkIfVersion,
  checkRecordKey,
  checkVersion,
  type Page,
  pageLimit,
  type RecordChange,
  type RecordCondition,
  type RecordPageRequest,
  type Records,
  recordConflict,
  recordDeletionMs,
  recordPage,
  recordText,
  type StoredRecord,
} from '@mb/broker/store';
import type { Database } from './database.ts';

interface RecordRow {
  readonly key: string;
  readonly version: string;
  /** JSON; null for a deletion. */
  readonly value: string | null;
  readonly updated: string;
}

/** What {@link PostgresRecords} needs of its store. */
export interface PostgresRecordsEnvironment {
  readonly schema: string;
  /** @throws {BrokerError} MB_BROKER_STORE_CLOSED */
  database(): Database;
  /** Epoch milliseconds; null for the database's clock. */
  now(): number | null;
  /** Wakes this process and the others. */
  changed(): void;
}

/** Records in PostgreSQL. Changes are serialized: the row that numbers them is locked until the commit. */
export class PostgresRecords implements Records {
  readonly #environment: PostgresRecordsEnvironment;

  constructor(environment: PostgresRecordsEnvironment) {
    this.#environment = environment;
  }

  async get(collection: string, key: string): Promise<StoredRecord | null> {
    const { schema } = this.#environment;
    const [row] = await this.#environment
      .database()
      .query<RecordRow & Record<string, unknown>>(
        `SELECT key, version, value, updated FROM ${schema}.record WHERE collection = $1 AND key = $2`,
        [checkCollection(collection), checkRecordKey(key)],
      );
    return row?.value ? stored(collection, row, row.value) : null;
  }

  async put(
    collection: string,
    key: string,
    value: object,
    condition?: RecordCondition,
  ): Promise<StoredRecord> {
    const text = recordText(value);
    const row = await this.#change(collection, key, text, condition);
    return stored(collection, row!, text);
  }

  async delete(collection: string, key: string, condition?: RecordCondition): Promise<boolean> {
    return (await this.#change(collection, key, null, condition)) !== undefined;
  }

  async list(collection: string, page?: RecordPageRequest): Promise<Page<StoredRecord>> {
    const { after, prefix, limit } = recordPage(page);
    const { schema } = this.#environment;
    const found = await this.#environment.database().query<RecordRow & Record<string, unknown>>(
      `SELECT key, version, value, updated FROM ${schema}.record
       WHERE collection = $1 AND key > $2 AND key >= $3 AND starts_with(key, $3) AND value IS NOT NULL
       ORDER BY key LIMIT $4`,
      [checkCollection(collection), after, prefix, limit + 1],
    );
    const rows = found.slice(0, limit).map((row) => stored(collection, row, row.value!));
    return { rows, ...(found.length > limit && { next: rows.at(-1)!.key }) };
  }

  async changes(collection: string, after: number, limit?: number): Promise<readonly RecordChange[]> {
    const { schema } = this.#environment;
    const rows = await this.#environment.database().query<RecordRow & Record<string, unknown>>(
      `SELECT key, version, value, updated FROM ${schema}.record
       WHERE collection = $1 AND version > $2 ORDER BY version LIMIT $3`,
      [checkCollection(collection), checkVersion(after), pageLimit(limit)],
    );
    return rows.map((row) => {
      const { key } = row;
      return row.value === null
        ? { collection, key, version: Number(row.version), updatedAt: Number(row.updated) }
        : stored(collection, row, row.value);
    });
  }

  /** Writes a record, or a deletion; undefined when the record to delete does not exist. */
  async #change(
    collection: string,
    key: string,
    text: string | null,
    condition: RecordCondition | undefined,
  ): Promise<RecordRow | undefined> {
    checkCollection(collection);
    checkRecordKey(key);
    const expected = checkIfVersion(condition);
    const { schema, now } = this.#environment;
    const row = await this.#environment.database().transaction(async (client) => {
      // Versions become visible in their order: a reader that has read up to one has missed none below it.
      await client.query(`UPDATE ${schema}.record_version SET n = n + 1`);
      const { rows: known } = await client.query<{ version: string; gone: boolean }>(
        `SELECT version, value IS NULL AS gone FROM ${schema}.record WHERE collection = $1 AND key = $2`,
        [collection, key],
      );
      const current = known[0] && !known[0].gone ? Number(known[0].version) : 0;
      if (expected !== undefined && expected !== current) throw recordConflict(collection, key);
      if (text === null && current === 0) return undefined;
      const { rows } = await client.query<RecordRow>(
        `INSERT INTO ${schema}.record (collection, key, version, value, updated)
         SELECT $1, $2, n, $3, ${schema}.time_v1($4) FROM ${schema}.record_version
         ON CONFLICT (collection, key) DO UPDATE
         SET version = excluded.version, value = excluded.value, updated = excluded.updated
         RETURNING key, version, value, updated`,
        [collection, key, text, now()],
      );
      return rows[0];
    });
    if (row) this.#environment.changed();
    return row;
  }
}

/** Forgets old deletions. */
export async function purgeRecords(db: Database, schema: string, now: number | null): Promise<void> {
  await db.query(
    `DELETE FROM ${schema}.record WHERE value IS NULL AND updated <= ${schema}.time_v1($1) - $2`,
    [now, recordDeletionMs],
  );
}

function stored(collection: string, row: RecordRow, text: string): StoredRecord {
  const { key } = row;
  const value = JSON.parse(text) as object;
  return { collection, key, version: Number(row.version), value, updatedAt: Number(row.updated) };
}
