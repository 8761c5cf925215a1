import type { Contender, Field } from '../harness/row.ts';
import { openBoss } from './boss.ts';
import { addressesOf, checkDrained, type Drained, drain } from './drain.ts';
import type { Engine } from './engine.ts';
import { openOurs } from './ours.ts';
import { openPrototype } from './prototype.ts';
import { type BenchServer, startBenchServer } from './server.ts';

const DESTINATIONS = 200;

/** Empties queues of 5 kB messages to destinations that take two connections each. */
export async function claimCompleteField(count: number, workers: number): Promise<Field> {
  const server = await startBenchServer();
  const contenders: Contender[] = [];
  for (const engine of await openEngines(server, workers))
    contenders.push(await drainContender(engine, workers, count, DESTINATIONS));
  return { contenders, operationsPerRun: count, close: () => server.close() };
}

/** Ours, the peer and the limit, each with its own tables on one server. */
export async function openEngines(server: BenchServer, workers: number): Promise<Engine[]> {
  return [
    await openOurs(server, 'ours', '@mb/queue-postgres', 'ours', workers),
    await openBoss(server, workers),
    await openPrototype(server, 'prototype', workers),
  ];
}

/** Runs empty the queue; it is filled again outside of the measured time. */
export async function drainContender(
  engine: Engine,
  workers: number,
  count: number,
  destinations: number,
): Promise<Contender> {
  let batch = 0;
  let addresses: string[] = [];
  const fill = async () => {
    addresses = addressesOf(count, destinations, batch++);
    await engine.fill(addresses);
  };
  await fill();
  return {
    name: engine.name,
    role: engine.role,
    ...(engine.package !== undefined && { package: engine.package }),
    run: () => drain(engine, workers, count),
    async check(output) {
      const wrong = checkDrained(output as Drained, addresses);
      await fill();
      return wrong;
    },
    close: () => engine.close(),
  };
}
