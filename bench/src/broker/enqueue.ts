import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Contender, Field, ToldOutput } from '../harness/row.ts';
import type { Sink } from '../smtp/sink.ts';
import { FloorQueue } from './floor-queue.ts';
import { quantile } from './quantile.ts';
import {
  arrival,
  checkEmpty,
  checkTaken,
  inParallel,
  message,
  type OurQueue,
  openOf,
  openOurs,
  startSink,
} from './queue.ts';

/** How long an application waits until its messages are on the disk, while those before are delivered. */
export interface EnqueueTask {
  /** Tells what this share of the acceptances takes at most: 0.5 or 0.99. */
  readonly share: number;
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
  let queue: Promise<OurQueue> | undefined;
  let floor: FloorQueue | undefined;
  const contenders: Contender[] = [
    {
      name: '@mb/broker',
      role: 'ours',
      run: async () => {
        queue ??= openOurs(sink.port, path.join(folder, 'ours.db'));
        const { broker } = await queue;
        return enqueueAll(task, sink, () => broker.enqueue(message));
      },
      check: (output) => check(output, task.count, async () => openOf((await queue!).broker)),
      close: async () => {
        const open = await queue;
        await open?.broker.stop({ graceMs: 1000 });
        await open?.store.close();
      },
    },
    {
      name: 'floor: SQLite + overlap',
      role: 'limit',
      run: () => {
        floor ??= new FloorQueue(path.join(folder, 'floor.db'), sink.port);
        return enqueueAll(task, sink, () => floor!.accept());
      },
      check: (output) => check(output, task.count, async () => floor!.depth),
      close: () => floor?.close(),
    },
  ];
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
  { share, callers, count }: EnqueueTask,
  sink: Sink,
  accept: () => Promise<unknown>,
): Promise<Enqueued> {
  const arrived = arrival(sink, count);
  const times: number[] = [];
  await inParallel(count, callers, async () => {
    const start = performance.now();
    await accept();
    times.push(performance.now() - start);
  });
  return { told: quantile(times, share) * 1000, taken: await arrived };
}

async function check(
  output: unknown,
  count: number,
  depth: () => Promise<number>,
): Promise<string | undefined> {
  return checkTaken((output as Enqueued).taken, count) ?? (await checkEmpty(depth));
}
