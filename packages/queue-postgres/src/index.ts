/**
 * The durable queue of `@mb/broker` in PostgreSQL.
 *
 * - `PostgresStore`: the store; pass it to `MailBroker`
 * - `schemaSql`: the statements that create its tables and functions, for applications that run migrations themselves
 *
 * @packageDocumentation
 */
export type { Queryable } from './database.ts';
export { PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
export { schemaSql, schemaVersion } from './schema/migrate.ts';
