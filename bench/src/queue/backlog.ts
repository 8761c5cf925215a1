import { quantile } from '../harness/quantile.ts';
import type { Absence, Contender, Field } from '../harness/row.ts';
import { openBoss } from './boss.ts';
import { drainContender } from './claim-complete.ts';
import type { Drained } from './drain.ts';
import type { Engine } from './engine.ts';
import { openOurs } from './ours.ts';
import { openPrototype } from './prototype.ts';
import { startBenchServer } from './server.ts';

/** Alone, so that claims do not wait for others. */
const WORKERS = 1;
/** As many as there are claims in a run: one message for each. */
const DESTINATIONS = 400;

/**
 * What a claim takes while one destination, which has all the connections it may have, has this many messages waiting
 * that are due: the normal state of a large receiver. Beside it the same store with nothing waiting.
 *
 * @param peers  whether the others take part, which takes minutes from a million on.
 */
export async function backlogField(rows: number, peers: boolean): Promise<Field> {
  const server = await startBenchServer();
  const waiting = `${rows.toLocaleString('en')} waiting`;
  const clogged: Engine[] = [
    await openOurs(server, 'clogged', `@mb/queue-postgres, ${waiting}`, 'ours', WORKERS),
  ];
  const absent: Absence[] = [];
  if (peers) {
    clogged.push(await openBoss(server, WORKERS), await openPrototype(server, 'prototype', WORKERS));
  } else absent.push({ name: 'pg-boss', reason: 'takes part in queue/claim-backlog-1m' });
  const contenders: Contender[] = [];
  for (const engine of clogged) {
    await engine.clog(rows);
    contenders.push(await claimContender(engine, engine.role === 'peer' ? 40 : DESTINATIONS));
  }
  const empty = await openOurs(server, 'empty', 'the same, nothing waiting', 'limit', WORKERS);
  contenders.push(await claimContender(empty, DESTINATIONS));
  return { contenders, absent, close: () => server.close() };
}

/** Tells the 99th percentile of its claims. */
async function claimContender(engine: Engine, claims: number): Promise<Contender> {
  const contender = await drainContender(engine, WORKERS, claims, claims);
  return {
    ...contender,
    async run() {
      const drained = (await contender.run()) as Drained;
      return { ...drained, told: quantile(drained.claimMs, 'p99') * 1000 };
    },
  };
}
