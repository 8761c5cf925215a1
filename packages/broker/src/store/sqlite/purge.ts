import type { PurgeResult, Retention } from '../retention.ts';
import { rowsPerMessage } from './codes.ts';
import { deleteContent } from './content.ts';
import { purgeEvents } from './event-log.ts';
import { purgeRecords } from './record-area.ts';
import type { WriteContext } from './write-context.ts';

interface Doomed {
  readonly id: number;
  readonly size: number;
}

/**
 * Deletes a batch of what is no longer kept.
 *
 * @param keepContentMs  How long content is kept after the last outcome.
 */
export function purge(context: WriteContext, keep: Retention, keepContentMs: number): PurgeResult {
  const { sql, now } = context;
  const contents = purgeContents(context, now - keepContentMs, keep.batch);
  const finished =
    'SELECT id, size FROM mb_message WHERE failed = ? AND finished <= ? AND finished IS NOT NULL LIMIT ?';
  const delivered = sql.all<Doomed>(finished, 0, now - keep.deliveredMs, keep.batch);
  const failed = sql.all<Doomed>(finished, 1, now - keep.failedMs, keep.batch - delivered.length);
  const staged = sql.all<Doomed>(
    'SELECT id, size FROM mb_message WHERE staged > 0 AND accepted <= ? LIMIT ?',
    now - keep.stagedMs,
    keep.batch,
  );
  for (const message of [...delivered, ...failed, ...staged]) deleteMessage(context, message);
  const events = purgeEvents(sql, now - keep.eventsMs, keep.batch);
  sql.run('DELETE FROM mb_alias WHERE expires <= ?', now);
  purgeRecords(sql, now);
  const messages = delivered.length + failed.length;
  const more = Math.max(messages, staged.length, events, contents) >= keep.batch;
  return { messages, events, staged: staged.length, contents, more };
}

/** Deletes the content of messages that ended at `until` or before; returns the number of messages. */
function purgeContents({ sql }: WriteContext, until: number, batch: number): number {
  // The message may be missing: older code deleted it with its content.
  const ended = sql.all<Doomed>(
    `SELECT k.message AS id, coalesce(m.size, 0) AS size FROM mb_kept k LEFT JOIN mb_message m ON m.id = k.message
     WHERE k.ended <= ? ORDER BY k.ended LIMIT ?`,
    until,
    batch,
  );
  for (const { id, size } of ended) {
    deleteContent(sql, id, size);
    sql.run('DELETE FROM mb_kept WHERE message = ?', id);
  }
  return ended.length;
}

function deleteMessage({ sql }: WriteContext, { id, size }: Doomed): void {
  const first = id * rowsPerMessage;
  deleteContent(sql, id, size);
  sql.run('DELETE FROM mb_kept WHERE message = ?', id);
  sql.run('DELETE FROM mb_recipient WHERE id >= ? AND id < ?', first, first + rowsPerMessage);
  sql.run('DELETE FROM mb_message WHERE id = ?', id);
}
