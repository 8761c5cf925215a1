import type { DatabaseSync } from 'node:sqlite';
import { BrokerError } from '../../errors.ts';

/**
 * The tables. Names begin with `mb_`, so that the queue can be in the application's own file.
 *
 * - Recipient `n` of message `m` has the id `m * 65536 + n`, and so has chunk `n` of its content: the rows of a message
 *   are adjacent, and need no index.
 * - The indices that claims use are (owner, time, id) of waiting recipients, never time alone.
 * - A row of the log is a block of events of one transaction, as JSON; its number and time are those of its last event.
 * - Times are epoch milliseconds, except `ready`, which is microseconds: it is also the order of turns, and a site or
 *   lane that was served comes after the others of the same millisecond.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE mb_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    staged INTEGER NOT NULL, -- 1: content being staged, 2: content without a message, 0: a message
    tenant TEXT NOT NULL DEFAULT '',
    tag TEXT,
    idem_key TEXT,
    idem_digest TEXT,
    sender TEXT NOT NULL DEFAULT '',
    accepted INTEGER NOT NULL,
    not_before INTEGER,
    expires INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    on_unknown TEXT NOT NULL DEFAULT 'retry',
    envelope TEXT,
    schedule TEXT,
    open INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    finished INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX mb_message_idem ON mb_message(tenant, idem_key) WHERE idem_key IS NOT NULL;
  CREATE INDEX mb_message_finished ON mb_message(failed, finished) WHERE finished IS NOT NULL;
  CREATE INDEX mb_message_staged ON mb_message(accepted) WHERE staged > 0;

  CREATE TABLE mb_content (id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;

  CREATE TABLE mb_site (
    name TEXT PRIMARY KEY,
    ready INTEGER NOT NULL,
    suspended INTEGER NOT NULL DEFAULT 0,
    note TEXT,
    limits TEXT,
    pacing TEXT,
    arrivals TEXT NOT NULL DEFAULT '[]',
    used INTEGER NOT NULL DEFAULT 0,
    speed INTEGER NOT NULL DEFAULT 1, -- 0 fast, 1 new, 2 slow
    learned TEXT NOT NULL DEFAULT '{}' -- facts about its hosts, by name
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX mb_site_ready ON mb_site(ready) WHERE suspended = 0;
  CREATE INDEX mb_site_fast ON mb_site(ready) WHERE suspended = 0 AND speed = 0;
  -- Has the lanes of recipients whose site is not known; suspended, so that no claim finds it.
  INSERT INTO mb_site (name, ready, suspended) VALUES ('', 9007199254740991, 1);

  CREATE TABLE mb_lane (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    tenant TEXT NOT NULL,
    priority INTEGER NOT NULL, -- 0 high, 1 normal, 2 low
    ready INTEGER NOT NULL,
    UNIQUE (site, tenant, priority)
  ) STRICT;
  CREATE INDEX mb_lane_ready ON mb_lane(site, ready);

  CREATE TABLE mb_recipient (
    id INTEGER PRIMARY KEY,
    lane INTEGER NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    intent INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    abandoned INTEGER NOT NULL DEFAULT 0,
    lease INTEGER,
    finished INTEGER,
    options TEXT,
    detail TEXT
  ) STRICT;
  CREATE INDEX mb_recipient_due ON mb_recipient(lane, due, id) WHERE state = 0;
  CREATE INDEX mb_recipient_deadline ON mb_recipient(deadline) WHERE state = 0;
  CREATE INDEX mb_recipient_parked ON mb_recipient(state, id) WHERE state IN (2, 3);
  CREATE INDEX mb_recipient_lease ON mb_recipient(lease) WHERE lease IS NOT NULL;

  CREATE TABLE mb_lease (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site TEXT,
    worker TEXT NOT NULL,
    expires INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX mb_lease_site ON mb_lease(site, expires) WHERE site IS NOT NULL;
  CREATE INDEX mb_lease_expires ON mb_lease(expires);

  CREATE TABLE mb_alias (domain TEXT PRIMARY KEY, site TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE mb_event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    events TEXT NOT NULL
  ) STRICT;

  CREATE TABLE mb_suppression (
    tenant TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    detail TEXT,
    PRIMARY KEY (tenant, address)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE mb_record (
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    value TEXT, -- NULL: deleted
    updated INTEGER NOT NULL,
    PRIMARY KEY (collection, key)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX mb_record_version_index ON mb_record(collection, version);
  CREATE TABLE mb_record_version (n INTEGER NOT NULL) STRICT;
  INSERT INTO mb_record_version (n) VALUES (0);
  `,
  // How many recipients wait, and where; updated by each transaction that changes it.
  `
  ALTER TABLE mb_lane ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
  UPDATE mb_lane SET queued = (SELECT count(*) FROM mb_recipient r WHERE r.lane = mb_lane.id AND r.state = 0);
  CREATE INDEX mb_lane_waiting ON mb_lane(id) WHERE queued > 0;
  CREATE INDEX mb_site_suspended ON mb_site(name) WHERE suspended = 1;
  -- Counts of recipients whose site is not known, by domain.
  CREATE TABLE mb_unrouted (domain TEXT PRIMARY KEY, queued INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO mb_unrouted (domain, queued)
    SELECT domain, count(*) FROM mb_recipient
    WHERE state = 0 AND lane IN (SELECT id FROM mb_lane WHERE site = '') GROUP BY domain;
  CREATE TABLE mb_count (state INTEGER PRIMARY KEY, recipients INTEGER NOT NULL) STRICT;
  INSERT INTO mb_count (state, recipients)
    SELECT s.value, (SELECT count(*) FROM mb_recipient WHERE state = s.value) FROM json_each('[0, 1, 2, 3]') s;
  `,
  // The sites that an operator has suspended, limited or paused, even when the pause is over.
  `
  CREATE TABLE mb_own_site (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  INSERT INTO mb_own_site (name) SELECT name FROM mb_site WHERE name <> '' AND (
    suspended = 1 OR limits IS NOT NULL OR pacing ->> 'pauseReason' = 'operator'
  );
  `,
  // Finished messages whose content is kept for a time.
  `
  CREATE TABLE mb_kept (message INTEGER PRIMARY KEY, ended INTEGER NOT NULL) STRICT;
  CREATE INDEX mb_kept_ended ON mb_kept(ended);
  `,
  // Messages whose content is being deleted in several transactions.
  `CREATE TABLE mb_unused_content (id INTEGER PRIMARY KEY) STRICT;`,
];

/** The version of the tables that this code writes. */
export const schemaVersion = migrations.length;
/** The oldest version of the code that can write such a file: older code does not update the counts and own sites. */
const minReader = 3;

/** The statements that create the tables, for applications that run migrations themselves. */
export const schemaSql = migrations.join('\n');

/**
 * Checks whether this code can use a file, without writing to it.
 *
 * @returns the version that was found; 0 when there was none.
 * @throws {BrokerError} MB_BROKER_STORE_SCHEMA when the file needs newer code or, with `migrate` false, is older than
 *   this code.
 */
export function checkSchema(db: DatabaseSync, migrate: boolean): number {
  const known = readVersion(db);
  if (known && known.min_reader > schemaVersion) {
    throw schemaError(
      `The queue was written by a newer version (schema ${known.version}). Update @mb/broker.`,
    );
  }
  const version = known?.version ?? 0;
  if (version < schemaVersion && !migrate) {
    throw schemaError(
      `The queue has schema ${version}, this code needs ${schemaVersion}. Open it with \`migrate\`, or run: mb queue migrate`,
    );
  }
  return version;
}

/**
 * Migrates the tables; safe when several processes start at once.
 *
 * @returns the version that was found; 0 when there was none.
 * @throws {BrokerError} MB_BROKER_STORE_SCHEMA, as {@link checkSchema}.
 */
export function migrateSchema(db: DatabaseSync, migrate: boolean): number {
  const found = checkSchema(db, migrate);
  if (found >= schemaVersion) return found;
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec(
      'CREATE TABLE IF NOT EXISTS mb_meta (version INTEGER NOT NULL, min_reader INTEGER NOT NULL) STRICT',
    );
    // Another process may have migrated the tables meanwhile.
    const version = readVersion(db)?.version ?? 0;
    for (const migration of migrations.slice(version)) db.exec(migration);
    if (version < schemaVersion) {
      db.exec('DELETE FROM mb_meta');
      db.prepare('INSERT INTO mb_meta (version, min_reader) VALUES (?, ?)').run(schemaVersion, minReader);
    }
    db.exec('COMMIT');
    return version;
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function readVersion(db: DatabaseSync): { version: number; min_reader: number } | undefined {
  const table = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'mb_meta'").get();
  if (!table) return undefined;
  return db.prepare('SELECT version, min_reader FROM mb_meta').get() as
    | { version: number; min_reader: number }
    | undefined;
}

function schemaError(message: string): BrokerError {
  return new BrokerError('MB_BROKER_STORE_SCHEMA', 'api-misuse', message);
}
