import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  type Histogram,
  type Meter,
  metrics,
  type ObservableGauge,
  type ObservableResult,
  ProxyTracerProvider,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { MailBroker } from '../broker.ts';
import { optionError } from '../errors.ts';
import type { Observation } from '../observer.ts';
import { integer, matching, type OptionTable, readOptions } from '../option-table.ts';
import { CounterSums } from './counter-sums.ts';
import { BoundedNames, ProviderNames } from './provider.ts';
import { traceObservations } from './traces.ts';

/** Options of {@link instrument}. */
export interface InstrumentOptions {
  /** Where metrics go. Default: the meter of the global provider, which does nothing unless an SDK is registered. */
  readonly meter?: Meter | undefined;
  /** Where traces go. Default: the tracer of the global provider. */
  readonly tracer?: Tracer | undefined;
  /**
   * Operators of mail hosts that get a series of their own beside the well-known providers, once they were met twenty
   * times; the rest is `other`. Default 20.
   */
  readonly maxOperators?: number | undefined;
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null;

/** What {@link InstrumentOptions} accepts. */
export const instrumentOptions = {
  meter: matching<Meter>('a meter of @opentelemetry/api', isObject),
  tracer: matching<Tracer>('a tracer of @opentelemetry/api', isObject),
  maxOperators: integer(0, 1_000, { default: 20 }),
} satisfies OptionTable<InstrumentOptions>;

/** What {@link instrument} uses of a broker. */
export type InstrumentedBroker = Pick<MailBroker, 'observe' | 'health' | 'webhooks'>;

/** Profiles that get series of their own. */
const mostProfiles = 50;
/** Webhooks that get series of their own. */
const mostWebhooks = 50;
/** How long the state of the queue is cached, in milliseconds: a scrape must not load the store. */
const healthMs = 5_000;

const seconds = { unit: 's' };
/** From a few milliseconds to the lifetime of a message. */
const deliveryBuckets = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 432_000];
const callBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Measures what a broker does with OpenTelemetry's API: metrics, and a trace for each message where an SDK is registered.
 * The number of series does not grow with the number of domains.
 *
 * @returns the function that ends it.
 * @throws {BrokerError} MB_BROKER_OPTION
 * @example
 * const end = instrument(broker);
 */
export function instrument(broker: InstrumentedBroker, options: InstrumentOptions = {}): () => void {
  if (!isObject(broker) || typeof broker.observe !== 'function') {
    throw optionError('instrument: broker must be a MailBroker.');
  }
  const {
    meter = metrics.getMeter('@mb/broker'),
    tracer,
    maxOperators,
  } = readOptions<InstrumentOptions, typeof instrumentOptions>(
    options,
    instrumentOptions,
    'instrument: options',
  );
  const eventLoop = createEventLoopGauge(meter);
  const ends = [
    countObservations(broker, meter, maxOperators, eventLoop),
    watchQueue(broker, meter),
    watchWebhooks(broker, meter),
    watchEventLoop(eventLoop),
    traceObservations(broker, {
      tracer: tracer ?? trace.getTracer('@mb/broker'),
      isRecording: () => tracer !== undefined || hasTracerSdk(),
    }),
  ];
  return () => {
    for (const end of ends.splice(0)) end();
  };
}

/** Whether an SDK is registered that takes spans; ids for them cost more than the rest. */
function hasTracerSdk(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer('@mb/broker') !== undefined;
}

/** Counts what is observed. */
// Long because all instruments are declared beside what they count.
function countObservations(
  broker: InstrumentedBroker,
  meter: Meter,
  maxOperators: number,
  collected: ObservableGauge,
): () => void {
  const providers = new ProviderNames(maxOperators);
  const profiles = new BoundedNames(mostProfiles, 1);
  const histogram = (name: string, description: string, boundaries: readonly number[]): Histogram =>
    meter.createHistogram(name, {
      ...seconds,
      description,
      advice: { explicitBucketBoundaries: [...boundaries] },
    });
  const counters: CounterSums[] = [];
  const counter = (name: string, description: string, attributes: readonly string[] = []): CounterSums => {
    const sums = new CounterSums(meter.createCounter(name, { description }), attributes);
    counters.push(sums);
    return sums;
  };
  const recipients = counter('mb.attempt.recipients', 'Recipients by the outcome of their attempt', [
    'profile',
    'outcome',
    'category',
    'provider',
  ]);
  const attemptTime = histogram('mb.attempt.duration', 'Time of an attempt', callBuckets);
  const deliveryTime = histogram(
    'mb.delivery.duration',
    'From the acceptance of a message to its delivery, for each recipient',
    deliveryBuckets,
  );
  const connectTime = histogram(
    'mb.connection.duration',
    'Time to open a session, TLS included',
    callBuckets,
  );
  const sessions = counter('mb.tls.sessions', 'Sessions by how they are secured', [
    'basis',
    'policy',
    'result',
    'version',
  ]);
  const storeTime = histogram('mb.store.duration', 'Time of an operation of the store', callBuckets);
  const claimed = counter('mb.claim.recipients', 'Recipients taken out of the queue', ['kind']);
  const callTime = histogram('mb.webhook.duration', 'Time of a call of a webhook', callBuckets);
  const webhookLag = histogram(
    'mb.webhook.lag',
    'From an event to the end of the call that delivered it',
    deliveryBuckets,
  );
  const routeTime = histogram('mb.route.duration', 'Time to find the route of a domain', callBuckets);
  const errors = counter('mb.errors', 'Failures in the background');
  const record: { readonly [Type in Observation['type']]?: (seen: never) => void } = {
    attempt({
      outcomes,
      durationMs,
      profile,
      acceptedAt,
      endedAt,
    }: Extract<Observation, { type: 'attempt' }>) {
      const profileName = profile === undefined ? undefined : profiles.nameOf(profile);
      for (const outcome of outcomes) {
        const provider = providers.nameOf(outcome.host);
        const category = 'category' in outcome ? outcome.category : 'none';
        recipients.add(1, profileName, outcome.status, category, provider);
        if (outcome.status === 'delivered' && acceptedAt !== undefined) {
          deliveryTime.record((endedAt - acceptedAt) / 1000, { provider });
        }
      }
      attemptTime.record(durationMs / 1000, { provider: providers.nameOf(outcomes[0]?.host) });
    },
    connect({ host, durationMs, errorCode }: Extract<Observation, { type: 'connect' }>) {
      const result = errorCode ?? 'ready';
      connectTime.record(durationMs / 1000, { provider: providers.nameOf(host), result });
    },
    tls({ basis, policy, result, evidence }: Extract<Observation, { type: 'tls' }>) {
      sessions.add(1, basis, policy, result, evidence?.protocol ?? 'none');
    },
    claim({ durationMs, recipients: count, kind }: Extract<Observation, { type: 'claim' }>) {
      claimed.add(count, kind);
      storeTime.record(durationMs / 1000, { operation: 'claim' });
    },
    settle({ durationMs }: Extract<Observation, { type: 'settle' }>) {
      storeTime.record(durationMs / 1000, { operation: 'settle' });
    },
    accept({ durationMs }: Extract<Observation, { type: 'accept' }>) {
      storeTime.record(durationMs / 1000, { operation: 'accept' });
    },
    webhook({ succeeded, durationMs, lagMs }: Extract<Observation, { type: 'webhook' }>) {
      callTime.record(durationMs / 1000, { result: succeeded ? 'succeeded' : 'failed' });
      if (succeeded) webhookLag.record(lagMs / 1000);
    },
    route({ status, durationMs }: Extract<Observation, { type: 'route' }>) {
      routeTime.record(durationMs / 1000, { status });
    },
    error() {
      errors.add(1);
    },
  };
  const flush = () => {
    for (const sums of counters) sums.flush();
  };
  // Callbacks run before the values of a collection are read. One must belong to an instrument, but may leave it alone.
  collected.addCallback(flush);
  const end = broker.observe((seen) => record[seen.type]?.(seen as never), {
    types: Object.keys(record) as Observation['type'][],
  });
  return () => {
    end();
    collected.removeCallback(flush);
    flush();
  };
}

/** Gauges of the queue, read when metrics are collected. */
function watchQueue(broker: InstrumentedBroker, meter: Meter): () => void {
  const depth = meter.createObservableGauge('mb.queue.recipients', { description: 'Recipients by state' });
  const age = meter.createObservableGauge('mb.queue.oldest.age', {
    ...seconds,
    description: 'How long the oldest due recipient has been due',
  });
  const paused = meter.createObservableGauge('mb.queue.sites', {
    description: 'Destinations with mail waiting, by what they do',
  });
  const troubles = meter.createObservableGauge('mb.troubles', {
    description: 'Troubles of this machine: 1 while there is one',
  });
  const health = reused(() => broker.health());
  const observe = async (result: BatchResult) => {
    const { queued, inFlight, held, unknown, oldestDueAt, sites, ...rest } = await health();
    for (const [state, count] of Object.entries({ queued, 'in-flight': inFlight, held, unknown })) {
      result.observe(depth, count, { state });
    }
    result.observe(age, oldestDueAt === undefined ? 0 : Math.max(0, Date.now() - oldestDueAt) / 1000);
    const states = { open: 0, paused: 0, suspended: 0 };
    for (const { suspended, pausedUntil = 0 } of sites) {
      states[suspended ? 'suspended' : pausedUntil > Date.now() ? 'paused' : 'open']++;
    }
    for (const [state, count] of Object.entries(states)) result.observe(paused, count, { state });
    result.observe(troubles, rest.portBlocked === undefined ? 0 : 1, { kind: 'port-blocked' });
    result.observe(troubles, rest.resolverTrouble === undefined ? 0 : 1, { kind: 'resolver' });
    result.observe(troubles, rest.localTroubles?.length ?? 0, { kind: 'local' });
  };
  const instruments = [depth, age, paused, troubles];
  // A broker without a store has no queue, and a store may fail: then nothing is reported.
  const quiet = (result: BatchResult) => observe(result).catch(() => {});
  meter.addBatchObservableCallback(quiet, instruments);
  return () => meter.removeBatchObservableCallback(quiet, instruments);
}

/** How late webhooks are, read when metrics are collected. */
function watchWebhooks(broker: InstrumentedBroker, meter: Meter): () => void {
  const gauge = meter.createObservableGauge('mb.webhook.oldest.age', {
    ...seconds,
    description: 'Age of the oldest event that a webhook has not taken',
  });
  const names = new BoundedNames(mostWebhooks, 1);
  const lags = reused(() => broker.webhooks.lags());
  const observe = async (result: ObservableResult) => {
    const worst = new Map<string, number>();
    // The latest first: those get names before others.
    for (const { id, lagMs } of await lags()) {
      const name = names.nameOf(id);
      worst.set(name, Math.max(lagMs, worst.get(name) ?? 0));
    }
    for (const [webhook, lagMs] of worst) result.observe(lagMs / 1000, { webhook });
  };
  // As in the gauges of the queue.
  const quiet = (result: ObservableResult) => observe(result).catch(() => {});
  gauge.addCallback(quiet);
  return () => gauge.removeCallback(quiet);
}

/** Reads something at most every {@link healthMs}, and after a failure at once. */
function reused<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let known: Promise<Value> | undefined;
  let until = 0;
  return async () => {
    if (known === undefined || Date.now() > until) {
      known = read();
      until = Date.now() + healthMs;
      known.catch(() => {
        until = 0;
      });
    }
    return known;
  };
}

type BatchResult = Parameters<Parameters<Meter['addBatchObservableCallback']>[0]>[0];

/** How late timers of this process are. */
function watchEventLoop(gauge: ObservableGauge): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const observe = (result: ObservableResult) => {
    for (const percentile of [50, 99]) {
      const late = Math.max(0, delay.percentile(percentile) / 1e9 - 0.02);
      result.observe(late, { percentile: String(percentile) });
    }
    delay.reset();
  };
  gauge.addCallback(observe);
  return () => {
    gauge.removeCallback(observe);
    delay.disable();
  };
}

function createEventLoopGauge(meter: Meter): ObservableGauge {
  return meter.createObservableGauge('mb.event_loop.delay', {
    ...seconds,
    description: 'Delay of timers since the last collection, by percentile',
  });
}
