import { createSeededRandom, VirtualClock } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { draft } from '../store/conformance/harness.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import type { Attempt } from './worker.ts';
import { QueueWorker } from './worker.ts';

const slots = 50;

/** A worker whose attempts at `slow…` take `slowMs` and all others 20 ms; says how many slots the slow ones held. */
function slowWorld(slowMs: number) {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock });
  const seen = { slow: 0, mostSlow: 0, delivered: new Map<string, number>() };
  const attempt: Attempt = async ({ site, messages }) => {
    const isSlow = site.startsWith('slow');
    if (isSlow) seen.mostSlow = Math.max(seen.mostSlow, ++seen.slow);
    await new Promise<void>((resolve) => clock.setTimer(resolve, isSlow ? slowMs : 20));
    if (isSlow) seen.slow--;
    const recipients = messages.flatMap((message) => message.recipients);
    for (const { address } of recipients) seen.delivered.set(address, clock.now());
    return {
      outcomes: recipients.map(({ recipientId }) => ({ recipientId, status: 'delivered' as const })),
      feedback: { kind: 'succeeded' },
    };
  };
  const random = createSeededRandom(1).random;
  const worker = new QueueWorker({ store, attempt, clock, random, name: 'w1', slots, retention: null });
  return { clock, store, worker, seen };
}

async function end(worker: QueueWorker, clock: VirtualClock): Promise<void> {
  const stopped = worker.stop({ graceMs: 60_000 });
  await clock.advance(60_000);
  await stopped;
}

describe('slots of a worker', () => {
  it('Q-41 keep half for sites that answer: 100 that answer after 50 s do not delay a fast one', async () => {
    const { clock, store, worker, seen } = slowWorld(50_000);
    worker.start();
    await store.accept(draft('first@fast.test'));
    await clock.advance(1000);
    for (let i = 0; i < 100; i++) {
      for (let k = 0; k < 10; k++) await store.accept(draft(`u${k}@slow${i}.test`));
    }
    const delays: number[] = [];
    for (let i = 0; i < 3000; i++) {
      const address = `u${i}@fast.test`;
      const at = clock.now();
      await store.accept(draft(address));
      await clock.advance(100);
      const delivered = seen.delivered.get(address);
      delays.push(delivered === undefined ? Number.POSITIVE_INFINITY : delivered - at);
    }
    delays.sort((a, b) => a - b);
    expect(delays[Math.floor(delays.length * 0.99)]).toBeLessThan(200);
    expect(seen.mostSlow).toBeLessThanOrEqual(slots / 2);
    // Slow sites make progress meanwhile.
    const slow = [...seen.delivered.keys()].filter((address) => address.includes('@slow'));
    expect(slow.length).toBeGreaterThan(100);
    await end(worker, clock);
  });

  it('Q-41 are given to a site that was never attempted while sites known to be slow wait', async () => {
    const { clock, store, worker, seen } = slowWorld(50_000);
    worker.start();
    for (let i = 0; i < 30; i++) await store.accept(draft(`u@slow${i}.test`));
    await clock.advance(5 * 60_000);
    for (let i = 0; i < 30; i++) {
      for (let k = 0; k < 30; k++) await store.accept(draft(`again${k}@slow${i}.test`));
    }
    await clock.advance(20_000);
    expect(seen.slow).toBe(Math.floor(slots / 4));
    const at = clock.now();
    await store.accept(draft('x@unseen.test'));
    await clock.advance(100);
    expect(seen.delivered.get('x@unseen.test')! - at).toBeLessThan(100);
    await end(worker, clock);
  });

  it('Q-41 tell the store of a site that became slow before its attempt is over', async () => {
    const { clock, store, worker } = slowWorld(50_000);
    worker.start();
    await store.accept(draft('a@slow.test'));
    await clock.advance(11_000);
    // Any check of the queue notices it.
    await store.accept(draft('b@fast.test'));
    await clock.advance(10);
    const { sites } = await store.stats();
    expect(sites.find(({ site }) => site === 'slow.test')?.learned.speed).toBe('slow');
    await end(worker, clock);
  });
});
