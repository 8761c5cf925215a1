import type { SmtpHostOptions } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { type MailBroker, MemoryStore, type QueueEvent } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const plain = ['8BITMIME'];
const full = ['PIPELINING', '8BITMIME', 'CHUNKING'];
const closes = { raw: '', after: 'close' } as const;
const stays = { code: 452, text: '4.5.3 Too many recipients: Too many messages sent' } as const;
const tooMany = { code: 421, text: 'too many messages in this connection', after: 'close' } as const;

/** A host that takes three messages a session. */
function threePerSession(keywords: readonly string[], answer: typeof closes | typeof tooMany | typeof stays) {
  const mails = new Map<object, number>();
  const script: SmtpHostOptions['script'] = {
    mail: ({ session }) => {
      const count = (mails.get(session) ?? 0) + 1;
      mails.set(session, count);
      return count > 3 ? answer : undefined;
    },
  };
  return { keywords, script, mails };
}

/** Events until all of `count` recipients are delivered. */
async function untilDelivered(broker: MailBroker, count: number): Promise<QueueEvent[]> {
  const seen: QueueEvent[] = [];
  let delivered = 0;
  for await (const event of broker.events({ after: 'start', signal: AbortSignal.timeout(20_000) })) {
    seen.push(event);
    if (event.type === 'delivered') delivered += 1;
    if (delivered === count) return seen;
  }
  throw new Error(`Only ${delivered} of ${count} were delivered.`);
}

async function enqueue(broker: MailBroker, count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    await broker.enqueue({ from: 'ann@sender.test', to: `u${i}@one.test`, subject: 'Hi', text: 'Hello' });
}

describe('a host that takes three messages a session', () => {
  it.each([
    ['says so with LIMITS', threePerSession([...full, 'LIMITS MAILMAX=3'], closes)],
    ['hangs up, without extensions', threePerSession(plain, closes)],
    ['hangs up, with PIPELINING and CHUNKING', threePerSession(full, closes)],
    ['answers 421', threePerSession(full, tooMany)],
    ['answers 452 as OpenSMTPD does, and stays', threePerSession(['PIPELINING', '8BITMIME'], stays)],
  ])(
    'SITE-03 SITE-08 gets the rest at once over further sessions, no attempt spent: it %s',
    async (_, host) => {
      const store = new MemoryStore();
      await using lab = await startLab({
        hosts: { mx1: { address: '127.0.11.1', keywords: host.keywords, script: host.script } },
        records: { one: { MX: '10 mx1.test' } },
        broker: { store },
      });
      const { broker } = lab;
      await enqueue(broker, 40);
      broker.start();
      const events = await untilDelivered(broker, 40);
      const health = await broker.health();
      await broker.stop();
      expect(events.filter(({ type }) => type === 'deferred')).toEqual([]);
      expect(events.filter(({ type, attempt }) => type === 'delivered' && attempt > 1)).toEqual([]);
      expect(health.sites.filter(({ pausedUntil }) => pausedUntil !== undefined)).toEqual([]);
      expect(lab.hosts.mx1!.messages.length).toBe(40);
    },
  );

  it('SITE-04 has its number learnt and kept with the site, and is left before it hangs up', async () => {
    const host = threePerSession(full, tooMany);
    const store = new MemoryStore();
    await using lab = await startLab({
      hosts: { mx1: { address: '127.0.11.1', keywords: host.keywords, script: host.script } },
      records: { one: { MX: '10 mx1.test' } },
      broker: { store },
    });
    await enqueue(lab.broker, 10);
    lab.broker.start();
    await untilDelivered(lab.broker, 10);
    await lab.broker.stop();
    await enqueue(lab.broker, 1);
    const claim = await store.claim({ worker: 'test', max: 1, leaseMs: 1000 });
    expect(Object.values(claim?.learned?.hosts ?? {})).toMatchObject([{ messagesPerSession: 3 }]);
    await store.settle({ leaseId: claim!.leaseId, outcomes: [], release: true });

    // Another process, which knows only what the store tells it.
    const { MailBroker: Broker } = await import('../../src/index.ts');
    const other = new Broker({ ...lab.options, store: store as MemoryStore });
    host.mails.clear();
    await enqueue(other, 11);
    other.start();
    await untilDelivered(other, 22);
    await other.stop();
    expect(Math.max(...host.mails.values())).toBe(3);
  });

  it('SITE-03 SITE-09 sends over connections one after the other, not side by side', async () => {
    const host = threePerSession([...full, 'LIMITS MAILMAX=3'], closes);
    await using lab = await startLab({
      hosts: { mx1: { address: '127.0.11.1', keywords: host.keywords, script: host.script } },
      records: { one: { MX: '10 mx1.test' } },
      broker: { store: new MemoryStore({ limits: { startConcurrency: 1, maxConcurrency: 1 } }) },
    });
    await enqueue(lab.broker, 20);
    lab.broker.start();
    await untilDelivered(lab.broker, 20);
    await lab.broker.stop();
    expect(lab.hosts.mx1!.sessions.length).toBeGreaterThanOrEqual(7);
    expect(lab.hosts.mx1!.sessions.length).toBeLessThanOrEqual(8);
  });
});
