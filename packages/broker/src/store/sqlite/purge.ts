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

/** Deletes a batch of what is not kept any longer. */
export function purge(context: WriteContext, keep: Retention): PurgeResult {
  const { sql, now } = context;
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
  const more = Math.max(messages, staged.length, events) >= keep.batch;
  return { messages, events, staged: staged.length, more };
}

function deleteMessage({ sql }: WriteContext, { id, size }: Doomed): void {
  const first = id * rowsPerMessage;
  deleteContent(sql, id, size);
  sql.run('DELETE FROM mb_recipient WHERE id >= ? AND id < ?', first, first + rowsPerMessage);
  sql.run('DELETE FROM mb_message WHERE id = ?', id);
}
