import { BrokerError, MailBroker } from '@mb/broker';
import { type AttemptOutcome, QueueWorker, watchRecords } from '@mb/broker/store';
import { PostgresStore } from '@mb/queue-postgres';
import { expect } from 'vitest';

/** Longest wait of the store for an answer. */
export const queryTimeoutMs = 1000;

const clock = {
  now: () => Date.now(),
  setTimer(callback: () => void, delayMs: number) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a program observed of a queue whose server was in trouble for a time. */
export interface Troubled {
  /** Accepted before, during and after. */
  readonly accepted: number;
  /** Calls to enqueue() that were refused. */
  readonly refused: readonly unknown[];
  /** What the background work reported. */
  readonly told: readonly unknown[];
}

export function openStore(url: string, schema: string): PostgresStore {
  return new PostgresStore({
    connection: {
      connectionString: url,
      query_timeout: queryTimeoutMs,
      connectionTimeoutMillis: 2000,
      max: 6,
    },
    schema,
    pollMs: 100,
  });
}

/**
 * Enqueues, delivers, reads events and watches records while `trouble` happens to the server. Checks afterwards that no
 * accepted message is lost, that every error is typed, and that all background work continues.
 *
 * @param trouble  Resolves when the server works again.
 */
export async function runThrough(
  url: string,
  schema: string,
  trouble: () => Promise<void>,
): Promise<Troubled> {
  const store = openStore(url, schema);
  await store.open();
  const told: unknown[] = [];
  const onError = (error: unknown) => void told.push(error);
  const delivered = new Set<string>();
  const handled = new Set<string>();
  const seenRecords: string[] = [];
  const worker = new QueueWorker({
    store,
    clock,
    random: Math.random,
    name: 'w',
    slots: 4,
    leaseMs: 2000,
    batch: 5,
    schedule: { firstMs: 200, factor: 1 },
    onError,
    async attempt(claim, { settle }) {
      for (const message of claim.messages) {
        const outcomes: AttemptOutcome[] = message.recipients.map(({ recipientId }) => {
          delivered.add(recipientId);
          return { recipientId, status: 'delivered' };
        });
        await settle({ outcomes });
      }
      return { outcomes: [], feedback: { kind: 'succeeded' } };
    },
  });
  const broker = new MailBroker({
    hostname: 'mail.example.com',
    store,
    dns: { servers: ['127.0.0.1:1'] },
    queue: { onError },
  });
  const end = new AbortController();
  const events = broker.deliverEvents(
    (event) => {
      if (event.type === 'delivered') handled.add(event.recipientId ?? '');
    },
    { after: 'start', signal: end.signal },
  );
  const records = (async () => {
    for await (const { key } of watchRecords(store, 'domain', { signal: end.signal, onError }))
      seenRecords.push(key);
  })();
  worker.start();

  // A message whose enqueue() resolved must be delivered; one that was rejected may exist nevertheless.
  const owed: string[] = [];
  const refused: unknown[] = [];
  let accepting = true;
  const accepts = (async () => {
    for (let n = 0; accepting; n++) {
      const message = { from: 'sender@example.com', to: `u${n}@site${n % 7}.test`, text: `message ${n}` };
      await broker.enqueue(message, { idempotencyKey: `${n}` }).then(
        ({ id }) => owed.push(`${id}.0`),
        (error) => refused.push(error),
      );
      await sleep(10);
    }
  })();
  await sleep(300);
  // On a busy machine nothing may have been accepted yet.
  for (const start = Date.now(); owed.length === 0; await sleep(50))
    expect(Date.now() - start, `nothing is accepted: ${refused.at(-1)}`).toBeLessThan(40_000);
  await trouble();

  // Until the store accepts again, and then some more.
  const before = owed.length;
  for (const start = Date.now(); owed.length < before + 20; await sleep(50)) {
    const last = refused.at(-1);
    expect(Date.now() - start, `nothing is accepted any more: ${last}`).toBeLessThan(40_000);
  }
  accepting = false;
  await accepts;
  await store.records.put('domain', 'after.example.com', {});

  const missing = () => owed.filter((id) => !delivered.has(id) || !handled.has(id));
  const done = () => missing().length === 0 && seenRecords.includes('after.example.com');
  for (const start = Date.now(); !done(); await sleep(100)) {
    const left = `owed: ${owed.length}, left: ${missing().length}, records: ${seenRecords}; ${told.at(-1)}`;
    expect(Date.now() - start, left).toBeLessThan(60_000);
  }
  await worker.stop({ graceMs: 1000 });
  end.abort();
  await Promise.all([events, records]);
  await store.close();

  expect(owed.length).toBeGreaterThan(20);
  for (const error of [...refused, ...told]) expect(error).toSatisfy(BrokerError.isInstance);
  return { accepted: owed.length, refused, told };
}

/** Checks that each error says that the call may be repeated. */
export function expectRetryable({ refused, told }: Troubled): void {
  expect(refused.length + told.length).toBeGreaterThan(0);
  for (const error of [...refused, ...told])
    expect(error).toMatchObject({ code: 'MB_BROKER_STORE_FAILED', retryable: true });
}
