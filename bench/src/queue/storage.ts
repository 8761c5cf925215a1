import type { Contender, Field } from '../harness/row.ts';
import { drainContender, openEngines } from './claim-complete.ts';
import type { Engine } from './engine.ts';
import { openOurs } from './ours.ts';
import { type BenchServer, startBenchServer } from './server.ts';

const WORKERS = 4;
const DESTINATIONS = 50;
/** Dead rows beyond this say that vacuum does not follow. */
const MOST_DEAD_ROWS = 50_000;

/** What a delivered message leaves in the tables until it is purged, content included. */
export async function storageField(count: number): Promise<Field> {
  const server = await startBenchServer();
  const contenders: Contender[] = [];
  for (const engine of await openEngines(server, WORKERS))
    contenders.push(await growthContender(server, engine, count));
  return { contenders, close: () => server.close() };
}

/** Tells by how much a run and the filling before it made the tables grow, for each message. */
async function growthContender(server: BenchServer, engine: Engine, count: number): Promise<Contender> {
  let before = await engine.bytes();
  const contender = await drainContender(engine, WORKERS, count, DESTINATIONS);
  return {
    ...contender,
    async run() {
      const drained = (await contender.run()) as object;
      return { ...drained, told: ((await engine.bytes()) - before) / count };
    },
    async check(output) {
      await server.query('VACUUM');
      before = await engine.bytes();
      return contender.check(output);
    },
  };
}

/** The tables while mail comes, goes and is purged, over and over: they should stay as they were at first. */
export async function churnField(count: number): Promise<Field> {
  // Once a minute is usual; here a minute's mail comes every second.
  const server = await startBenchServer({ autovacuum_naptime: '1s' });
  const engine = await openOurs(server, 'ours', '@mb/queue-postgres', 'ours', WORKERS);
  const contender = await drainContender(engine, WORKERS, count, DESTINATIONS);
  const cycle = async () => {
    const drained = (await contender.run()) as object;
    const told = (await engine.bytes()) / count;
    await engine.purge!();
    return { ...drained, told };
  };
  const first = await cycle();
  await contender.check(first);
  return {
    contenders: [
      {
        ...contender,
        run: cycle,
        async check(output) {
          const dead = await deadRows(server, 'ours');
          const wrong = await contender.check(output);
          return wrong ?? (dead > MOST_DEAD_ROWS ? `${dead} dead rows` : undefined);
        },
      },
      { name: 'after the first cycle', role: 'limit', run: () => first, check: () => undefined },
    ],
    close: () => server.close(),
  };
}

async function deadRows(server: BenchServer, schema: string): Promise<number> {
  const [row] = await server.query<{ dead: string }>(
    'SELECT sum(n_dead_tup)::text AS dead FROM pg_stat_user_tables WHERE schemaname = $1',
    [schema],
  );
  return Number(row!.dead);
}
