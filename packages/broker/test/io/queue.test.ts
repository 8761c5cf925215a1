import { createHmac, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { composeMessage, formatReport, type Message, parseMessage, type Report, readReport } from '@mb/mime';
import { inTurn } from '@mb/testkit';
import { expect, it } from 'vitest';
import {
  BrokerError,
  type BrokerOptions,
  MailBroker,
  MemoryStore,
  type QueueEvent,
  webhook,
} from '../../src/index.ts';
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
  expect(types(events)).toEqual(['accepted', 'attempted', 'deferred', 'attempted', 'delivered']);
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
    broker: { dkim: { domain: 'sender.test', selector: 's1', privateKey }, dkimCheck: 'off' as const },
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

it('DSN-01 DSN-13 reports a permanent failure to the return path, from the null reverse-path', async () => {
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
  expect(readReport(parsed)).toMatchObject({
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

it('DSN-14 DSN-15 reports neither to a null reverse-path, nor where NOTIFY says not to', async () => {
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

it('Q-11 Q-43 gives the same id for the same key, and refuses another message under it', async () => {
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

it('Q-45 stages a large message and streams it out again', async () => {
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

it('shares the messages of one claim among hosts of equal preference (RFC 5321 §5.1)', async () => {
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1' }, mx2: { address: '127.0.11.2' } },
    records: { one: { MX: ['10 mx1.test', '10 mx2.test'] } },
    // One claim at a time, so that it is the claim that shares.
    broker: { queue: { concurrency: 1 } },
  });
  for (let i = 0; i < 40; i++) await lab.broker.enqueue({ ...message, subject: `Message ${i}` });
  lab.broker.start();
  await until(lab.broker, 'delivered', 40);
  await lab.broker.stop();
  const taken = Object.values(lab.hosts).map(({ messages }) => messages.length);
  expect(taken.reduce((sum, count) => sum + count, 0)).toBe(40);
  // All of 40 coins on one side: once in 500 billion runs.
  expect(Math.min(...taken)).toBeGreaterThan(0);
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

it('BRK-18 gives each recipient a return path of its own, and takes in the bounce and the complaint that come back to it', async () => {
  const verp = { address: 'bounces@sender.test', secret: 'sixteen characters or more' };
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1' } },
    records: { one: { MX: '10 mx1.test' } },
    broker: { queue: { verp } },
  });
  const { broker } = lab;
  const { id } = await broker.enqueue({ ...message, to: ['bob@one.test', 'carol@one.test'] });
  broker.start();
  await until(broker, 'delivered', 2);
  await lab.hosts.mx1!.until(() => lab.hosts.mx1!.messages.length === 2);
  await broker.stop();
  const paths = new Map(
    lab.hosts.mx1!.messages.map(({ from, recipients }) => [recipients[0]!.address, from]),
  );
  expect(new Set(paths.values()).size).toBe(2);

  const bounce = await composeReport({
    kind: 'delivery-status',
    reportingMta: { type: 'dns', value: 'inner.one.test' },
    recipients: [
      {
        finalRecipient: { type: 'rfc822', value: 'bob@inner.one.test' },
        action: 'failed',
        status: '5.1.1',
        diagnosticCode: { type: 'smtp', value: '550 5.1.1 No such user' },
      },
    ],
  });
  expect(await broker.receiveReport(bounce, paths.get('bob@one.test'))).toEqual({
    kind: 'bounce',
    recipients: [
      {
        address: 'bob@one.test',
        recipientId: `${id}.0`,
        status: '5.1.1',
        category: 'bad-mailbox',
        suppressed: true,
      },
    ],
  });
  const complaint = await composeReport({
    kind: 'feedback-report',
    feedbackType: 'abuse',
    userAgent: 'Example/1.0',
    version: '1',
    originalMailFrom: paths.get('carol@one.test')!,
  });
  expect(await broker.receiveReport(complaint, 'abuse@sender.test')).toMatchObject({
    kind: 'complaint',
    recipients: [{ address: 'carol@one.test', suppressed: true }],
  });
  const logged = await until(broker, 'complained');
  expect(types(logged)).toContain('bounced');
  const { rows } = await broker.suppressions.list();
  expect(rows.map(({ address, reason }) => `${address} ${reason}`).sort()).toEqual([
    'bob@one.test bad-mailbox',
    'carol@one.test complaint',
  ]);
});

it('believes no report about anyone that did not come to a return path of ours', async () => {
  await using lab = await startQueueLab({
    broker: { queue: { verp: { address: 'bounces@sender.test', secret: 'sixteen characters or more' } } },
  });
  await lab.broker.enqueue(message);
  const forged = await composeReport({
    kind: 'delivery-status',
    reportingMta: { type: 'dns', value: 'evil.test' },
    recipients: [
      { finalRecipient: { type: 'rfc822', value: 'bob@one.test' }, action: 'failed', status: '5.1.1' },
    ],
  });
  const report = await lab.broker.receiveReport(forged, 'bounces+1.0-0000000000000000@sender.test');
  expect(report).toMatchObject({ kind: 'bounce', recipients: [{ suppressed: false }] });
  expect((await lab.broker.suppressions.list()).rows).toEqual([]);
  expect(await lab.broker.receiveReport(Buffer.from('Subject: Re: hi\r\n\r\nI am away.'))).toEqual({
    kind: 'none',
    recipients: [],
  });
});

it('hands events to a webhook in order, again and again until it takes them, signed', async () => {
  const bodies: { body: string; signature: string | undefined }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      bodies.push({ body, signature: request.headers['x-mb-signature'] as string | undefined });
      response.writeHead(bodies.length === 1 ? 500 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const abort = new AbortController();
  const retries: number[] = [];
  let cursor = '';
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1' } },
    records: { one: { MX: '10 mx1.test' } },
  });
  await lab.broker.enqueue(message);
  lab.broker.start();
  await until(lab.broker, 'delivered');
  await lab.broker.stop();
  await lab.broker.deliverEvents(webhook(`http://127.0.0.1:${port}/`, { secret: 'secret' }), {
    after: 'start',
    signal: abort.signal,
    onRetry: (_error, _event, delayMs) => retries.push(delayMs),
    saveCursor: (saved) => {
      cursor = saved;
      if (bodies.at(-1)!.body.includes('"delivered"')) abort.abort();
    },
  });
  server.close();
  expect(retries).toEqual([1_000]);
  expect(bodies[0]!.body).toBe(bodies[1]!.body);
  expect(JSON.parse(bodies.at(-1)!.body)).toMatchObject({ type: 'delivered', cursor });
  const expected = createHmac('sha256', 'secret').update(bodies[0]!.body).digest('hex');
  expect(bodies[0]!.signature).toBe(`sha256=${expected}`);
});

async function composeReport(record: Report): Promise<Uint8Array> {
  return composeMessage({
    from: 'mailer-daemon@one.test',
    to: 'bounces@sender.test',
    subject: 'Report',
    text: 'See below.',
    report: { record: formatReport(record) },
  }).bytes();
}

it('BRK-05 BRK-21 tries again after an unknown end, with the same octets and Message-ID', async () => {
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1', script: { content: inTurn({ after: 'close' }, undefined) } } },
    records: { one: { MX: '10 mx1.test' } },
  });
  await lab.broker.enqueue(message);
  lab.broker.start();
  const events = await until(lab.broker, 'delivered');
  await lab.broker.stop();
  const deferred = events.find(({ type }) => type === 'deferred');
  expect(deferred).toMatchObject({ detail: { status: 'unknown', maybeDelivered: true } });
  const [first, second] = lab.hosts.mx1!.sessions.flatMap(({ transactions }) => transactions);
  expect(second!.content).toEqual(first!.content);
  expect(second!.content.toString()).toMatch(/^Message-ID: </m);
});

it.each([
  ['hold', 'held'],
  ['report', 'unknown'],
] as const)('BRK-05 does not try again after an unknown end when told to %s', async (onUnknown, state) => {
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1', script: { content: { after: 'close' } } } },
    records: { one: { MX: '10 mx1.test' } },
  });
  const { id } = await lab.broker.enqueue(message, { delivery: { onUnknown } });
  lab.broker.start();
  await until(lab.broker, state);
  await lab.broker.stop();
  expect(await lab.broker.queue.show(id!)).toMatchObject({ recipients: [{ state, attempts: 1 }] });
  expect(lab.hosts.mx1!.sessions).toHaveLength(1);
});

it('Q-13 sets aside a large message whose octets are damaged, and delivers the others', async () => {
  await using lab = await startQueueLab({
    hosts: { mx1: { address: '127.0.11.1' } },
    records: { one: { MX: '10 mx1.test' } },
  });
  const large = { ...message, attachments: [{ filename: 'large.bin', content: new Uint8Array(200_000) }] };
  const { id } = await lab.broker.enqueue(large);
  const content = lab.store.content.bind(lab.store);
  lab.store.content = (messageId) => (messageId === id ? damaged(content(messageId)) : content(messageId));
  await lab.broker.enqueue(message);
  lab.broker.start();
  const events = await until(lab.broker, 'held');
  await until(lab.broker, 'delivered');
  await lab.broker.stop();
  expect(events.find(({ type }) => type === 'held')).toMatchObject({
    messageId: id,
    detail: { code: 'MB_BROKER_MESSAGE_CORRUPT' },
  });
  await lab.hosts.mx1!.until(() => lab.hosts.mx1!.messages.length === 1);
  expect(lab.hosts.mx1!.messages[0]!.content.toString()).not.toContain('large.bin');
});

async function* damaged(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    throw new BrokerError('MB_BROKER_MESSAGE_CORRUPT', 'internal', 'The stored octets are damaged.');
  }
}
