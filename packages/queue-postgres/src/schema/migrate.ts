import { BrokerError } from '@mb/broker/store';
import type { ClientBase } from 'pg';
import { optionError } from '../errors.ts';
import { acceptFunctions } from './accept-functions.ts';
import { claimFunctions } from './claim-functions.ts';
import { kept } from './kept.ts';
import { routingFunctions } from './routing-functions.ts';
import { settleFunctions } from './settle-functions.ts';
import { siteFunctions } from './site-functions.ts';
import { tables } from './tables.ts';
import { tally } from './tally.ts';

/**
 * The migrations, which only add: functions have a version in their names, so that workers of the previous release can
 * run while those of the next one start.
 */
const migrations: readonly string[] = [
  [tables, acceptFunctions, siteFunctions, routingFunctions, claimFunctions, settleFunctions].join('\n'),
  [tally, acceptFunctions].join('\n'),
  kept,
];

/**
 * Settings of functions that access rows by key only. Generic plans, because no value needs another plan. No sequential
 * scans, hash joins and merge joins, which statistics of new or emptied tables would suggest, and no JIT compilation
 * for an estimated cost that is wrong.
 */
const lookups = `SET search_path = @schema@, pg_temp SET enable_seqscan = off SET enable_hashjoin = off
  SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan`;

function inSchema(migration: string, schema: string): string {
  return migration.replaceAll('@lookups@', lookups).replaceAll('@schema@', schema);
}

/** The version of the schema that this code writes. */
export const schemaVersion = migrations.length;
/** The oldest version of the code that can use such a schema. */
const minReader = 1;

/** Names that need no quotes. */
const plainName = /^[a-z_][a-z0-9_]{0,62}$/;

/** @throws {BrokerError} MB_BROKER_OPTION */
export function checkSchemaName(schema: string): string {
  if (!plainName.test(schema)) {
    throw optionError(
      'schema must be lower-case letters, digits and underscores, and must not begin with a digit.',
    );
  }
  if (schema.startsWith('pg_') || reservedWords.has(schema))
    throw optionError(`schema must not be ${schema}, which PostgreSQL reserves.`);
  return schema;
}

/** Words that cannot be a name without quotes: pg_get_keywords() with catcode R or T. */
const reservedWords: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
  column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
  current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
  from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
  localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
  returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
  unique user using variadic verbose when where window with`.split(/\s+/),
);

/** The statements that create the schema, for applications that run migrations themselves. */
export function schemaSql(schema = 'mb'): string {
  const name = checkSchemaName(schema);
  return [
    `CREATE SCHEMA IF NOT EXISTS ${name};`,
    ...migrations.map((migration) => inSchema(migration, name)),
    `CREATE TABLE ${name}.meta (version int NOT NULL, min_reader int NOT NULL);`,
    `INSERT INTO ${name}.meta (version, min_reader) VALUES (${schemaVersion}, ${minReader});`,
  ].join('\n');
}

/**
 * Migrates the schema. When several processes start at once, one migrates and the others wait.
 *
 * @returns the version that was found; 0 when there was none.
 * @throws {BrokerError} MB_BROKER_STORE_SCHEMA when the schema needs newer code or, with `migrate` false, is older than
 *   this code.
 */
export async function migrateSchema(client: ClientBase, schema: string, migrate: boolean): Promise<number> {
  const found = await readVersion(client, schema);
  if (checkVersion(found, migrate)) return found!.version;
  await client.query('BEGIN');
  try {
    await client.query("SELECT pg_advisory_xact_lock(hashtext('mb.migrate'), hashtext($1))", [schema]);
    // Another process may have migrated the schema meanwhile.
    const known = await readVersion(client, schema);
    if (!checkVersion(known, migrate)) {
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
      for (const migration of migrations.slice(known?.version ?? 0)) {
        await client.query(inSchema(migration, schema));
      }
      await client.query(
        `CREATE TABLE IF NOT EXISTS ${schema}.meta (version int NOT NULL, min_reader int NOT NULL);
         DELETE FROM ${schema}.meta;
         INSERT INTO ${schema}.meta (version, min_reader) VALUES (${schemaVersion}, ${minReader})`,
      );
    }
    await client.query('COMMIT');
    return known?.version ?? 0;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

interface Version {
  readonly version: number;
  readonly min_reader: number;
}

async function readVersion(client: ClientBase, schema: string): Promise<Version | undefined> {
  // Not to_regclass(), which may answer from the session's cache of the time before another session created the table.
  const { rows: tables } = await client.query(
    'SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = $2',
    [schema, 'meta'],
  );
  if (tables.length === 0) return undefined;
  const { rows } = await client.query<Version>(`SELECT version, min_reader FROM ${schema}.meta`);
  return rows[0];
}

/** True when no migration is needed. */
function checkVersion(known: Version | undefined, migrate: boolean): boolean {
  if (known && known.min_reader > schemaVersion) {
    throw schemaError(
      `The queue was written by a newer version (schema ${known.version}). Update @mb/queue-postgres.`,
    );
  }
  if (known && known.version >= schemaVersion) return true;
  if (migrate) return false;
  throw schemaError(
    `The queue has schema ${known?.version ?? 0}, this code needs ${schemaVersion}. Open it with \`migrate\`, or run: mb queue migrate`,
  );
}

function schemaError(message: string): BrokerError {
  return new BrokerError('MB_BROKER_STORE_SCHEMA', 'api-misuse', message);
}
