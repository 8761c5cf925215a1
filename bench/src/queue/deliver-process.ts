/** Child process that delivers what waits in PostgreSQL until its parent is gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MailBroker } from '@mb/broker';
import { PostgresStore } from '@mb/queue-postgres';
import { createTransport } from 'nodemailer';
import { PgBoss } from 'pg-boss';
import { CLIENT, SENDER } from '../smtp/payload.ts';
import {
  bossQueue,
  connectionsOf,
  type DeliverOrder,
  hostOf,
  type MailJob,
  routesOf,
  schemaOf,
} from './deliver-task.ts';

/** Connections to the server of each process. */
const poolSize = 10;
/** Jobs that pg-boss fetches and completes at a time, and how often at once. */
const batchSize = 20;
const loops = 4;

const order = JSON.parse(process.argv[2]!) as DeliverOrder;
process.once('disconnect', () => process.exit());
await (order.engine === 'ours' ? startOurs() : startBoss());
process.send!('ready');

async function startOurs(): Promise<void> {
  const connections = connectionsOf(order);
  const store = new PostgresStore({
    connection: { connectionString: order.url, max: poolSize },
    schema: schemaOf.ours,
    limits: { startConcurrency: connections, maxConcurrency: connections },
  });
  await store.open();
  new MailBroker({ hostname: CLIENT, store, delivery: { routes: routesOf(order) } }).start();
}

async function startBoss(): Promise<void> {
  const boss = new PgBoss({
    connectionString: order.url,
    schema: schemaOf.boss,
    max: poolSize,
    supervise: false,
    schedule: false,
  });
  boss.on('error', () => {});
  await boss.start();
  const share = Math.max(1, Math.floor(connectionsOf(order) / order.workers));
  const transports = Array.from({ length: order.destinations }, (_, at) =>
    createTransport({
      pool: true,
      host: hostOf(at),
      port: order.port,
      name: CLIENT,
      ignoreTLS: true,
      maxConnections: share,
      maxMessages: Number.POSITIVE_INFINITY,
    }),
  );
  const deliver = async (): Promise<void> => {
    for (;;) {
      const jobs = await boss.fetch<MailJob>(bossQueue, { batchSize });
      await Promise.all(
        jobs.map(({ data }) =>
          transports[data.destination]!.sendMail({
            envelope: { from: SENDER, to: [data.address] },
            raw: Buffer.from(data.content, 'base64'),
          }),
        ),
      );
      if (jobs.length === 0) await sleep(5);
      else
        await boss.complete(
          bossQueue,
          jobs.map(({ id }) => id),
        );
    }
  };
  for (let loop = 0; loop < loops; loop++) void deliver();
}
