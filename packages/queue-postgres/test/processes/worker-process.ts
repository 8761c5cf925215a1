/**
 * A worker that is killed, paused and cut off. It prints `R` when it runs, and `D <recipient id>` when a host would
 * have replied 250, before the outcome is written.
 */
import { writeSync } from 'node:fs';
import { type AttemptOutcome, QueueWorker } from '@mb/broker/store';
import { PostgresStore } from '@mb/queue-postgres';

const [url = '', schema = '', name = '', slots = '4', leaseMs = '1000', cap = '3'] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const store = new PostgresStore({
  connection: { connectionString: url, application_name: name, query_timeout: 5000 },
  schema,
  limits: { startConcurrency: Number(cap), maxConcurrency: Number(cap) },
});
// The server may be restarting just now.
for (let opened = false; !opened; ) {
  try {
    await store.open();
    opened = true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const worker = new QueueWorker({
  store,
  clock: {
    now: () => Date.now(),
    setTimer(callback, delayMs) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  },
  random: Math.random,
  name,
  slots: Number(slots),
  leaseMs: Number(leaseMs),
  batch: 5,
  async attempt(claim, { settle, stopping }) {
    for (const message of claim.messages) {
      if (stopping.aborted) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (stopping.aborted) break;
      const outcomes: AttemptOutcome[] = message.recipients.map(({ recipientId }) => {
        say(`D ${recipientId}`);
        return { recipientId, status: 'delivered' };
      });
      await settle({ outcomes });
    }
    return { outcomes: [], feedback: { kind: 'succeeded' } };
  },
});
worker.start();
say('R');
