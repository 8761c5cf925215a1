import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { MailBroker } from '@mb/broker';
import { instrument } from '@mb/broker/telemetry';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { forEachLimit } from '../harness/parallel.ts';
import type { Contender, Field } from '../harness/row.ts';
import { openOurs, queueContender } from './own-queues.ts';
import { arrival, checkTaken, startSink } from './queue.ts';

/** Messages that wait for their acceptance at a time. */
const IN_FLIGHT = 64;

/** Metrics that are collected on request, as `/metrics` does. */
class AskedReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/** What telemetry costs: messages accepted durably and delivered, by brokers that are measured or not. */
export async function telemetryField(
  count: number,
  withSdk: boolean,
  withoutServers: boolean,
): Promise<Field> {
  const sink = await startSink(withoutServers);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-telemetry-'));
  const task = {
    run: async (accept: () => Promise<unknown>) => {
      const arrived = arrival(sink, count);
      await forEachLimit(Array.from({ length: count }), IN_FLIGHT, accept);
      return await arrived;
    },
    check: (taken: number) => checkTaken(taken, count),
  };
  const open = (name: string, measure: (broker: MailBroker) => void) => () =>
    openOurs(sink.port, path.join(folder, `${name}.db`), measure);
  const contenders: Contender[] = [
    queueContender(
      withSdk ? 'instrument(), metrics SDK' : 'instrument(), no SDK',
      'ours',
      task,
      open('measured', withSdk ? measureWithSdk : (broker) => void instrument(broker)),
    ),
    queueContender(
      'not measured',
      'limit',
      task,
      open('plain', () => {}),
    ),
  ];
  return {
    contenders,
    operationsPerRun: count,
    close: async () => {
      await sink.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function measureWithSdk(broker: MailBroker): void {
  const provider = new MeterProvider({ readers: [new AskedReader()] });
  instrument(broker, { meter: provider.getMeter('@mb/broker') });
}
