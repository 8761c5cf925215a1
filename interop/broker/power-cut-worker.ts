/**
 * A process whose writes are logged, for power-cut.test.ts: it accepts messages and delivers them, and records each
 * acknowledgement of the store in the file `marks` when it has received it.
 *
 * `A <tag> <message id> <recipients>` after accept() resolved; `D <recipient id>` after settle() did.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '@mb/broker/sqlite';
import { markedContent } from './marked-content.ts';

const [folder = '', count = '0'] = process.argv.slice(2);
const path = join(folder, 'queue.db');
const marks = openSync(join(folder, 'marks'), 'a');
const mark = (line: string) => writeSync(marks, `${line}\n`);

const store = new SqliteStore(path, { pollMs: 0 });
await store.open();
// What another process or the store itself does now and then: carries the write-ahead log over into the file.
const other = new DatabaseSync(path);

async function accept(index: number): Promise<void> {
  const tag = `message${index}`;
  // Every tenth message is large, so that its chunks are staged before it is accepted.
  const content = markedContent(tag, index % 10 === 9 ? 150_000 : 300 + (index % 7) * 500);
  async function* chunks() {
    for (let at = 0; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000);
  }
  const recipients = Array.from({ length: 1 + (index % 3) }, (_, n) => {
    const domain = `site${(index + n) % 5}.test`;
    return { address: `u${n}@${domain}`, domain };
  });
  const { messageId } = await store.accept({
    sender: 'sender@example.com',
    tag,
    recipients,
    content: content.length > 100_000 ? await store.stage(chunks()) : content,
  });
  mark(`A ${tag} ${messageId} ${recipients.length}`);
}

async function deliver(): Promise<void> {
  const claim = await store.claim({ worker: 'power-cut', max: 3, leaseMs: 60_000 });
  if (claim === null) return;
  const recipientIds = claim.messages.flatMap(({ recipients }) =>
    recipients.map(({ recipientId }) => recipientId),
  );
  await store.settle({
    leaseId: claim.leaseId,
    outcomes: recipientIds.map((recipientId) => ({ recipientId, status: 'delivered' as const })),
    release: true,
    feedback: { kind: 'succeeded' },
  });
  for (const recipientId of recipientIds) mark(`D ${recipientId}`);
}

const total = Number(count);
for (let index = 0; index < total; index += 4) {
  await Promise.all([0, 1, 2, 3].map((more) => accept(index + more)));
  if (index % 8 === 0) await Promise.all([deliver(), deliver()]);
  if (index % 24 === 20) other.exec('PRAGMA wal_checkpoint(PASSIVE)');
  if (index % 56 === 52) other.exec('PRAGMA wal_checkpoint(RESTART)');
}
other.close();
await store.close();
closeSync(marks);
