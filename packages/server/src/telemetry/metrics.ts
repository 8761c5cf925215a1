import type { MailBroker } from '@mb/broker';
import { instrument } from '@mb/broker/telemetry';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** Instruments in seconds: Prometheus wants the unit at the end of the name. */
const timed = [
  'mb.attempt.duration',
  'mb.connection.duration',
  'mb.delivery.duration',
  'mb.event_loop.delay',
  'mb.queue.oldest.age',
  'mb.route.duration',
  'mb.store.duration',
  'mb.webhook.duration',
  'mb.webhook.lag',
  'mb.webhook.oldest.age',
];

/** The metrics of the broker that works now, in the text format of Prometheus. */
export class Metrics {
  readonly #exporter = new PrometheusExporter({ preventServerStart: true });
  readonly #provider = new MeterProvider({
    readers: [this.#exporter],
    views: timed.map((instrumentName) => ({ instrumentName, name: `${instrumentName}.seconds` })),
  });
  readonly #serializer = new PrometheusSerializer('', false, undefined, true, true);
  #end: () => void;

  constructor(broker: MailBroker) {
    this.#end = this.#instrument(broker);
  }

  /** Measures another broker from now on. */
  replace(broker: MailBroker): void {
    this.#end();
    this.#end = this.#instrument(broker);
  }

  /** The metrics as text. */
  async text(): Promise<string> {
    const { resourceMetrics } = await this.#exporter.collect();
    return this.#serializer.serialize(resourceMetrics);
  }

  async close(): Promise<void> {
    this.#end();
    await this.#provider.shutdown();
  }

  #instrument(broker: MailBroker): () => void {
    return instrument(broker, { meter: this.#provider.getMeter('@mb/broker') });
  }
}
