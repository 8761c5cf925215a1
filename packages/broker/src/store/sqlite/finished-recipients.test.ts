import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { Sql } from './connection.ts';
import { chunkBytes } from './content.ts';
import { FinishedRecipients } from './finished-recipients.ts';
import { migrateSchema } from './schema.ts';

/** A queue of messages with the given numbers of open recipients, and chunks of content according to their sizes. */
function open(messages: readonly { readonly open: number; readonly size: number }[]) {
  const db = new DatabaseSync(':memory:');
  migrateSchema(db, true);
  for (const [i, { open, size }] of messages.entries()) {
    db.prepare('INSERT INTO mb_message (id, staged, accepted, open, size) VALUES (?, 0, 0, ?, ?)').run(
      i + 1,
      open,
      size,
    );
    for (let n = 0; n * chunkBytes < size; n++) {
      db.prepare('INSERT INTO mb_content VALUES (?, 0, ?)').run((i + 1) * 65_536 + n, new Uint8Array(1));
    }
  }
  const state = () => ({
    messages: db
      .prepare('SELECT open, failed, finished FROM mb_message ORDER BY id')
      .all()
      .map((row) => Object.values(row)),
    chunks: db
      .prepare('SELECT id / 65536 AS message FROM mb_content ORDER BY id')
      .all()
      .map((row) => row.message),
  });
  const finished = new FinishedRecipients({ keepsContent: false });
  const leave = (message: number, failed = false) =>
    finished.add({ message, ...messages[message - 1]! }, failed, 7);
  return { finished, leave, state, write: () => finished.write(new Sql(db)) };
}

it('finishes messages with their last recipients, notes whether one failed, and deletes their content', () => {
  const { leave, state, write } = open([
    { open: 1, size: 10 },
    { open: 3, size: 10 },
    { open: 2, size: chunkBytes + 1 },
    { open: 1, size: 0 },
  ]);
  leave(1);
  leave(2, true);
  leave(2);
  leave(3, true);
  leave(3);
  leave(4);
  write();
  expect(state()).toEqual({
    messages: [
      [0, 0, 7],
      [1, 1, null],
      [0, 1, 7],
      [0, 0, 7],
    ],
    chunks: [2],
  });
});

it('forgets recipients that were undone, and writes nothing twice', () => {
  const { finished, leave, state, write } = open([
    { open: 2, size: 10 },
    { open: 1, size: 10 },
  ]);
  leave(1);
  const mark = finished.mark();
  leave(1);
  leave(2);
  finished.reset(mark);
  write();
  write();
  expect(state()).toEqual({
    messages: [
      [1, 0, null],
      [1, 0, null],
    ],
    chunks: [1, 2],
  });
});
