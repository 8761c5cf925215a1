import { expect, it } from 'vitest';
import { MailBroker, MemoryStore } from '../../src/index.ts';
import { type Lab, startLab } from '../lab.ts';

const domains = Array.from({ length: 8 }, (_, index) => `d${index}.test`);

/** A relay that refuses the password, for all domains. */
async function startRelay(mechanisms: readonly string[]): Promise<Lab & { readonly store: MemoryStore }> {
  const store = new MemoryStore();
  await store.open();
  const lab = await startLab({
    hosts: { relay: { address: '127.0.11.3', tls: true, auth: { mechanisms, users: { ann: 'right' } } } },
    broker: (port) => ({
      store,
      delivery: {
        routes: {
          '*': { type: 'smarthost', host: 'relay.test', port, auth: { user: 'ann', password: 'wrong' } },
        },
      },
    }),
  });
  return Object.assign(lab, { store });
}

const tries = (lab: Lab): number =>
  lab.hosts.relay!.sessions.flatMap(({ commands }) => commands).filter((line) => line.startsWith('AUTH'))
    .length;

it.each([1, 2])(
  'CRED-01 CRED-04 tries a refused password once a pause, however much mail waits: %i workers',
  async (workers) => {
    await using lab = await startRelay(['PLAIN']);
    for (const domain of domains) {
      for (let i = 0; i < 20; i++) {
        await lab.broker.enqueue({ from: 'a@sender.test', to: `u${i}@${domain}`, subject: 'S', text: 'T' });
      }
    }
    const brokers = [lab.broker, ...(workers === 2 ? [new MailBroker(lab.options)] : [])];
    for (const broker of brokers) broker.start();
    const settled = async () => {
      const { rows } = await lab.broker.queue.list({}, { limit: 1000 });
      const { sites } = await lab.broker.health();
      return {
        waiting: rows.filter(({ inFlight, attempts }) => !inFlight && attempts === 0).length,
        reasons: sites.filter(({ queued }) => queued > 0).map(({ pauseReason }) => pauseReason),
      };
    };
    await expect.poll(settled, { timeout: 10_000 }).toEqual({ waiting: 160, reasons: ['credentials'] });
    expect((await lab.broker.health()).localTroubles).toEqual([expect.stringContaining('535')]);
    await Promise.all(brokers.map((broker) => broker.stop()));
    // Each worker finds out by itself, unless the other one has told the queue before.
    expect(tries(lab)).toBeGreaterThanOrEqual(1);
    expect(tries(lab)).toBeLessThanOrEqual(workers);
  },
);
