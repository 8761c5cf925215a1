import { Database, type Queryable } from './database.ts';

/** What all statements need of their store. */
export interface StoreContext {
  readonly schema: string;
  /** Limits of sites without their own, as JSON. */
  readonly limits: string;
  /** Types of events to log; null for all. */
  readonly log: readonly string[] | null;
  /** Epoch milliseconds; null for the database's clock. */
  readonly now: number | null;
}

/** Calls a function of the schema; in a transaction of its own when `db` is the database. */
export async function callFunction<Found extends object>(
  db: Queryable | Database,
  schema: string,
  name: string,
  values: readonly unknown[],
): Promise<Found[]> {
  const text = `SELECT * FROM ${schema}.${name}(${values.map((_, i) => `$${i + 1}`).join(', ')})`;
  if (db instanceof Database) return db.query<Found & Record<string, unknown>>(text, values, `mb_${name}`);
  return (await db.query(text, [...values])).rows as Found[];
}
