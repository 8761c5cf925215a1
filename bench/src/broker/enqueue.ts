import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { forEachLimit } from '../harness/parallel.ts';
import { type QuantileMetric, quantile } from '../harness/quantile.ts';
import type { Field, ToldOutput } from '../harness/row.ts';
import type { Sink } from '../smtp/sink.ts';
import { ownQueues } from './own-queues.ts';
import { arrival, checkTaken, startSink } from './queue.ts';

/** How long an application waits until its messages are on the disk, while those before are delivered. */
export interface EnqueueTask {
  /** What is reported of the acceptances. */
  readonly metric: QuantileMetric;
  /** Acceptances that are waited for at a time. */
  readonly callers: number;
  readonly count: number;
  readonly withoutServers: boolean;
}

interface Enqueued extends ToldOutput {
  readonly taken: number;
}

export async function enqueueField(task: EnqueueTask): Promise<Field> {
  const sink = await startSink(task.withoutServers);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-enqueue-'));
  const contenders = ownQueues(sink, folder, {
    run: (accept) => enqueueAll(task, sink, accept),
    check: ({ taken }) => checkTaken(taken, task.count),
  });
  return {
    contenders,
    operationsPerRun: task.count,
    close: async () => {
      await sink.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function enqueueAll(
  { metric, callers, count }: EnqueueTask,
  sink: Sink,
  accept: () => Promise<unknown>,
): Promise<Enqueued> {
  const arrived = arrival(sink, count);
  const times: number[] = [];
  await forEachLimit(Array.from({ length: count }), callers, async () => {
    const start = performance.now();
    await accept();
    times.push(performance.now() - start);
  });
  return { told: quantile(times, metric) * 1000, taken: await arrived };
}
