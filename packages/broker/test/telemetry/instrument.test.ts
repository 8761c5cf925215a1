import { createMemoryResolver } from '@mb/dns/memory';
import { context, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { MailBroker, MemoryStore, type Observation, type Observer } from '../../src/index.ts';
import { instrument, providerOf } from '../../src/telemetry/index.ts';
import { startLab } from '../lab.ts';

/** A real SDK that keeps what it is given. */
function sdk() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  return {
    meter: provider.getMeter('test'),
    async collect() {
      await reader.forceFlush();
      const all = exporter
        .getMetrics()
        .at(-1)!
        .scopeMetrics.flatMap(({ metrics }) => metrics);
      const points = (name: string): Record<string, unknown>[] =>
        all
          .find(({ descriptor }) => descriptor.name === name)
          ?.dataPoints.map(({ attributes, value }) => ({ ...attributes, value })) ?? [];
      return { names: all.map(({ descriptor }) => descriptor.name), points, all };
    },
    close: () => provider.shutdown(),
  };
}

/** A broker that is observed, and tells what a test says. */
function scripted() {
  const listeners = new Set<Observer>();
  return {
    tell: (seen: Observation) => {
      for (const listener of listeners) listener(seen);
    },
    broker: {
      observe(listener: Observer) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      health: async () => Promise.reject(new Error('no store')),
    } as never as MailBroker,
    listeners,
  };
}

const attempt = (domain: string, host: string): Observation => ({
  type: 'attempt',
  domain,
  domains: [domain],
  messageId: '<a@b>',
  attempt: 1,
  outcomes: [
    { status: 'delivered', recipient: `bob@${domain}`, host, reply: { code: 250, lines: ['ok'] } } as never,
  ],
  durationMs: 5,
  endedAt: 1_000,
  queueId: '1',
  acceptedAt: 500,
});

describe('instrument', () => {
  it('TEL-01 measures deliveries, connections, TLS, the store and the queue with a real SDK', async () => {
    const { meter, collect, close } = sdk();
    const store = new MemoryStore();
    await store.open();
    await using lab = await startLab({
      broker: { store },
      hosts: {
        mx1: { address: '127.0.11.1', script: { recipients: { 'eve@one.test': '550 5.1.1 No such user' } } },
      },
      records: { one: { MX: '10 mx1.test' } },
    });
    const end = instrument(lab.broker, { meter });
    await lab.broker.enqueue({ from: 'ann@sender.test', to: ['bob@one.test', 'eve@one.test'], text: 'x' });
    lab.broker.start();
    for await (const { type } of lab.broker.events({ after: 'start' })) if (type === 'failed') break;
    await expect.poll(async () => (await lab.broker.health()).queued).toBe(0);
    const { points, names } = await collect();
    expect(points('mb.attempt.recipients')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ outcome: 'delivered', category: 'none', value: 1 }),
        expect.objectContaining({ outcome: 'failed', category: 'bad-mailbox', value: 1 }),
      ]),
    );
    expect(points('mb.tls.sessions')).toMatchObject([
      { basis: 'opportunistic', policy: 'no-policy-found', value: 1 },
    ]);
    expect(points('mb.connection.duration')).toMatchObject([{ result: 'ready', value: { count: 1 } }]);
    expect(points('mb.delivery.duration')).toMatchObject([{ value: { count: 1 } }]);
    const operations = points('mb.store.duration').map(({ operation }) => operation);
    expect(operations.sort()).toEqual(['accept', 'claim', 'settle']);
    expect(points('mb.queue.recipients')).toContainEqual({ state: 'queued', value: 0 });
    for (const name of ['mb.queue.oldest.age', 'mb.event_loop.delay', 'mb.troubles', 'mb.route.duration']) {
      expect(names).toContain(name);
    }
    end();
    await close();
    await lab.broker.close();
  });

  it('TEL-02 10,000 destinations leave the number of series bounded', async () => {
    const { meter, collect, close } = sdk();
    const { broker, tell } = scripted();
    instrument(broker, { meter, maxOperators: 20 });
    for (let round = 0; round < 21; round++) {
      for (let i = 0; i < 10_000; i++) tell(attempt(`d${i}.test`, `mx.d${i}.test`));
    }
    for (const host of ['aspmx.l.google.com', 'x.mail.protection.outlook.com']) tell(attempt('a.test', host));
    const { all, points } = await collect();
    const providers = new Set(points('mb.attempt.recipients').map(({ provider }) => provider));
    expect(providers).toContain('google');
    expect(providers).toContain('microsoft');
    expect(providers).toContain('other');
    expect(providers.size).toBeLessThanOrEqual(23);
    expect(all.reduce((sum, { dataPoints }) => sum + dataPoints.length, 0)).toBeLessThan(200);
    const counted = points('mb.attempt.recipients').reduce((sum, { value }) => sum + (value as number), 0);
    expect(counted).toBe(210_002);
    await close();
  });

  it('TEL-61 counts what happens between collections, and until it has ended, once', async () => {
    const { meter, collect, close } = sdk();
    const [one, two] = [scripted(), scripted()];
    const ends = [instrument(one.broker, { meter }), instrument(two.broker, { meter })];
    const delivered = async () => (await collect()).points('mb.attempt.recipients');
    one.tell(attempt('one.test', 'mx.one.test'));
    two.tell(attempt('one.test', 'mx.one.test'));
    expect(await delivered()).toMatchObject([{ outcome: 'delivered', value: 2 }]);
    expect(await delivered()).toMatchObject([{ outcome: 'delivered', value: 2 }]);
    two.tell({ ...attempt('one.test', 'mx.one.test'), profile: 'news' } as Observation);
    one.tell(attempt('one.test', 'mx.one.test'));
    for (const end of ends) end();
    const points = await delivered();
    expect(points).toHaveLength(2);
    expect(points).toContainEqual({ outcome: 'delivered', category: 'none', provider: 'other', value: 3 });
    expect(points).toContainEqual({
      profile: 'news',
      outcome: 'delivered',
      category: 'none',
      provider: 'other',
      value: 1,
    });
    await close();
  });

  it('TEL-60 the lag of webhooks is a gauge with a bounded number of series', async () => {
    const { meter, collect, close } = sdk();
    const lags = Array.from({ length: 500 }, (_, i) => ({ id: `w${i}`, lagMs: 500_000 - i * 1_000 }));
    instrument({ ...scripted().broker, webhooks: { lags: async () => lags } } as never, { meter });
    const { points } = await collect();
    const found = points('mb.webhook.oldest.age');
    expect(found).toHaveLength(51);
    expect(found).toContainEqual({ webhook: 'w0', value: 500 });
    // The worst of those without a series of their own.
    expect(found).toContainEqual({ webhook: 'other', value: 450 });
    await close();
  });

  it('SAFE-102 a store that is gone leaves the queue out of one collection, and not of the next', async () => {
    const { meter, collect, close } = sdk();
    const store = new MemoryStore();
    await store.open();
    const broker = new MailBroker({
      hostname: 'mail.sender.test',
      store,
      dns: createMemoryResolver({}),
    });
    const end = instrument(broker, { meter });
    await broker.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
    const stats = store.stats;
    store.stats = () => Promise.reject(new Error('The database went away.'));
    expect((await collect()).points('mb.queue.recipients')).toEqual([]);
    store.stats = stats;
    expect((await collect()).points('mb.queue.recipients')).toContainEqual({ state: 'queued', value: 1 });
    end();
    await broker.close();
    await store.close();
    await close();
  });

  it('TEL-03 all spans of a message are in one trace, in whatever process they are made', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const one = scripted();
    const two = scripted();
    instrument(one.broker, { tracer: provider.getTracer('api') });
    instrument(two.broker, { tracer: provider.getTracer('worker') });
    one.tell({ type: 'accept', queueId: '1', recipients: 1, durationMs: 3, endedAt: 500 });
    two.tell(attempt('one.test', 'mx.one.test'));
    two.tell({
      type: 'webhook',
      endpoint: 'e',
      eventId: 'evt_1',
      event: 'delivered',
      messageId: '1',
      attempt: 1,
      succeeded: true,
      status: 204,
      durationMs: 2,
      lagMs: 4,
      endedAt: 1_004,
    });
    one.tell({ type: 'accept', queueId: '2', recipients: 1, durationMs: 3, endedAt: 600 });
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name }) => name)).toEqual([
      'accept message',
      'deliver to one.test',
      'webhook delivered',
      'accept message',
    ]);
    const traces = spans.map((span) => span.spanContext().traceId);
    expect(new Set(traces.slice(0, 3)).size).toBe(1);
    expect(traces[3]).not.toBe(traces[0]);
    expect(spans[1]!.attributes).toMatchObject({
      'messaging.message.id': '1',
      'server.address': 'mx.one.test',
    });
    await provider.shutdown();
  });

  it('TEL-04 TEL-12 without an SDK nothing is measured, and what ends is observed no more', () => {
    const { broker, tell, listeners } = scripted();
    const end = instrument(broker);
    tell(attempt('one.test', 'mx.one.test'));
    expect(trace.getSpan(context.active())).toBeUndefined();
    end();
    expect(listeners.size).toBe(0);
    const sender = new MailBroker({
      hostname: 'a.test',
      dns: createMemoryResolver({}),
      store: new MemoryStore(),
    });
    expect(() => instrument(sender, { meters: 1 } as never)).toThrow(/no key "meters"; did you mean "meter"/);
    expect(() => instrument(undefined as never)).toThrow(/must be a MailBroker/);
  });

  it.each([
    ['aspmx.l.google.com', 'google'],
    ['example-com.mail.protection.outlook.com.', 'microsoft'],
    ['MTA5.AM0.yahoodns.net', 'yahoo'],
    ['mx01.mail.icloud.com', 'apple'],
    ['notgoogle.com', undefined],
    ['mx.example.com', undefined],
    ['', undefined],
  ])('TEL-05 %s belongs to %s', (host, provider) => {
    expect(providerOf(host)).toBe(provider);
  });
});
