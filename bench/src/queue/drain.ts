import { setTimeout as sleep } from 'node:timers/promises';
import { CAP, type Engine } from './engine.ts';

/** A queue from which nothing can be claimed for this long has lost something. */
const STALLED_MS = 30_000;

/** What came of emptying a queue. */
export interface Drained {
  /** How often each address was claimed. */
  readonly claimed: ReadonlyMap<string, number>;
  /** Most connections that a destination had at a time. */
  readonly mostConnections: number;
  /** What each claim that gave something took, in milliseconds. */
  readonly claimMs: readonly number[];
}

/**
 * Claims and settles with this many workers until `count` messages are settled. Several workers hold each batch for a
 * moment, as if they delivered it, so that destinations come to their caps.
 */
export async function drain(engine: Engine, workers: number, count: number): Promise<Drained> {
  const claimed = new Map<string, number>();
  const open = new Map<string, number>();
  const claimMs: number[] = [];
  let mostConnections = 0;
  let settled = 0;
  let latest = performance.now();
  const work = async (worker: string): Promise<void> => {
    while (settled < count) {
      const start = performance.now();
      const batch = await engine.claim(worker);
      if (batch === null) {
        // What is left is in the hands of others.
        if (performance.now() - latest > STALLED_MS) throw new Error(`${count - settled} messages are stuck`);
        await sleep(1);
        continue;
      }
      latest = performance.now();
      claimMs.push(latest - start);
      for (const address of batch.addresses) claimed.set(address, (claimed.get(address) ?? 0) + 1);
      for (const site of batch.connections) {
        const now = (open.get(site) ?? 0) + 1;
        open.set(site, now);
        mostConnections = Math.max(mostConnections, now);
      }
      if (workers > 1) await sleep(1);
      const settling = batch.settle();
      for (const site of batch.connections) open.set(site, open.get(site)! - 1);
      await settling;
      settled += batch.addresses.length;
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, i) => work(`w${i}`)));
  return { claimed, mostConnections, claimMs };
}

/** What is wrong with an emptied queue, or undefined. */
export function checkDrained(drained: Drained, addresses: readonly string[]): string | undefined {
  const missing = addresses.filter((address) => !drained.claimed.has(address)).length;
  if (missing > 0) return `${missing} of ${addresses.length} messages were never claimed`;
  const twice = [...drained.claimed.values()].filter((times) => times > 1).length;
  if (twice > 0) return `${twice} messages were claimed more than once`;
  if (drained.claimed.size > addresses.length) return 'messages were claimed that were never put in';
  if (drained.mostConnections > CAP)
    return `${drained.mostConnections} at a time to one destination that takes ${CAP}`;
  return undefined;
}

/**
 * New addresses, each only once: a few destinations get most of the mail, as Zipf's law has it.
 *
 * @param batch  tells the messages of one filling from those of the next.
 */
export function addressesOf(count: number, destinations: number, batch: number): string[] {
  const shares = Array.from({ length: destinations }, (_, i) => 1 / (i + 1));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let destination = 0;
  let reached = shares[0]! / total;
  const addresses = Array.from({ length: count }, (_, n) => {
    while ((n + 0.5) / count > reached && destination < destinations - 1)
      reached += shares[++destination]! / total;
    return `u${batch}-${n}@d${destination}.example.net`;
  });
  return addresses.sort((a, b) => order(a) - order(b) || a.localeCompare(b));
}

/** Mixes the destinations, the same way each time. */
function order(address: string): number {
  let hash = 0;
  for (let i = 0; i < address.length; i++) hash = (Math.imul(hash, 31) + address.charCodeAt(i)) >>> 0;
  return hash;
}
