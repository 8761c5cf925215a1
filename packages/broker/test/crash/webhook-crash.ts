import { startWebhookReceiver } from '@mb/testkit';
import { startNode } from '../../../../vitest.process.ts';
import type { QueueStore } from '../../src/index.ts';
import { queueOn } from './tell-until-killed.ts';

/** What {@link killInTheMidst} takes. */
export interface CrashPlan {
  /** Opens what the processes share. */
  readonly openStore: () => Promise<QueueStore>;
  /** A script that calls `tellUntilKilled()`, and its first arguments; the number of messages is the last one. */
  readonly worker: readonly [script: string, ...args: string[]];
}

/** What {@link killInTheMidst} saw. */
export interface CrashReport {
  /** Messages that the killed processes said to have accepted. */
  readonly accepted: readonly string[];
  /** The ids of the events that came, by message. */
  readonly eventIds: ReadonlyMap<string, ReadonlySet<string>>;
  readonly deadLetters: number;
}

const rounds = 5;

/** Kills process after process while each tells a webhook of messages, and lets a last one tell of what is left. */
export async function killInTheMidst({ openStore, worker }: CrashPlan): Promise<CrashReport> {
  await using receiver = await startWebhookReceiver();
  const eventIds = new Map<string, Set<string>>();
  let count = 0;
  receiver.answer = async ({ json, headers }) => {
    const ids = eventIds.get(json.data.messageId) ?? new Set();
    eventIds.set(json.data.messageId, ids.add(String(headers['webhook-id'])));
    await new Promise((resolve) => setTimeout(resolve, 5));
    // Some are retried, so that there is something in records when the process is killed.
    return ++count % 7 === 0 ? 500 : 204;
  };
  const store = await openStore();
  const { endpoint } = await queueOn(store).webhooks.add({ url: receiver.url });
  await store.close();

  const accepted: string[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = count;
    const messages = round < rounds ? '60' : '0';
    const child = startNode(['--conditions=@mb/source', ...worker, messages], {
      ...process.env,
      NODE_OPTIONS: '',
    });
    let said = '';
    child.stdout.on('data', (data) => {
      said += data;
    });
    const closed = new Promise((resolve) => child.on('close', resolve));
    // In the midst: some calls were made since it began, and some were not.
    const isThere =
      round < rounds ? () => count - before > 10 : () => accepted.every((id) => eventIds.has(id));
    for (const end = Date.now() + 60_000; !isThere(); ) {
      if (Date.now() > end) throw new Error(`Round ${round}: ${count - before} calls in a minute.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.kill('SIGKILL');
    await closed;
    accepted.push(...said.split('\n').slice(0, -1));
  }
  const after = await openStore();
  const { rows } = await queueOn(after).webhooks.deadLetters(endpoint.id);
  await after.close();
  return { accepted, eventIds, deadLetters: rows.length };
}
