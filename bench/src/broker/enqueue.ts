import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { forEachLimit } from '../harness/parallel.ts';
import { type QuantileMetric, quantile } from '../harness/quantile.ts';
import type { Contender, Field, ToldOutput } from '../harness/row.ts';
import type { Sink } from '../smtp/sink.ts';
import { FloorQueue } from './floor-queue.ts';
import { floorQueue, type OpenQueue, openOurs, ownQueues } from './own-queues.ts';
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

async function enqueueAll(task: EnqueueTask, sink: Sink, accept: () => Promise<unknown>): Promise<Enqueued> {
  const arrived = arrival(sink, task.count);
  const told = await timeOf(task, accept);
  return { told, taken: await arrived };
}

/** The same while nothing is delivered: what an application pays that leaves delivery to another process. */
export async function enqueueAloneField(task: EnqueueTask): Promise<Field> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-enqueue-'));
  return {
    contenders: [
      alone('@mb/broker', 'ours', task, () => openOurs(undefined, path.join(folder, 'ours.db'))),
      alone('floor: SQLite + overlap', 'limit', task, async () =>
        floorQueue(new FloorQueue(path.join(folder, 'floor.db'))),
      ),
    ],
    operationsPerRun: task.count,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function alone(
  name: string,
  role: 'ours' | 'limit',
  task: EnqueueTask,
  open: () => Promise<OpenQueue>,
): Contender {
  let opened: Promise<OpenQueue> | undefined;
  let accepted = 0;
  return {
    name,
    role,
    run: async () => {
      opened ??= open();
      const queue = await opened;
      const told = await timeOf(task, () => queue.accept());
      accepted += task.count;
      return { told, taken: await queue.depth() };
    },
    check: (output) => checkTaken((output as Enqueued).taken, accepted),
    close: async () => (await opened)?.close(),
  };
}

/** Microseconds that most acceptances take. */
async function timeOf(
  { metric, callers, count }: EnqueueTask,
  accept: () => Promise<unknown>,
): Promise<number> {
  const times: number[] = [];
  await forEachLimit(Array.from({ length: count }), callers, async () => {
    const start = performance.now();
    await accept();
    times.push(performance.now() - start);
  });
  return quantile(times, metric) * 1000;
}
