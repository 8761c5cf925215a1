import { PgBoss } from 'pg-boss';
import { MESSAGE } from '../smtp/payload.ts';
import { BATCH, CAP, CLOGGED, domainOf, type Engine } from './engine.ts';
import { type BenchServer, schemaBytes } from './server.ts';

const QUEUE = 'mail';
const SCHEMA = 'boss';
const INSERTED_AT_A_TIME = 5000;

interface Mail {
  readonly address: string;
  readonly content: string;
}

/**
 * pg-boss with one queue, the domain as the job's group and its `groupConcurrency`, the only cap by destination that
 * it has. Jobs are fetched and completed 20 at a time, which is the fast way; each of them counts against the cap.
 */
export async function openBoss(server: BenchServer, connections: number): Promise<Engine> {
  const boss = new PgBoss({
    connectionString: server.url,
    schema: SCHEMA,
    max: connections,
    supervise: false,
    schedule: false,
  });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue(QUEUE);
  // jsonb has neither octets nor NUL.
  const content = MESSAGE.toString('base64');
  return {
    name: 'pg-boss groupConcurrency',
    role: 'peer',
    package: 'pg-boss',
    async fill(addresses) {
      await boss.insert(
        QUEUE,
        addresses.map((address) => ({ data: { address, content }, group: { id: domainOf(address) } })),
      );
    },
    async claim() {
      const jobs = await boss.fetch<Mail>(QUEUE, { batchSize: BATCH, groupConcurrency: CAP });
      if (jobs.length === 0) return null;
      return {
        addresses: jobs.map(({ data }) => data.address),
        connections: jobs.map(({ data }) => domainOf(data.address)),
        settle: async () =>
          void (await boss.complete(
            QUEUE,
            jobs.map(({ id }) => id),
          )),
      };
    },
    async clog(rows) {
      for (let n = 0; n < rows; n += INSERTED_AT_A_TIME) {
        const waiting = { data: { address: `u@${CLOGGED}` }, group: { id: CLOGGED } };
        await boss.insert(QUEUE, Array(Math.min(INSERTED_AT_A_TIME, rows - n)).fill(waiting));
      }
      await boss.fetch(QUEUE, { batchSize: CAP, groupConcurrency: CAP });
      await server.query(`VACUUM (FREEZE, ANALYZE) ${SCHEMA}.job`);
    },
    bytes: () => schemaBytes(server, SCHEMA),
    close: () => boss.stop({ graceful: false }),
  };
}
