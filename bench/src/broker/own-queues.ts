import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import type { Contender } from '../harness/row.ts';
import { CLIENT, MESSAGE, RECIPIENT, SENDER } from '../smtp/payload.ts';
import type { Sink } from '../smtp/sink.ts';
import { FloorQueue } from './floor-queue.ts';

/** What a row does with a queue in this process. */
export interface QueueTask<Output> {
  /** Gives messages to the queue, each accepted when its promise resolves, until the sink has them all. */
  run(accept: () => Promise<unknown>): Promise<Output>;
  /** Tells what is wrong with an output. */
  check(output: Output): string | undefined;
}

/** Our broker and the floor, both delivering to one sink; a queue is opened with its first run. */
export function ownQueues<Output>(
  sink: Sink,
  folder: string,
  task: QueueTask<Output>,
): [ours: Contender, floor: Contender] {
  return [
    queueContender('@mb/broker', 'ours', task, () => openOurs(sink.port, path.join(folder, 'ours.db'))),
    queueContender('floor: SQLite + overlap', 'limit', task, async () =>
      floorQueue(new FloorQueue(path.join(folder, 'floor.db'), sink.port)),
    ),
  ];
}

export function floorQueue(queue: FloorQueue): OpenQueue {
  return { accept: () => queue.accept(), depth: async () => queue.depth, close: () => queue.close() };
}

/** A queue at work. */
export interface OpenQueue {
  accept(): Promise<unknown>;
  /** Messages that still have to be delivered, or whose delivery is not written down yet. */
  depth(): Promise<number>;
  close(): Promise<void>;
}

/** A contender whose queue is opened with its first run, and must be empty after each. */
function queueContender<Output>(
  name: string,
  role: 'ours' | 'limit',
  task: QueueTask<Output>,
  open: () => Promise<OpenQueue>,
): Contender {
  let opened: Promise<OpenQueue> | undefined;
  return {
    name,
    role,
    run: async () => {
      opened ??= open();
      const queue = await opened;
      return await task.run(() => queue.accept());
    },
    check: async (output) => task.check(output as Output) ?? (await checkEmpty(await opened!)),
    close: async () => (await opened)?.close(),
  };
}

/** A broker at work that delivers all to one port; without one it delivers nothing. */
export async function openOurs(
  port: number | undefined,
  file: string,
  prepare: (broker: MailBroker) => void = () => {},
): Promise<OpenQueue> {
  const store = new SqliteStore(file);
  await store.open();
  const broker = new MailBroker({
    hostname: CLIENT,
    store,
    delivery: {
      routes: { '*': { type: 'smarthost', host: '[127.0.0.1]', port: port ?? 25, tls: 'none' } },
    },
  });
  prepare(broker);
  if (port !== undefined) broker.start();
  const message = { raw: MESSAGE, envelope: { from: SENDER, to: [RECIPIENT] } };
  return {
    accept: () => broker.enqueue(message),
    async depth() {
      const { queued, inFlight } = await broker.health();
      return queued + inFlight;
    },
    async close() {
      await broker.stop({ graceMs: 1000 });
      await store.close();
    },
  };
}

/** What was delivered must leave the queue too, or it would be delivered again. */
export async function checkEmpty(queue: OpenQueue): Promise<string | undefined> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await queue.depth()) === 0) return undefined;
    await sleep(20);
  }
  return `${await queue.depth()} messages are still in the queue`;
}
