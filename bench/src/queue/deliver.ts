import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MailQueue } from '@mb/broker';
import { PostgresStore } from '@mb/queue-postgres';
import { PgBoss } from 'pg-boss';
import { arrival, checkTaken } from '../broker/queue.ts';
import { measuringFlags } from '../harness/measuring-flags.ts';
import { forEachLimit } from '../harness/parallel.ts';
import type { Contender, Field } from '../harness/row.ts';
import { MESSAGE, SENDER } from '../smtp/payload.ts';
import { type Sink, startOwnSink } from '../smtp/sink.ts';
import {
  bossQueue,
  type DeliverOrder,
  type DeliverTask,
  domainOfDestination,
  type MailJob,
  schemaOf,
} from './deliver-task.ts';
import { type BenchServer, startBenchServer } from './server.ts';

/** Messages that wait for their acceptance at a time. */
const accepting = 64;

/** A queue that takes messages; other processes deliver them. */
interface Accepting {
  accept(destination: number): Promise<unknown>;
  /** Messages that are not written down as delivered. */
  left(): Promise<number>;
  close(): Promise<void>;
}

/** Messages accepted durably in PostgreSQL and delivered by processes of their own, ours and pg-boss's. */
export async function deliverField(task: DeliverTask): Promise<Field> {
  const server = await startBenchServer({ max_connections: '150' });
  const sink = await startOwnSink({ chunking: false, host: '0.0.0.0' });
  return {
    contenders: [
      contender('@mb/queue-postgres', 'ours', sink, server, task, openOurs),
      contender('pg-boss + nodemailer pool', 'boss', sink, server, task, openBoss),
    ],
    operationsPerRun: task.count,
    close: async () => {
      await server.close();
      await sink.stop();
    },
  };
}

function contender(
  name: string,
  engine: DeliverOrder['engine'],
  sink: Sink,
  server: BenchServer,
  task: DeliverTask,
  open: (server: BenchServer) => Promise<Accepting>,
): Contender {
  const start = async () => {
    const queue = await open(server);
    const order = { ...task, engine, url: server.url, port: sink.port };
    return { queue, workers: await startWorkers(order) };
  };
  let started: ReturnType<typeof start> | undefined;
  return {
    name,
    role: engine === 'ours' ? 'ours' : 'peer',
    ...(engine === 'boss' && { package: 'pg-boss' }),
    external: true,
    run: async () => {
      started ??= start();
      const { queue } = await started;
      const arrived = arrival(sink, task.count);
      await forEachLimit(
        Array.from({ length: task.count }, (_, at) => at),
        accepting,
        (at) => queue.accept(at % task.destinations),
      );
      return await arrived;
    },
    check: async (taken) =>
      checkTaken(taken as number, task.count) ?? (await checkEmpty((await started!).queue)),
    close: async () => {
      if (!started) return;
      const { queue, workers } = await started;
      await workers.stop();
      await queue.close();
    },
  };
}

async function startWorkers(order: DeliverOrder): Promise<{ stop(): Promise<unknown> }> {
  const file = fileURLToPath(new URL('./deliver-process.ts', import.meta.url));
  const workers = Array.from({ length: order.workers }, () =>
    fork(file, [JSON.stringify(order)], { execArgv: measuringFlags }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return {
    stop: () =>
      Promise.all(
        workers.map(async (worker) => {
          const gone = once(worker, 'exit');
          worker.kill('SIGKILL');
          await gone;
        }),
      ),
  };
}

async function openOurs(server: BenchServer): Promise<Accepting> {
  const store = new PostgresStore({
    connection: { connectionString: server.url, max: 10 },
    schema: schemaOf.ours,
  });
  await store.open();
  const queue = new MailQueue({ store });
  return {
    accept: (destination) =>
      queue.enqueue({ raw: MESSAGE, envelope: { from: SENDER, to: [addressAt(destination)] } }),
    async left() {
      const { queued, inFlight } = await store.stats();
      return queued + inFlight;
    },
    async close() {
      await queue.close();
      await store.close();
    },
  };
}

async function openBoss(server: BenchServer): Promise<Accepting> {
  const boss = new PgBoss({
    connectionString: server.url,
    schema: schemaOf.boss,
    max: 10,
    supervise: false,
    schedule: false,
  });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue(bossQueue);
  const content = MESSAGE.toString('base64');
  return {
    accept: (destination) =>
      boss.send(bossQueue, { destination, address: addressAt(destination), content } satisfies MailJob),
    async left() {
      const [row] = await server.query<{ left: number }>(
        `SELECT count(*)::int AS left FROM ${schemaOf.boss}.job WHERE name = '${bossQueue}' AND state < 'completed'`,
      );
      return row!.left;
    },
    close: () => boss.stop({ graceful: false }),
  };
}

function addressAt(destination: number): string {
  return `jane@${domainOfDestination(destination)}`;
}

/** What was delivered must leave the queue too, or it would be delivered again. */
async function checkEmpty(queue: Accepting): Promise<string | undefined> {
  for (let tries = 0; ; tries++) {
    const left = await queue.left();
    if (left === 0) return undefined;
    if (tries > 100) return `${left} messages are still in the queue`;
    await sleep(20);
  }
}
