import type { Database } from './database.ts';

/**
 * The SQL condition for a message `m` to have readable content: a recipient is open, the content is kept, or the
 * message has ended and no purge has decided on its content yet.
 *
 * @param keeps  Parameter that says whether this store keeps content.
 */
export function hasContent(schema: string, keeps: string): string {
  return `((${keeps} AND m.finished IS NULL) OR EXISTS (SELECT FROM ${schema}.kept k WHERE k.message = m.id)
    OR EXISTS (SELECT FROM ${schema}.recipient WHERE id >= m.id * 65536 AND id < (m.id + 1) * 65536 AND state < 4))`;
}

/** Deletes the content of messages that ended at least `keepContentMs` ago; returns the number of messages. */
export async function purgeContents(
  db: Database,
  schema: string,
  batch: number,
  keepContentMs: number,
  now: number | null,
): Promise<number> {
  const [row] = await db.query<{ count: string }>(
    `WITH old AS MATERIALIZED (
       SELECT message FROM ${schema}.kept WHERE ended <= ${schema}.time_v1($2) - $3 ORDER BY ended LIMIT $1
       FOR UPDATE SKIP LOCKED
     ), gone AS (
       DELETE FROM ${schema}.kept WHERE message IN (SELECT message FROM old)
     ), content AS (
       DELETE FROM ${schema}.content WHERE message IN (SELECT message FROM old)
     )
     SELECT count(*) FROM old`,
    [batch, now, keepContentMs],
  );
  return Number(row!.count);
}
