import type { PurgeResult, Retention } from '@mb/broker/store';
import type { Database } from './database.ts';
import { purgeContents } from './kept-content.ts';
import { purgeRecords } from './record-rows.ts';
import { summedRows } from './tally-sum.ts';

/**
 * Deletes a batch of what is no longer kept, in short transactions.
 *
 * @param keepContentMs  How long content is kept after the last outcome.
 */
export async function purge(
  db: Database,
  schema: string,
  keep: Retention,
  keepContentMs: number,
  now: number | null,
): Promise<PurgeResult> {
  const { batch } = keep;
  const count = async (text: string, values: readonly unknown[]) => (await db.query(text, values)).length;
  const ended = await finish(db, schema, batch, keepContentMs > 0);
  const contents = await purgeContents(db, schema, batch, keepContentMs, now);
  const messages = await count(
    `WITH old AS MATERIALIZED (
       (SELECT id FROM ${schema}.message WHERE NOT failed AND finished <= ${schema}.time_v1($2) - $3 LIMIT $1)
       UNION ALL
       (SELECT id FROM ${schema}.message WHERE failed AND finished <= ${schema}.time_v1($2) - $4 LIMIT $1)
       LIMIT $1
     ), kept AS (
       DELETE FROM ${schema}.kept WHERE message IN (SELECT id FROM old) RETURNING message
     ), content AS (
       DELETE FROM ${schema}.content WHERE message IN (SELECT message FROM kept)
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
  const blocks = await db.query<{ count: number }>(
    `DELETE FROM ${schema}.event WHERE (tx, seq) IN (SELECT tx, seq FROM ${schema}.event ORDER BY tx, seq LIMIT $1)
       AND at < ${schema}.time_v1($2) - $3 RETURNING count`,
    [batch, now, keep.eventsMs],
  );
  await db.query(`DELETE FROM ${schema}.alias WHERE expires <= ${schema}.time_v1($1)`, [now]);
  await purgeRecords(db, schema, now);
  const [summed] = await db.query<{ count: number }>(`SELECT ${schema}.sum_tally_v1($1) AS count`, [
    summedRows,
  ]);
  await db.query(`DELETE FROM ${schema}.tally_sum WHERE n = 0`);
  const events = blocks.reduce((sum, block) => sum + block.count, 0);
  return {
    messages,
    events,
    staged,
    contents,
    more: Math.max(ended, messages, staged, blocks.length, contents) >= batch || summed!.count === summedRows,
  };
}

/**
 * Finishes messages without open recipients, and deletes or keeps their content. This is not done in the transaction of
 * the last outcome, which must be short. Returns the number of messages of which a recipient was finished.
 */
async function finish(db: Database, schema: string, batch: number, keeps: boolean): Promise<number> {
  const [row] = await db.query<{ count: string }>(
    `WITH taken AS MATERIALIZED (
       SELECT n, messages FROM ${schema}.ended WHERE n = ANY (ARRAY(
         SELECT n FROM (
           SELECT n, sum(cardinality(messages)) OVER (ORDER BY n) - cardinality(messages) AS before
           FROM (SELECT n, messages FROM ${schema}.ended ORDER BY n LIMIT $1) oldest
         ) counted WHERE before < $1)) FOR UPDATE SKIP LOCKED
     ), gone AS (
       DELETE FROM ${schema}.ended WHERE n IN (SELECT n FROM taken)
     ), known AS MATERIALIZED (
       SELECT DISTINCT id FROM taken, unnest(messages) AS id
     ), done AS MATERIALIZED (
       SELECT known.id, max(r.finished) AS finished, bool_or(r.state <> 4) AS failed
       FROM known JOIN ${schema}.recipient r ON r.id >= known.id * 65536 AND r.id < (known.id + 1) * 65536
       GROUP BY known.id HAVING bool_and(r.state >= 4)
     ), content AS (
       DELETE FROM ${schema}.content WHERE NOT $2 AND message IN (SELECT id FROM done)
     ), kept AS (
       INSERT INTO ${schema}.kept (message, ended) SELECT id, finished FROM done WHERE $2 ON CONFLICT DO NOTHING
     ), finished AS (
       UPDATE ${schema}.message m SET finished = done.finished, failed = done.failed FROM done WHERE m.id = done.id
     )
     SELECT coalesce(sum(cardinality(messages)), 0) AS count FROM taken`,
    [batch, keeps],
  );
  return Number(row!.count);
}
