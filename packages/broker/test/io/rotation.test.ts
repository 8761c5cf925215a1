import { setTimeout as sleep } from 'node:timers/promises';
import { verifyMessage } from '@mb/dkim';
import { createResolver, lookupAuthoritative } from '@mb/dns';
import { type DnsServer, startDnsServer } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import {
  createMasterKeyVault,
  generateMasterKey,
  ManagedDomains,
  parseMasterKeys,
} from '../../src/domains/index.ts';
import type { DomainRecord } from '../../src/domains/published-records.ts';
import { MailBroker, MemoryStore } from '../../src/index.ts';
import { startLab } from '../lab.ts';

/** A change of what one authoritative server has. */
interface Published {
  readonly at: number;
  readonly server: number;
  readonly name: string;
  readonly text: string | undefined;
}

/** Two authoritative servers of shop.test, which are changed one after the other, and what they had when. */
class Zone {
  readonly #servers: readonly DnsServer[];
  readonly #history: Published[] = [];

  constructor(servers: readonly DnsServer[]) {
    this.#servers = servers;
  }

  /** Publishes or withdraws records on one server, or on all. */
  set(records: readonly DomainRecord[], isThere: boolean, ...only: readonly number[]): void {
    for (const server of only.length > 0 ? only : this.#servers.keys()) {
      for (const { name, value } of records) {
        const text = isThere ? value : undefined;
        this.#servers[server]!.setRecords('shop.test', name, text === undefined ? {} : { TXT: text });
        this.#history.push({ at: Date.now(), server, name, text });
      }
    }
  }

  /** The text that every server had at a name all through a time. */
  textAt(name: string, from: number, to: number): string | undefined {
    const texts = new Set<string | undefined>();
    for (const server of this.#servers.keys()) {
      const own = this.#history.filter((one) => one.server === server && one.name === name);
      texts.add(own.findLast(({ at }) => at <= from)?.text);
      for (const { at, text } of own) if (at > from && at <= to) texts.add(text);
    }
    return texts.size === 1 ? [...texts][0] : undefined;
  }
}

/** Two servers of the zone on one port, behind a resolver that knows where they are. */
async function startZone() {
  const zones = { 'shop.test': { records: {}, negativeTtlSeconds: 0 } };
  const one = await startDnsServer({ address: '127.0.42.1', authoritative: true, zones });
  const two = await startDnsServer({ address: '127.0.42.2', port: one.port, authoritative: true, zones });
  const recursive = await startDnsServer({
    zones: {
      test: {
        records: {
          shop: { NS: ['ns1.test', 'ns2.test'] },
          ns1: { A: one.address },
          ns2: { A: two.address },
        },
      },
    },
  });
  const resolver = createResolver({ servers: [recursive.server] });
  const ask: ConstructorParameters<typeof ManagedDomains>[0]['ask'] = (name, type) =>
    lookupAuthoritative(name, type, resolver, {
      zoneHint: () => 'shop.test',
      port: one.port,
      allowAddresses: ['127.0.0.0/8'],
      timeoutMs: 500,
    });
  return { zone: new Zone([one, two]), ask, servers: [one, two, recursive], one, two };
}

describe('a rotation under load', () => {
  it('DOM-55 DOM-111 no message is unsigned, and none is signed with a key that is not on every server', {
    timeout: 120_000,
  }, async () => {
    const { zone, ask, servers, two } = await startZone();
    await using lab = await startLab({
      hosts: { mx1: { address: '127.0.42.9' } },
      records: { one: { MX: '10 mx1.test' } },
    });
    const host = lab.hosts.mx1!;
    /** When each message was there, to the nearest tick. */
    const arrivedAt: number[] = [];
    const ticks = setInterval(() => {
      while (arrivedAt.length < host.messages.length) arrivedAt.push(Date.now());
    }, 5);
    const store = new MemoryStore();
    await store.open();
    const vault = createMasterKeyVault(parseMasterKeys(generateMasterKey()));
    /** A worker with all that a process of its own would have. */
    const startWorker = () => {
      const domains = new ManagedDomains({
        records: store.records,
        vault,
        ask,
        hostname: 'client.test',
        rotation: { settleMs: 300, retireMs: 2500, pendingMs: 50, steadyMs: 50 },
      });
      const { dkim: _, ...options } = lab.options;
      const broker = new MailBroker({ ...options, store, profileFor: domains.profileFor() });
      broker.start();
      domains.start();
      return { domains, broker };
    };
    const workers = [startWorker(), startWorker()];
    const { domains, broker } = workers[0]!;

    let queued = 0;
    const enqueue = () =>
      broker.enqueue({ from: 'ann@shop.test', to: 'bob@one.test', subject: `${queued++}`, text: 'Hello' });
    const pending = async () =>
      (await domains.get('shop.test')).keys
        .filter(({ state }) => state === 'next' || state === 'published')
        .map(({ record }) => record);
    const signing = async () =>
      (await domains.get('shop.test')).keys.filter(({ signs }) => signs).map(({ selector }) => selector);
    const until = (fact: () => Promise<boolean>) =>
      expect.poll(fact, { timeout: 20_000, interval: 25 }).toBe(true);

    // Mail that comes in before the domain can sign waits.
    await Promise.all(Array.from({ length: 5 }, enqueue));
    await domains.add({ domain: 'shop.test', algorithms: ['rsa-sha256', 'ed25519-sha256'] });
    await sleep(300);
    expect(host.messages).toEqual([]);
    zone.set(await pending(), true);
    await until(async () => (await signing()).length === 2);
    // Each process knows of it within a second. What waited would be tried again within a minute.
    await sleep(1100);
    await broker.queue.retry({ all: true });
    let ended = false;
    const load = (async () => {
      while (!ended) {
        await Promise.all(Array.from({ length: 5 }, enqueue));
        await sleep(20);
      }
    })();
    for (let round = 0; round < 3; round++) {
      const before = await signing();
      const old = (await domains.get('shop.test')).keys.map(({ record }) => record);
      await domains.rotate('shop.test');
      const next = await pending();
      // One server is behind, then the records are withdrawn, then a server is silent.
      zone.set(next, true, 0);
      await sleep(500);
      zone.set(next, true, 1);
      await sleep(100);
      zone.set(next, false);
      await sleep(500);
      two.fail('*', 'drop');
      zone.set(next, true);
      await sleep(700);
      expect(await signing()).toEqual(before);
      two.heal();
      await until(async () => (await signing()).every((selector) => !before.includes(selector)));
      // The old ones go when it says so.
      await until(
        async () =>
          (await domains.get('shop.test')).keys.filter(({ state }) => state === 'removable').length === 2,
      );
      zone.set(old, false);
      await until(async () => (await domains.get('shop.test')).keys.length === 2);
    }
    ended = true;
    await load;
    await host.until(() => host.messages.length >= queued, 30_000);
    await expect.poll(() => arrivedAt.length).toBe(host.messages.length);
    clearInterval(ticks);
    for (const worker of workers) {
      await worker.domains.stop();
      await worker.broker.close();
    }
    for (const server of servers) await server.close();

    const numbers = host.messages.map(
      ({ content }) => /^Subject: (\d+)/m.exec(Buffer.from(content).toString())?.[1],
    );
    expect(new Set(numbers).size).toBe(queued);
    const used = new Set<string>();
    for (const [index, { content }] of host.messages.entries()) {
      const at = arrivedAt[index]!;
      const { signatures } = await verifyMessage(content, {
        // What every server had from a moment before the message came until it had come.
        resolveTxt: async (name) => {
          const text = zone.textAt(name, at - 100, at);
          return text === undefined ? [] : [[text]];
        },
      });
      expect(signatures.map(({ status }) => status)).toEqual(['pass', 'pass']);
      for (const { selector } of signatures) used.add(selector!);
    }
    // Each of the four sets has signed.
    expect(used.size).toBe(8);
  });
});
