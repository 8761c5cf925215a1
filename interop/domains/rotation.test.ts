import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MailBroker } from '@mb/broker';
import {
  createMasterKeyVault,
  type DomainRecord,
  formatZoneFile,
  generateMasterKey,
  ManagedDomains,
  parseMasterKeys,
  textStrings,
} from '@mb/broker/domains';
import { SqliteStore } from '@mb/broker/sqlite';
import { createResolver } from '@mb/dns';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeFolder } from '../lab/folder.ts';
import { type Knot, type LabZone, startKnot } from '../lab/knot.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { formatShares, processorSeconds } from '../lab/processor-time.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';
import { startDkimMilter } from './rspamd-milter.ts';

/** Messages a second that come in; fewer where the machine cannot deliver as many. */
const rate = Number(process.env.MB_ROTATION_RATE ?? 500);
/** Messages that may wait while more come in. */
const mostWaiting = 1000;
const milterPort = 11_336;
const second = '127.0.0.55';
const allowAddresses = ['127.0.0.0/8'];

/** Two servers speak for example.com; Knot adds `ns` with its own address. */
const sender: LabZone = {
  name: 'example.com',
  signed: false,
  records: ['@ NS ns2', `ns2 A ${second}`, 'mail A 127.0.0.1', '@ TXT "v=spf1 a:mail.example.com ~all"'],
};
const receiver: LabZone = { name: 'example.net', records: ['@ MX 10 mx', 'mx A 127.0.1.25'], signed: false };

let dns: SignedDns;
let knots: readonly Knot[];
let postfix: Postfix;

beforeAll(async () => {
  dns = await startSignedDns([sender, receiver]);
  knots = [dns.knot, await startKnot({ address: second, zones: [sender] })];
  await startDkimMilter(milterPort);
  postfix = await startPostfix({
    hostname: 'mx.example.net',
    addresses: ['127.0.1.25'],
    mailboxes: ['bob@example.net'],
    busy: true,
    settings: {
      smtpd_milters: `inet:127.0.0.1:${milterPort}`,
      milter_default_action: 'tempfail',
    },
  });
}, 300_000);

afterAll(async () => {
  await postfix?.stop();
  await knots?.[1]?.stop();
  await dns?.stop();
});

/** Publishes or withdraws records on some of the servers. */
async function publish(records: readonly DomainRecord[], isThere: boolean, on = knots): Promise<void> {
  for (const knot of on) {
    for (const { name, value } of records) {
      const text = textStrings(value)
        .map((part) => `"${part}"`)
        .join(' ');
      await knot.setRecords('example.com', `${name}.`, 'TXT', isThere ? [text] : []);
    }
  }
}

/** Processor time that the whole machine has spent since it started, in seconds. */
function machineSeconds(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) / 1000;
}

const total = (seconds: ReadonlyMap<string, number>) =>
  [...seconds.values()].reduce((sum, one) => sum + one, 0);

describe('a rotation beside Knot, Postfix and rspamd', () => {
  it('DOM-80 publishes, is delayed, is withdrawn and switches under load, and every message is dkim=pass', {
    timeout: 600_000,
  }, async () => {
    const folder = makeFolder('rotation');
    const store = new SqliteStore(join(folder, 'queue.db'));
    await store.open();
    const dnsOfLab = createResolver({ servers: ['127.0.0.53'] });
    const domains = new ManagedDomains({
      records: store.records,
      vault: createMasterKeyVault(parseMasterKeys(generateMasterKey())),
      dns: dnsOfLab,
      hostname: 'mail.example.com',
      allowAddresses,
      rotation: { settleMs: 2000, retireMs: 8000, pendingMs: 500, steadyMs: 500 },
    });
    const broker = new MailBroker({
      hostname: 'mail.example.com',
      dns: dnsOfLab,
      delivery: { allowAddresses },
      store,
      profileFor: domains.profileFor(),
      queue: { concurrency: 20 },
    });
    let ended = false;
    onTestFinished(async () => {
      ended = true;
      await broker.close();
      await domains.stop();
      await store.close();
    });
    const keys = async (...states: string[]) =>
      (await domains.get('example.com')).keys.filter(({ state }) => states.includes(state));
    const recordsOf = async (...states: string[]) => (await keys(...states)).map(({ record }) => record);
    const active = async () => (await keys('active')).map(({ selector }) => selector);
    const until = (fact: () => Promise<boolean>) =>
      expect.poll(fact, { timeout: 180_000, interval: 200 }).toBe(true);

    await domains.add({ domain: 'example.com' });
    domains.start();
    // For a while the servers answer that the record does not exist; a resolver could cache that.
    await sleep(2000);
    await publish(await recordsOf('next'), true);
    await until(async () => (await active()).length === 2);
    const first = await active();
    await sleep(1100);

    broker.start();
    let queued = 0;
    const began = Date.now();
    const before = { lab: processorSeconds(), machine: machineSeconds() };
    const load = (async () => {
      while (!ended) {
        const wanted = Math.min(rate / 10, mostWaiting - (await broker.health()).queued);
        const batch = Array.from({ length: Math.max(0, wanted) }, () =>
          broker.enqueue({
            from: 'ann@example.com',
            to: 'bob@example.net',
            subject: `${queued++}`,
            text: 'Hello',
          }),
        );
        await Promise.all([...batch, sleep(100)]);
      }
    })();

    await domains.rotate('example.com');
    const next = await recordsOf('next', 'published');
    await sleep(3000);
    // Delayed: the second server is behind.
    await publish(next, true, knots.slice(0, 1));
    await sleep(4000);
    expect((await keys('next')).map(({ seen }) => seen)).toEqual(['contradictory', 'contradictory']);
    // All have it, and then it is withdrawn.
    await publish(next, true, knots.slice(1));
    await until(async () => (await keys('published')).length === 2);
    await publish(next, false);
    await until(async () => (await keys('next')).length === 2);
    expect(await active()).toEqual(first);
    // A server that is gone.
    await knots[1]!.stop();
    await publish(next, true, knots.slice(0, 1));
    await sleep(6000);
    expect(await active()).toEqual(first);
    knots = [dns.knot, await startKnot({ address: second, zones: [sender] })];
    const old = await recordsOf('active');
    await publish([...old, ...next], true, knots.slice(1));
    await until(async () => (await active()).every((selector) => !first.includes(selector)));
    await until(async () => (await keys('removable')).length === 2);
    await publish(old, false);
    await until(async () => (await keys('removable', 'retiring')).length === 0);
    ended = true;
    await load;
    const seconds = (Date.now() - began) / 1000;
    const shares = formatShares(before.lab, queued);
    const ofLab = total(processorSeconds()) - total(before.lab);
    const ofOthers = machineSeconds() - before.machine - ofLab;
    await until(async () => {
      const { queued: waiting, inFlight } = await broker.health();
      return waiting + inFlight === 0;
    });

    const messages = await postfix.waitForMessages('bob@example.net', queued, 60_000);
    expect(messages).toHaveLength(queued);
    console.log(
      `${queued} messages in ${seconds.toFixed(0)} s: ${(queued / seconds).toFixed(0)} a second, on ${cpus().length} processors, of which other programs of the machine had ${(ofOthers / seconds).toFixed(2)}; processor time of a message: ${((ofLab * 1000) / queued).toFixed(2)} ms (${shares})`,
    );
    const counts = new Map<string, number>();
    for (const message of messages) {
      const header = message
        .toString('latin1')
        .split(/\r?\n\r?\n/, 1)[0]!
        .replace(/\r?\n[ \t]+/g, ' ');
      const results = /^Authentication-Results: (.*)$/im.exec(header)?.[1] ?? '';
      const dkim = [...results.matchAll(/\bdkim=(\w+)/g)].map(([, result]) => result);
      expect(dkim, header).toEqual(['pass', 'pass']);
      const selectors = [...results.matchAll(/header\.s=([\w-]+)/g)].map(([, selector]) => selector!);
      for (const selector of selectors) counts.set(selector, (counts.get(selector) ?? 0) + 1);
    }
    // Both sets have signed, each for some of the messages.
    expect(counts.size).toBe(4);
    expect(queued).toBeGreaterThan(500);
  });

  it('DOM-81 the zone file is one that Knot takes, and has what was made', async () => {
    const store = new SqliteStore(join(makeFolder('zone-file'), 'queue.db'));
    await store.open();
    const domains = new ManagedDomains({
      records: store.records,
      vault: createMasterKeyVault(parseMasterKeys(generateMasterKey())),
      hostname: 'mail.example.com',
      addresses: ['192.0.2.1', '2001:db8::1'],
    });
    const { records } = await domains.add({ domain: 'example.com', returnPath: 'bounces.example.com' });
    await store.close();
    const zone: LabZone = {
      name: 'example.com',
      signed: false,
      records: formatZoneFile(records).split('\n'),
    };
    const knot = await startKnot({ address: '127.0.0.56', zones: [zone] });
    const resolver = createResolver({ servers: ['127.0.0.56'], cache: false });
    for (const { name, type, value } of records) {
      const answer = await resolver.query(name, type);
      const found = (answer.records as readonly unknown[]).map((record) =>
        Array.isArray(record) ? record.join('') : Object.values(record as object).join(' '),
      );
      expect(found, name).toEqual([value]);
    }
    await knot.stop();
  });
});
