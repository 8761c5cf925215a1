import type { PurgeResult, Retention } from '../retention.ts';
import { rowsPerMessage } from './codes.ts';
import { deleteContent } from './content.ts';
import type { Turn } from './turn.ts';

/** Deletes a batch of what is not kept any longer. */
export function purge(turn: Turn, keep: Retention): PurgeResult {
  const { sql, now, log } = turn;
  const finished =
    'SELECT id FROM mb_message WHERE failed = ? AND finished <= ? AND finished IS NOT NULL LIMIT ?';
  const delivered = sql.all<{ id: number }>(finished, 0, now - keep.deliveredMs, keep.batch);
  const failed = sql.all<{ id: number }>(finished, 1, now - keep.failedMs, keep.batch - delivered.length);
  const staged = sql.all<{ id: number }>(
    'SELECT id FROM mb_message WHERE staged > 0 AND accepted <= ? LIMIT ?',
    now - keep.stagedMs,
    keep.batch,
  );
  for (const { id } of [...delivered, ...failed, ...staged]) deleteMessage(turn, id);
  const events = log.purge(sql, now - keep.eventsMs, keep.batch);
  sql.run('DELETE FROM mb_alias WHERE expires <= ?', now);
  const messages = delivered.length + failed.length;
  const more = Math.max(messages, staged.length, events) >= keep.batch;
  return { messages, events, staged: staged.length, more };
}

function deleteMessage({ sql }: Turn, id: number): void {
  const first = id * rowsPerMessage;
  deleteContent(sql, id);
  sql.run('DELETE FROM mb_recipient WHERE id >= ? AND id < ?', first, first + rowsPerMessage);
  sql.run('DELETE FROM mb_message WHERE id = ?', id);
}
