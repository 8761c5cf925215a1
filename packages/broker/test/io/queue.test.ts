import { generateKeyPairSync } from 'node:crypto';
import { type Message, parseMessage } from '@mb/mime';
import { inTurn } from '@mb/testkit';
import { expect, it } from 'vitest';
import { type BrokerOptions, MailBroker, MemoryStore, type QueueEvent } from '../../src/index.ts';
import { type LabPlan, startLab } from '../lab.ts';

const message: Message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Queued', text: 'Hello' };

/** A lab whose broker has a queue that retries after milliseconds instead of minutes. */
async function startQueueLab(plan: LabPlan & { broker?: Partial<BrokerOptions> }) {
  const store = new MemoryStore();
  await store.open();
  const queue = { schedule: { firstMs: 50, maxMs: 200 }, ...plan.broker?.queue };
  const lab = await startLab({ ...plan, broker: { store, ...plan.broker, queue } });
  return Object.assign(lab, { store });
}

/** Reads events until one of this type. */
async function until(broker: MailBroker, type: QueueEvent['type'], count = 1): Promise<QueueEvent[]> {
  const seen: QueueEvent[] = [];
  for await (const event of broker.events({ after: 'start', signal: AbortSignal.timeout(4_000) })) {
    seen.push(event);
    if (seen.filter((one) => one.type === type).length === count) return seen;
  }
  throw new Error(`Saw only ${seen.map((event) => event.type).join(' ')}.`);
}

const types = (events: readonly QueueEvent[]) => events.map(({ type }) => type);

it('accepts, attempts, retries and delivers, and tells it all as events', async () => {
  await using lab = await startQueueLab({
    hosts: {
      mx1: { address: '127.0.11.1', tls: true, script: { rcpt: inTurn('451 4.3.0 Later', undefined) } },
    },
    records: { one: { MX: '10 mx1.test' } },
  });
  const { id, recipients } = await lab.broker.enqueue(message);
  expect(recipients).toEqual([{ status: 'queued', recipient: 'bob@one.test' }]);
  lab.broker.start();
  const events = await until(lab.broker, 'delivered');
  await lab.broker.stop();
  expect(types(events)).toEqual([
    'accepted',
    // The site of a domain is its set of mail exchangers; it is found at the first attempt.
    'attempted',
    'returned',
    'attempted',
    'deferred',
    'attempted',
    'delivered',
  ]);
  expect(events.at(-1)).toMatchObject({
    messageId: id,
    address: 'bob@one.test',
    attempt: 2,
    detail: { status: 'delivered', host: 'mx1.test', reply: { code: 250 }, tls: { protocol: 'TLSv1.3' } },
  });
  expect(await lab.broker.queue.show(id!)).toMatchObject({
    recipients: [{ state: 'delivered', attempts: 2 }],
  });
});

it('signs at the attempt, with the keys of that moment, and never sends unsigned', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1' } },
    records: { one: { MX: '10 mx1.test' } },
    broker: { dkim: { domain: 'sender.test', selector: 's1', privateKey } },
  });
  const { id } = await lab.broker.enqueue(message);
  await expect(lab.broker.enqueue({ ...message, from: 'ann@other.test' })).rejects.toMatchObject({
    code: 'MB_BROKER_NO_SIGNING_KEY',
  });
  const stored: Uint8Array[] = [];
  for await (const chunk of lab.broker.queue.content(id!)) stored.push(chunk);
  expect(Buffer.concat(stored).toString()).not.toContain('DKIM-Signature');
  lab.broker.start();
  await until(lab.broker, 'delivered');
  await lab.broker.stop();
  expect(lab.hosts.mx1!.messages[0]!.content.toString()).toMatch(/^DKIM-Signature: .*\bs=s1;/s);
});

it('DSN-01 reports a permanent failure to the return path, from the null reverse-path', async () => {
  await using lab = await startQueueLab({
    hosts: {
      mx1: { address: '127.0.11.1', script: { rcpt: '550 5.1.1 <b>No such user</b>' } },
      home: { address: '127.0.11.2' },
    },
    records: { one: { MX: '10 mx1.test' }, sender: { MX: '10 home.test' } },
  });
  await lab.broker.enqueue(message, { delivery: { envid: 'order-17' } });
  lab.broker.start();
  const events = await until(lab.broker, 'delivered');
  await lab.broker.stop();
  expect(types(events)).toContain('bounced');
  const [bounce] = lab.hosts.home!.messages;
  expect(bounce).toMatchObject({ from: '', recipients: [{ address: 'ann@sender.test' }] });
  const parsed = await parseMessage(bounce!.content);
  expect(parsed.headers.get('auto-submitted')).toBe('auto-replied');
  expect(parsed.report).toMatchObject({
    kind: 'delivery-status',
    originalEnvelopeId: 'order-17',
    reportingMta: { type: 'dns', value: 'client.test' },
    recipients: [
      {
        finalRecipient: { type: 'rfc822', value: 'bob@one.test' },
        action: 'failed',
        status: '5.1.1',
        remoteMta: { type: 'dns', value: 'mx1.test' },
        diagnosticCode: { type: 'smtp', value: '550 5.1.1 <b>No such user</b>' },
      },
    ],
  });
  expect(bounce!.content.toString()).toContain('Subject: Queued');
  expect(bounce!.content.toString()).not.toContain('Hello');
});

it('DSN-01 never reports to a null reverse-path, nor where NOTIFY says not to', async () => {
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1', script: { rcpt: '550 5.1.1 No such user' } } },
    records: { one: { MX: '10 mx1.test' }, sender: { MX: '10 mx1.test' } },
  });
  await lab.broker.enqueue({ ...message, envelope: { from: '' } });
  await lab.broker.enqueue(message, { delivery: { notify: 'never' } });
  lab.broker.start();
  const events = await until(lab.broker, 'failed', 2);
  await lab.broker.stop();
  expect(types(events)).not.toContain('bounced');
  expect((await lab.broker.queue.list()).rows).toHaveLength(2);
});

it('suppresses an address that does not exist, explains it, and lifts it on request', async () => {
  await using lab = await startQueueLab({
    hosts: {
      mx1: { address: '127.0.11.1', script: { recipients: { 'bob@one.test': '550 5.1.1 No such user' } } },
    },
    records: { one: { MX: '10 mx1.test' } },
    broker: { queue: { bounces: false } },
  });
  await lab.broker.enqueue(message);
  lab.broker.start();
  await until(lab.broker, 'failed');
  const second = await lab.broker.enqueue({ ...message, cc: 'carol@one.test' });
  expect(second.recipients).toMatchObject([
    { recipient: 'bob@one.test', status: 'failed', category: 'suppressed', stage: 'suppression' },
    { recipient: 'carol@one.test', status: 'queued' },
  ]);
  const third = await lab.broker.enqueue(message);
  expect(third.id).toBeUndefined();
  expect(await lab.broker.suppressions.lift(['Bob@one.test'])).toBe(1);
  expect((await lab.broker.enqueue(message)).recipients[0]!.status).toBe('queued');
  await lab.broker.stop();
});

it('Q-11 gives the same id for the same key, with the same Message-ID, and refuses another message under it', async () => {
  await using lab = await startQueueLab({});
  const first = await lab.broker.enqueue(message, { idempotencyKey: 'order-17' });
  const again = await lab.broker.enqueue(message, { idempotencyKey: 'order-17' });
  expect(again).toMatchObject({ id: first.id, duplicate: true });
  await expect(
    lab.broker.enqueue({ ...message, text: 'Another' }, { idempotencyKey: 'order-17' }),
  ).rejects.toMatchObject({ code: 'MB_BROKER_IDEMPOTENCY_CONFLICT' });
  const stream = { ...message, attachments: [{ filename: 'a', content: (async function* () {})() }] };
  await expect(lab.broker.enqueue(stream, { idempotencyKey: 'order-18' })).rejects.toMatchObject({
    code: 'MB_BROKER_OPTION',
  });
});

it('Q-15 stages a large message and streams it out again', async () => {
  const chunk = new Uint8Array(64 * 1024).fill(120);
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1' } },
    records: { one: { MX: '10 mx1.test' } },
  });
  const content = () =>
    (async function* () {
      for (let i = 0; i < 64; i++) yield chunk;
    })();
  await lab.broker.enqueue({ ...message, attachments: [{ filename: 'large.bin', content }] });
  lab.broker.start();
  await until(lab.broker, 'delivered');
  await lab.broker.stop();
  expect(lab.hosts.mx1!.messages[0]!.contentBytes).toBeGreaterThan(64 * 64 * 1024);
});

it('POL-02 sends several messages to one site over one connection', async () => {
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1', tls: true } },
    records: { one: { MX: '10 mx1.test' } },
  });
  for (let i = 0; i < 20; i++) await lab.broker.enqueue({ ...message, subject: `Message ${i}` });
  lab.broker.start();
  await until(lab.broker, 'delivered', 20);
  await lab.broker.stop();
  await lab.hosts.mx1!.until(() => lab.hosts.mx1!.messages.length === 20);
  expect(lab.hosts.mx1!.sessions.length).toBeLessThanOrEqual(3);
});

it('Q-10 holds, releases, cancels, suspends and resumes while a worker runs', async () => {
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1' } },
    records: { one: { MX: '10 mx1.test' }, two: { MX: '10 mx1.test' } },
  });
  const { broker } = lab;
  await broker.queue.suspend('mx1.test', 'Maintenance');
  broker.start();
  const one = await broker.enqueue(message, { tag: 'news' });
  await broker.enqueue({ ...message, to: 'eve@two.test' }, { tag: 'other' });
  expect(await broker.queue.hold({ tag: 'other' })).toBe(1);
  await broker.queue.resume('mx1.test');
  await until(broker, 'delivered');
  expect(await broker.queue.show(one.id!)).toMatchObject({ recipients: [{ state: 'delivered' }] });
  expect((await broker.queue.list({ state: 'held' })).rows).toMatchObject([{ address: 'eve@two.test' }]);
  expect(await broker.queue.cancel({ state: 'held' })).toBe(1);
  const health = await broker.health();
  expect(health).toMatchObject({ running: true, queued: 0, held: 0 });
  await broker.stop();
});

it('says what is missing when there is no store', () => {
  const broker = new MailBroker({ hostname: 'client.test' });
  expect(() => broker.start()).toThrow(expect.objectContaining({ code: 'MB_BROKER_NO_STORE' }));
  expect(() => broker.queue).toThrow(/SqliteStore/);
});
