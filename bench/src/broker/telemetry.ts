import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { MailBroker } from '@mb/broker';
import { instrument } from '@mb/broker/telemetry';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { forEachLimit } from '../harness/parallel.ts';
import type { Contender, Field } from '../harness/row.ts';
import { checkEmpty, type OpenQueue, openOurs } from './own-queues.ts';
import { arrival, checkTaken, startSink } from './queue.ts';

/** Messages that wait for their acceptance at a time. */
const IN_FLIGHT = 64;

/** Metrics that are collected on request, as `/metrics` does. */
class AskedReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/**
 * What telemetry costs: messages accepted durably and delivered by one broker, which is measured in the samples of one
 * contender and not in those of the other.
 *
 * It is one broker in one process, since two processes that do the same differ by more than what is to be shown: in what
 * was compiled when, and in the state of their files.
 */
export async function telemetryField(
  count: number,
  withSdk: boolean,
  withoutServers: boolean,
): Promise<Field> {
  const sink = await startSink(withoutServers);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-telemetry-'));
  const telemetry = new SwitchedTelemetry(withSdk);
  let opened: Promise<OpenQueue> | undefined;
  const open = () => {
    opened ??= openOurs(sink.port, path.join(folder, 'queue.db'), (broker) => telemetry.watch(broker));
    return opened;
  };
  const contender = (name: string, role: 'ours' | 'limit', isMeasured: boolean): Contender<number> => ({
    name,
    role,
    prepare: async () => {
      await open();
      telemetry.switch(isMeasured);
    },
    run: async () => {
      const queue = await open();
      const arrived = arrival(sink, count);
      await forEachLimit(Array.from({ length: count }), IN_FLIGHT, () => queue.accept());
      return await arrived;
    },
    check: async (taken) =>
      checkTaken(taken, count) ??
      (await checkEmpty(await open())) ??
      (await telemetry.checkCounted(isMeasured ? count : 0)),
  });
  return {
    contenders: [
      contender(withSdk ? 'instrument(), metrics SDK' : 'instrument(), no SDK', 'ours', true),
      contender('not measured', 'limit', false),
    ],
    operationsPerRun: count,
    close: async () => {
      telemetry.switch(false);
      await (await opened)?.close();
      await sink.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Telemetry of a broker that is switched on and off. */
class SwitchedTelemetry {
  readonly #reader: AskedReader | undefined;
  readonly #provider: MeterProvider | undefined;
  #broker: MailBroker | undefined;
  #end: (() => void) | undefined;
  #counted = 0;

  constructor(withSdk: boolean) {
    if (!withSdk) return;
    this.#reader = new AskedReader();
    this.#provider = new MeterProvider({ readers: [this.#reader] });
  }

  watch(broker: MailBroker): void {
    this.#broker = broker;
  }

  switch(isOn: boolean): void {
    if (isOn === (this.#end !== undefined)) return;
    this.#end?.();
    this.#end = isOn
      ? instrument(this.#broker!, { meter: this.#provider?.getMeter('@mb/broker') })
      : undefined;
  }

  /** Collects the metrics, and tells when they have not grown by this many deliveries. */
  async checkCounted(expected: number): Promise<string | undefined> {
    if (this.#reader === undefined) return undefined;
    const { resourceMetrics } = await this.#reader.collect();
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    const points = metrics.find(({ descriptor }) => descriptor.name === 'mb.attempt.recipients')?.dataPoints;
    const all = (points ?? []).reduce((sum, { value }) => sum + (value as number), 0);
    const counted = all - this.#counted;
    this.#counted = all;
    return counted === expected ? undefined : `${counted} deliveries were counted instead of ${expected}`;
  }
}
