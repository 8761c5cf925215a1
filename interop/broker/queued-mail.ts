import { setTimeout as sleep } from 'node:timers/promises';
import { type BrokerOptions, MailBroker, MemoryStore, type RecipientView } from '@mb/broker';
import { expect } from 'vitest';

/** What differs between the brokers of the suites. */
export interface QueuedMailOptions {
  /** Connections to a destination at first and at most. Default 1: what is enqueued before the start is one claim. */
  readonly connections?: number;
  /** Time before the first retry. Default 1,000. */
  readonly firstMs?: number;
  readonly tls?: BrokerOptions['tls'];
  readonly delivery?: BrokerOptions['delivery'];
}

/** A message of a suite, identified by its subject. */
export interface Mail {
  readonly subject: string;
  readonly to: string;
  readonly from?: string;
}

/** A broker with a queue in memory, which may dial the lab's addresses and reports no failures by mail. */
export interface QueuedMail {
  readonly broker: MailBroker;
  readonly store: MemoryStore;
  enqueue(mails: readonly Mail[]): Promise<void>;
  /**
   * Works until all recipients are finished but those that may wait once they have been attempted; throws after 20 s.
   *
   * @returns all recipients.
   */
  untilFinished(mayWait?: (address: string) => boolean): Promise<RecipientView[]>;
  recipients(): Promise<RecipientView[]>;
  /** Stops, and gives what the store keeps about the host of a domain. */
  learned(domain: string): Promise<object | undefined>;
  /** Addresses on the suppression list, in order. */
  suppressed(): Promise<string[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes one; it begins to deliver when `untilFinished` or `broker.start` is called. */
export function createQueuedMail({
  connections = 1,
  firstMs = 1_000,
  tls,
  delivery,
}: QueuedMailOptions = {}): QueuedMail {
  const store = new MemoryStore({
    limits: { startConcurrency: connections, maxConcurrency: connections },
  });
  const broker = new MailBroker({
    hostname: 'mail.example.com',
    store,
    delivery: { allowAddresses: ['127.0.0.0/8'], ...delivery },
    queue: { schedule: { firstMs, maxMs: 60_000 }, bounces: false },
    ...(tls && { tls }),
  });
  const recipients = async () => [...(await broker.queue.list({}, { limit: 1_000 })).rows];
  return {
    broker,
    store,
    recipients,
    async enqueue(mails) {
      for (const { from = 'desk@example.com', to, subject } of mails)
        await broker.enqueue({ from, to, subject, text: 'Hello.\n' }, { tag: subject });
    },
    async untilFinished(mayWait = () => false) {
      broker.start();
      const deadline = performance.now() + 20_000;
      for (;;) {
        const rows = await recipients();
        const open = rows.filter(
          ({ state, inFlight, attempts, address }) =>
            state === 'queued' && (inFlight || attempts === 0 || !mayWait(address)),
        );
        if (open.length === 0) return rows;
        if (performance.now() > deadline) {
          const { sites } = await broker.health();
          throw new Error(`Still queued: ${JSON.stringify({ sites, open: open.slice(0, 5) }, null, 1)}`);
        }
        await sleep(20);
      }
    },
    async learned(domain) {
      await broker.stop();
      await broker.enqueue({ from: 'desk@example.com', to: `probe@${domain}`, text: '' }, { tag: 'probe' });
      const claim = await store.claim({ worker: 'probe', max: 1, leaseMs: 1_000 });
      await store.settle({ leaseId: claim!.leaseId, outcomes: [], release: true });
      await broker.queue.cancel({ tag: 'probe' });
      return Object.values(claim?.learned?.hosts ?? {})[0];
    },
    async suppressed() {
      return (await broker.suppressions.list()).rows.map(({ address }) => address).sort();
    },
    [Symbol.asyncDispose]: () => broker.stop(),
  };
}

/** Subjects of stored messages that begin with a prefix, in order, so that a second copy shows. */
function subjectsOf(stored: readonly Buffer[], prefix: string): string[] {
  return stored
    .map((message) => /^Subject: (\S+)/m.exec(message.toString('latin1'))?.[1] ?? '')
    .filter((subject) => subject.startsWith(prefix))
    .sort();
}

/** Waits until exactly these messages are stored, each once. */
export async function expectStoredOnce(
  stored: () => Promise<readonly Buffer[]>,
  prefix: string,
  subjects: readonly string[],
): Promise<void> {
  await expect
    .poll(async () => subjectsOf(await stored(), prefix), { timeout: 15_000 })
    .toEqual(subjects.toSorted());
}
