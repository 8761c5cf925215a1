import type { PurgeResult, Retention } from '@mb/broker/store';
import type { Database } from './database.ts';

/** Deletes a batch of what is not kept any longer, in short transactions. */
export async function purge(
  db: Database,
  schema: string,
  keep: Retention,
  now: number | null,
): Promise<PurgeResult> {
  const { batch } = keep;
  const count = async (text: string, values: readonly unknown[]) => (await db.query(text, values)).length;
  // Content goes as soon as its message is finished; not with the last outcome, which is in a hurry.
  const bare = await count(
    `WITH done AS MATERIALIZED (
       SELECT id FROM ${schema}.message WHERE finished IS NOT NULL AND NOT bare LIMIT $1 FOR UPDATE SKIP LOCKED
     ), gone AS (DELETE FROM ${schema}.content WHERE message IN (SELECT id FROM done))
     UPDATE ${schema}.message SET bare = true WHERE id IN (SELECT id FROM done) RETURNING 1`,
    [batch],
  );
  const messages = await count(
    `WITH old AS MATERIALIZED (
       (SELECT id FROM ${schema}.message WHERE bare AND NOT failed
        AND finished <= ${schema}.time_v1($2) - $3 AND finished IS NOT NULL LIMIT $1)
       UNION ALL
       (SELECT id FROM ${schema}.message WHERE bare AND failed
        AND finished <= ${schema}.time_v1($2) - $4 AND finished IS NOT NULL LIMIT $1)
       LIMIT $1
     ), recipient AS (
       DELETE FROM ${schema}.recipient r USING old WHERE r.id >= old.id * 65536 AND r.id < (old.id + 1) * 65536
     )
     DELETE FROM ${schema}.message WHERE id IN (SELECT id FROM old) RETURNING 1`,
    [batch, now, keep.deliveredMs, keep.failedMs],
  );
  const staged = await count(
    `WITH old AS MATERIALIZED (
       SELECT id FROM ${schema}.message WHERE staged > 0 AND accepted <= ${schema}.time_v1($2) - $3 LIMIT $1
       FOR UPDATE SKIP LOCKED
     ), content AS (DELETE FROM ${schema}.content WHERE message IN (SELECT id FROM old))
     DELETE FROM ${schema}.message WHERE id IN (SELECT id FROM old) RETURNING 1`,
    [batch, now, keep.stagedMs],
  );
  const events = await count(
    `DELETE FROM ${schema}.event WHERE (tx, seq) IN (SELECT tx, seq FROM ${schema}.event ORDER BY tx, seq LIMIT $1)
       AND at < ${schema}.time_v1($2) - $3 RETURNING 1`,
    [batch, now, keep.eventsMs],
  );
  await db.query(`DELETE FROM ${schema}.alias WHERE expires <= ${schema}.time_v1($1)`, [now]);
  return { messages, events, staged, more: Math.max(bare, messages, staged, events) >= batch };
}
