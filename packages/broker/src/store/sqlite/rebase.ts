import type { Sql } from './connection.ts';

/** If a file is this far ahead of the clock, the clock was wrong when it was written, or is wrong now. */
const toleranceMs = 60_000;

/**
 * Moves all times of waiting recipients back when the file is ahead of the clock, so that nothing waits for years
 * because a machine once started with a wrong date. `notBefore` still holds.
 */
export function rebaseTime(sql: Sql, now: number): void {
  const latest = sql.get<{ at: number }>('SELECT at FROM mb_event ORDER BY seq DESC LIMIT 1')?.at ?? now;
  const ahead = latest - now;
  if (ahead < toleranceMs) return;
  sql.run(
    `UPDATE mb_recipient SET deadline = deadline - ?1, due = max(due - ?1,
       coalesce((SELECT not_before FROM mb_message m WHERE m.id = mb_recipient.id / 65536), 0))
     WHERE finished IS NULL`,
    ahead,
  );
  sql.run(
    'UPDATE mb_message SET expires = expires - ?1, accepted = accepted - ?1 WHERE finished IS NULL',
    ahead,
  );
  sql.run('UPDATE mb_lease SET expires = expires - ?', ahead);
  sql.run('UPDATE mb_kept SET ended = ended - ?', ahead);
  sql.run("UPDATE mb_site SET ready = 0, pacing = NULL, arrivals = '[]', used = 0");
  sql.run('UPDATE mb_lane SET ready = 0');
  sql.run('DELETE FROM mb_alias');
}
