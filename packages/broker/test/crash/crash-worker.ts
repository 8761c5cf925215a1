/**
 * A process that is meant to be killed: it accepts messages and delivers them, and says so on its standard output
 * in the order in which a sender and a receiving host would know it.
 *
 * `A <message id> <recipients>` after accept() resolved; `D <recipient id> <digest>` when a host would have said 250.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/clock.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { AttemptOutcome } from '../../src/worker/worker.ts';
import { QueueWorker } from '../../src/worker/worker.ts';

const [path = '', runId = '', accepts = '0', slots = '4'] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const store = new SqliteStore(path);
await store.open();

const worker = new QueueWorker({
  store,
  clock: systemClock,
  random: Math.random,
  name: runId,
  slots: Number(slots),
  leaseMs: 300,
  batch: 8,
  async attempt(claim, { settle }) {
    for (const message of claim.messages) {
      const hash = createHash('sha256');
      if (message.content) hash.update(message.content);
      else for await (const chunk of store.content(message.messageId)) hash.update(chunk);
      const digest = hash.digest('hex').slice(0, 16);
      const outcomes: AttemptOutcome[] = [];
      for (const { recipientId } of message.recipients) {
        say(`D ${recipientId} ${digest}`);
        outcomes.push({ recipientId, status: 'delivered' });
      }
      await settle({ outcomes });
    }
    return { outcomes: [], feedback: { kind: 'succeeded' } };
  },
});
// What went down with several processes waits longer each time; the last process need not.
if (Number(accepts) === 0) {
  await store.reap();
  await store.reschedule({ all: true }, 0);
}
worker.start();
say('R');

for (let i = 0; i < Number(accepts); i++) {
  // Every tenth message is large, so that the process dies between its chunks too.
  const content = Buffer.alloc(i % 10 === 0 ? 600_000 : 2000, `${runId}/${i} `);
  const recipients = Array.from({ length: 1 + (i % 4) }, (_, n) => {
    return { address: `u${n}@site${(i + n) % 7}.test`, domain: `site${(i + n) % 7}.test` };
  });
  async function* chunks() {
    for (let at = 0; at < content.length; at += 100_000) yield content.subarray(at, at + 100_000);
  }
  const large = content.length > 100_000;
  const { messageId } = await store.accept({
    sender: 'sender@example.com',
    recipients,
    content: large ? await store.stage(chunks()) : content,
  });
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 16);
  say(`A ${messageId} ${recipients.length} ${digest}`);
}
