import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it, vi } from 'vitest';
import { MailBroker, MemoryStore } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const message = { from: 'ann@sender.test', subject: 'Hi', text: 'Hello' } as const;

describe('egress sources', () => {
  it('SRC-01 keep a message that was deferred: a host that greylists by address lets the second attempt pass', async () => {
    const known = new Set<string>();
    const sources = Array.from({ length: 10 }, (_, i) => ({
      name: `s${i}`,
      hostname: `out${i}.sender.test`,
      localAddresses: [`127.0.1.${i + 1}`],
    }));
    const store = new MemoryStore();
    await using lab = await startLab({
      hosts: {
        mx1: {
          address: '127.0.11.1',
          script: {
            rcpt: ({ session, recipient }) => {
              const triplet = `${session.remoteAddress} ${recipient}`;
              if (known.has(triplet)) return undefined;
              known.add(triplet);
              return '450 4.2.0 Greylisted, try again later';
            },
          },
        },
      },
      records: { one: { MX: '10 mx1.test' } },
      broker: {
        store,
        delivery: { sources },
        queue: { schedule: { firstMs: 100, factor: 1, jitter: 0 } },
      },
    });
    const count = 20;
    for (let i = 0; i < count; i++) await lab.broker.enqueue({ ...message, to: `u${i}@one.test` });
    lab.broker.start();
    const attempts: number[] = [];
    for await (const event of lab.broker.events({ after: 'start', signal: AbortSignal.timeout(10_000) })) {
      if (event.type !== 'delivered') continue;
      attempts.push(event.attempt);
      expect(event.detail).toMatchObject({ source: expect.stringMatching(/^s\d$/) });
      if (attempts.length === count) break;
    }
    await lab.broker.stop();
    expect(attempts).toEqual(Array.from({ length: count }, () => 2));
  });

  it('SRC-02 SRC-04 without an address of the host’s family dial nothing, and ask no other resolver', async () => {
    const lookup = vi.spyOn(dns, 'lookup').mockRejectedValue(new Error('This lookup must not happen.'));
    syncBuiltinESMExports();
    const dialled: string[] = [];
    await using lab = await startLab({
      records: { one: { MX: '10 mx1.test' }, mx1: { AAAA: '2606:4700:4700::1111' } },
    });
    const openSocket = async ({ address }: { readonly address: string }): Promise<never> => {
      dialled.push(address);
      throw new Error('Nothing is dialled here.');
    };
    const sources = [{ name: 'v4', localAddresses: ['192.0.2.21'] }];
    const direct = new MailBroker({ ...lab.options, delivery: { sources }, runtime: { openSocket } });
    const v6 = [{ name: 'v6', localAddresses: ['2001:db8::1'] }];
    const relayed = (host: string, over: typeof sources, type: 'smarthost' | 'lmtp' = 'smarthost') => {
      const routes = { '*': { type, host, tls: 'opportunistic' } } as const;
      const broker = new MailBroker({
        ...lab.options,
        delivery: { routes, sources: over },
        runtime: { openSocket },
      });
      return broker.send({ ...message, to: 'bob@one.test' });
    };
    const allowAddresses = ['2001:db8::/32'];
    const literal = new MailBroker({
      ...lab.options,
      delivery: { sources, allowAddresses },
      runtime: { openSocket },
    });
    const outcomes = [
      ...(await direct.send({ ...message, to: 'bob@one.test' })),
      ...(await relayed('[192.0.2.1]', v6)),
      ...(await relayed('[IPv6:2001:db8::9]', sources)),
      ...(await relayed('[192.0.2.1]', v6, 'lmtp')),
      ...(await literal.send({ ...message, to: 'bob@[IPv6:2001:db8::9]' })),
    ];
    expect(outcomes.length).toBe(5);
    expect(dialled).toEqual([]);
    expect(lookup).not.toHaveBeenCalled();
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'deferred', category: 'local', stage: 'policy' });
      expect(outcome).toMatchObject({ reason: expect.stringContaining('has no address to reach') });
    }
    lookup.mockRestore();
    syncBuiltinESMExports();
  });

  it('SRC-03 use the next host that they can reach', async () => {
    await using lab = await startLab({
      hosts: { mx2: { address: '127.0.11.2' } },
      records: { one: { MX: ['10 mx1.test', '20 mx2.test'] }, mx1: { AAAA: '2606:4700:4700::1111' } },
      broker: { delivery: { sources: [{ name: 'v4', localAddresses: ['127.0.1.1'] }] } },
    });
    const outcomes = await lab.broker.send({ ...message, to: 'bob@one.test' });
    expect(outcomes).toMatchObject([{ status: 'delivered', host: 'mx2.test', source: 'v4' }]);
  });
});
