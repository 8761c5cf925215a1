import { createMemoryResolver } from '@mb/dns/memory';
import { startWebhookReceiver, type WebhookCall, type WebhookReceiver } from '@mb/testkit';
import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { MailQueue, type NewWebhook, type QueueStore, type WebhookDeliveryOptions } from '../../src/index.ts';
import { poisons, tenMegabytes } from './poisons.ts';

const fast: WebhookDeliveryOptions = {
  allowAddresses: ['127.0.0.0/8'],
  timeoutMs: 20_000,
  leaseMs: 2_000,
  schedule: { firstMs: 30, factor: 2, maxMs: 200, jitter: 0 },
};

/** Opens an empty store. */
export type OpenStore = () => Promise<QueueStore>;

/** A queue with webhooks that are retried at once. */
async function openWorld(openStore: OpenStore, webhooks: WebhookDeliveryOptions = {}) {
  const store = await openStore();
  const errors: unknown[] = [];
  const queue = new MailQueue({
    store,
    dns: createMemoryResolver({}),
    webhooks: { ...fast, ...webhooks },
    queue: { onError: (error) => errors.push(error) },
  });
  const accept = async (to = 'bob@one.test', tag?: string, tenant?: string) => {
    const { id } = await queue.enqueue(
      { from: 'ann@sender.test', to, text: 'x' },
      { ...(tag !== undefined && { tag }), ...(tenant !== undefined && { tenant }) },
    );
    return id!;
  };
  return {
    store,
    queue,
    errors,
    accept,
    /** Holds and releases a message: two events in this order. */
    async holdAndRelease(id: string) {
      await queue.control.hold({ messageId: id });
      await queue.control.release({ messageId: id });
    },
    async [Symbol.asyncDispose]() {
      await queue.close();
      await store.close();
    },
  };
}

async function added(queue: MailQueue, receiver: WebhookReceiver, given: Partial<NewWebhook> = {}) {
  const { endpoint, secret } = await queue.webhooks.add({ url: receiver.url, ...given });
  return { id: endpoint.id, secret };
}

const ids = (calls: readonly WebhookCall[]) => calls.map(({ headers }) => headers['webhook-id']);
const messages = (calls: readonly WebhookCall[]) => calls.map(({ json }) => json.data.messageId);

/** The machine may have more to do. */
const poll = <T>(ask: () => T, options = { timeout: 10_000 }) => expect.poll(ask, options);

/** What the delivery of webhooks does on every store, as tests of vitest. */
// Long because it is a list of tests.
export function webhookDeliveryTests(openStore: OpenStore): void {
  const world = (webhooks?: WebhookDeliveryOptions) => openWorld(openStore, webhooks);

  it('WHK-06 WHK-30 an event is signed, and has one id, one body and a new timestamp in all attempts', async () => {
    await using w = await world({ schedule: { firstMs: 1_100, factor: 1, maxMs: 1_100, jitter: 0 } });
    await using receiver = await startWebhookReceiver();
    receiver.answer = () => (receiver.calls.length === 1 ? 500 : 200);
    const { id, secret } = await added(w.queue, receiver);
    w.queue.webhooks.start();
    const messageId = await w.accept('bob@one.test', 'welcome', 'shop');
    await receiver.until((calls) => calls.length === 2);
    const [first, second] = receiver.calls;
    expect(new Set(ids(receiver.calls)).size).toBe(1);
    expect(first!.body).toBe(second!.body);
    expect(Number(second!.headers['webhook-timestamp'])).toBeGreaterThan(
      Number(first!.headers['webhook-timestamp']),
    );
    for (const { body, headers } of receiver.calls) {
      expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
        type: 'accepted',
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        data: { messageId, tenant: 'shop', tag: 'welcome' },
      });
    }
    await expect
      .poll(() => w.queue.webhooks.attempts(id))
      .toMatchObject([
        { attempt: 2, succeeded: true, status: 200 },
        { attempt: 1, succeeded: false, status: 500, error: expect.stringContaining('500') },
      ]);
    await poll(() => w.queue.webhooks.status(id)).toMatchObject({
      delivered: 1,
      failed: 1,
      waiting: 0,
      delivering: true,
    });
    expect(w.errors).toEqual([]);
  });

  it('WHK-07 a filter lets through what it names: type, tenant, tag and domain', async () => {
    await using w = await world();
    await using all = await startWebhookReceiver();
    const filters: Partial<NewWebhook>[] = [
      { types: ['held'] },
      { tenant: 'shop' },
      { tags: ['a', 'b'] },
      { domains: ['Two.test'] },
    ];
    const hooks = await Promise.all(
      filters.map((filter, i) => w.queue.webhooks.add({ url: `${all.url}${i}`, ...filter })),
    );
    w.queue.webhooks.start();
    const one = await w.accept('bob@one.test', 'a', 'shop');
    const two = await w.accept('bob@two.test', 'b', 'bank');
    await w.accept('bob@three.test', 'c', 'bank');
    await w.queue.control.hold({ messageId: two });
    await expect
      .poll(async () =>
        Promise.all(
          hooks.map(async ({ endpoint }) => (await w.queue.webhooks.status(endpoint.id)).delivered),
        ),
      )
      .toEqual([1, 1, 3, 1]);
    const of = (path: string) =>
      all.calls.filter((call) => call.path === path).map(({ json }) => `${json.type} ${json.data.messageId}`);
    expect(of('/0')).toEqual([`held ${two}`]);
    expect(of('/1')).toEqual([`accepted ${one}`]);
    expect(of('/2').sort()).toEqual([`accepted ${one}`, `accepted ${two}`, `held ${two}`].sort());
    expect(of('/3')).toEqual([`held ${two}`]);
  });

  it('WHK-08 events of one message come in their order, also when the first fails', async () => {
    await using w = await world();
    await using receiver = await startWebhookReceiver();
    const failing = new Set<string>();
    receiver.answer = ({ headers }) => {
      const id = String(headers['webhook-id']);
      if (failing.has(id)) return 200;
      failing.add(id);
      return 503;
    };
    await added(w.queue, receiver);
    w.queue.webhooks.start();
    const made = await Promise.all([w.accept(), w.accept(), w.accept()]);
    for (const id of made) await w.holdAndRelease(id);
    await receiver.until((calls) => calls.length === 18);
    for (const id of made) {
      const seen = receiver.calls
        .filter(({ json }) => json.data.messageId === id)
        .map(({ json }) => json.type);
      expect(seen).toEqual(['accepted', 'accepted', 'held', 'held', 'released', 'released']);
    }
  });

  it('WHK-09 a message whose events fail delays no event of another message', async () => {
    // Longer than what is waited for below.
    await using w = await world({ timeoutMs: 60_000 });
    await using receiver = await startWebhookReceiver();
    let poisoned = '';
    // Never answered.
    receiver.answer = ({ json }) => (json.data.messageId === poisoned ? undefined : 200);
    await added(w.queue, receiver);
    poisoned = await w.accept();
    w.queue.webhooks.start();
    await receiver.until((calls) => calls.length === 1);
    const others = await Promise.all(Array.from({ length: 100 }, () => w.accept()));
    await receiver.until((calls) => others.every((id) => messages(calls).includes(id)));
  });

  it.each(poisons)('WHK-10 an endpoint that %s delays no event of another endpoint', async (_, answer) => {
    await using w = await world({ timeoutMs: 1_000 });
    await using poisoned = await startWebhookReceiver();
    await using good = await startWebhookReceiver();
    poisoned.answer = answer;
    const { id } = await added(w.queue, poisoned);
    await added(w.queue, good);
    w.queue.webhooks.start();
    for (let i = 0; i < 60; i++) await w.accept();
    await good.until((calls) => new Set(ids(calls)).size === 60);
    await expect
      .poll(async () => (await w.queue.webhooks.status(id)).failed, { timeout: 10_000 })
      .toBeGreaterThan(0);
    // Written after the status.
    await poll(async () => (await w.queue.webhooks.attempts(id))[0]).toMatchObject({
      succeeded: false,
      error: expect.stringMatching(/endpoint|answer/),
    });
  });

  it('WHK-11 WHK-22 an answer is read to a bound, and a redirect is not followed', async () => {
    await using w = await world();
    await using target = await startWebhookReceiver();
    await using receiver = await startWebhookReceiver();
    receiver.answer = (_, response) =>
      void response.writeHead(302, { location: target.url }).end('x'.repeat(9_000));
    const { id } = await added(w.queue, receiver);
    expect(await w.queue.webhooks.test(id)).toMatchObject({
      succeeded: false,
      status: 302,
      error: expect.stringContaining('not followed'),
      answer: 'x'.repeat(200),
    });
    receiver.answer = (_, response) => void response.writeHead(200).end(tenMegabytes);
    expect(await w.queue.webhooks.test(id)).toMatchObject({ succeeded: true, status: 200 });
    expect(target.calls).toEqual([]);
  });

  it('WHK-12 WHK-23 WHK-89 what fails until the time is over is a dead letter, and is replayed by id and by time', async () => {
    await using w = await world({ retryForMs: 150 });
    await using receiver = await startWebhookReceiver({ answer: () => 500 });
    const { id } = await added(w.queue, receiver);
    w.queue.webhooks.start();
    const made = [await w.accept(), await w.accept(), await w.accept()];
    await poll(async () => (await w.queue.webhooks.deadLetters(id)).rows.length).toBe(3);
    const { rows } = await w.queue.webhooks.deadLetters(id);
    expect(rows.map(({ event }) => event.messageId).sort()).toEqual([...made].sort());
    expect(rows[0]).toMatchObject({
      event: { type: 'accepted' },
      error: expect.stringContaining('500'),
    });
    expect(rows[0]!.attempts).toBeGreaterThan(1);
    const before = ids(receiver.calls);
    receiver.answer = () => 200;
    const calls = receiver.calls.length;
    expect(await w.queue.webhooks.replay(id, { ids: [rows[1]!.id] })).toBe(1);
    await receiver.until((all) => all.length === calls + 1);
    expect(before).toContain(ids(receiver.calls).at(-1));
    expect(messages(receiver.calls).at(-1)).toBe(rows[1]!.event.messageId);
    expect(await w.queue.webhooks.replay(id, { from: rows[2]!.event.at + 1 })).toBe(0);
    expect(await w.queue.webhooks.replay(id, { from: rows[0]!.event.at, to: rows[2]!.event.at })).toBe(2);
    await receiver.until((all) => all.length === calls + 3);
    await poll(() => w.queue.webhooks.status(id)).toMatchObject({ waiting: 0, deadLetters: 0 });
    await expect(w.queue.webhooks.replay(id, { from: 2, to: 1 })).rejects.toThrow(/must not be after/);
    const slip = w.queue.webhooks.replay(id, { ids: [rows[0]!.id] });
    await expect(slip).rejects.toMatchObject({ code: 'MB_BROKER_NOT_FOUND' });
  });

  it('WHK-13 WHK-24 an endpoint that answers 410 is disabled, and goes on where it stopped when it is enabled', async () => {
    await using w = await world();
    await using receiver = await startWebhookReceiver({ answer: () => 410 });
    const { id } = await added(w.queue, receiver);
    w.queue.webhooks.start();
    const first = await w.accept();
    await poll(async () => (await w.queue.webhooks.get(id))?.enabled).toBe(false);
    expect(await w.queue.webhooks.get(id)).toMatchObject({ disabledReason: expect.stringContaining('410') });
    await poll(async () => (await w.queue.webhooks.status(id)).delivering).toBe(false);
    const second = await w.accept();
    receiver.answer = () => 200;
    const known = receiver.calls.length;
    await w.queue.webhooks.change(id, { enabled: true });
    await receiver.until((calls) => calls.length >= known + 2);
    expect(messages(receiver.calls.slice(known)).sort()).toEqual([first, second].sort());
    expect(await w.queue.webhooks.get(id)).not.toHaveProperty('disabledReason');
  });

  it('WHK-14 an endpoint that asks for a pause gets nothing until it is over', async () => {
    await using w = await world();
    await using receiver = await startWebhookReceiver();
    receiver.answer = (_, response) => {
      if (receiver.calls.length > 1) return 200;
      response.writeHead(429, { 'retry-after': '1' }).end();
      return undefined;
    };
    const { id } = await added(w.queue, receiver);
    w.queue.webhooks.start();
    await w.accept();
    // The receiver knows of a call before its answer has arrived.
    await poll(async () => (await w.queue.webhooks.attempts(id)).length).toBe(1);
    await w.accept();
    await receiver.until((calls) => calls.length === 3);
    expect(receiver.calls[1]!.at - receiver.calls[0]!.at).toBeGreaterThanOrEqual(990);
  });

  it('WHK-15 WHK-25 one of several processes delivers to an endpoint, and another takes over', async () => {
    await using w = await world();
    await using receiver = await startWebhookReceiver();
    const other = new MailQueue({ store: w.store, dns: createMemoryResolver({}), webhooks: fast });
    const { id } = await added(w.queue, receiver);
    w.queue.webhooks.start();
    await poll(async () => (await w.queue.webhooks.status(id)).delivering).toBe(true);
    other.webhooks.start();
    for (let i = 0; i < 20; i++) await w.accept();
    await receiver.until((calls) => calls.length >= 20);
    await w.queue.webhooks.stop();
    for (let i = 0; i < 20; i++) await w.accept();
    await receiver.until((calls) => calls.length >= 40);
    expect(new Set(ids(receiver.calls)).size).toBe(40);
    expect(receiver.calls).toHaveLength(40);
    await other.close();
  });

  it('WHK-16 WHK-26 an address in our own network is refused at each connection, not only when it is added', async () => {
    await using w = await world();
    await using receiver = await startWebhookReceiver();
    const { id } = await added(w.queue, receiver);
    const stricter = new MailQueue({ store: w.store, dns: createMemoryResolver({}), webhooks: {} });
    expect(await stricter.webhooks.test(id)).toMatchObject({
      succeeded: false,
      error: expect.stringContaining('127.0.0.1 is loopback'),
    });
    expect(receiver.calls).toEqual([]);
    const open = new MailQueue({
      store: w.store,
      dns: createMemoryResolver({
        'public.test': { A: '203.0.113.1' },
        'inside.test': { A: ['127.0.0.1', '10.0.0.1'] },
      }),
      webhooks: { allowAddresses: ['127.0.0.0/8'] },
    });
    await expect(open.webhooks.add({ url: 'http://public.test/' })).rejects.toThrow(/not public|public/);
    await expect(open.webhooks.add({ url: 'https://inside.test/' })).rejects.toThrow(
      /10\.0\.0\.1 is private/,
    );
  });

  it('WHK-17 an endpoint that is removed takes all with it', async () => {
    await using w = await world();
    await using receiver = await startWebhookReceiver({ answer: () => 500 });
    const { id } = await added(w.queue, receiver);
    w.queue.webhooks.start();
    for (let i = 0; i < 5; i++) await w.accept();
    await poll(async () => (await w.queue.webhooks.status(id)).failed).toBeGreaterThan(4);
    expect(await w.queue.webhooks.remove(id)).toBe(true);
    await expect
      .poll(async () => {
        const kinds = ['webhook', 'webhook-state', 'webhook-attempts', 'webhook-waiting', 'webhook-dead'];
        const pages = await Promise.all(kinds.map((kind) => w.store.records.list(kind)));
        return pages.flatMap(({ rows }) => rows);
      })
      .toEqual([]);
    expect(await w.queue.webhooks.remove(id)).toBe(false);
  });
}
