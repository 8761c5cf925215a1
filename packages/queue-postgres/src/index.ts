/**
 * The durable queue of `@mb/broker` in PostgreSQL.
 *
 * - `PostgresStore`: the store; give it to `MailBroker`
 * - `schemaSql`: the statements that make its tables and functions, for those who apply them themselves
 *
 * @packageDocumentation
 */
export type { Queryable } from './database.ts';
export { PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
export { schemaSql, schemaVersion } from './schema/migrate.ts';
