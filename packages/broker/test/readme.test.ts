import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import type { Duplex } from 'node:stream';
import { generateKeyPair } from '@mb/dkim';
import { createMemoryResolver } from '@mb/dns/memory';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { type BrokerOptions, MailBroker, MemoryStore, profilesByDomain } from '../src/index.ts';
import { type OpenStore, storeConformance } from '../src/store/conformance/index.ts';
import type { StoreOptions } from '../src/store/port.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Runs the n-th code block of a section with these names in scope; returns what `result` names. */
async function runBlock(
  [section, n]: readonly [string, number],
  scope: Readonly<Record<string, unknown>>,
  result: string,
): Promise<unknown> {
  const text = readme.split(`\n## ${section}\n`)[1]!.split('\n## ')[0]!;
  const code = [...text.matchAll(/```ts\n([\s\S]*?)```/g)][n]![1]!.replace(/^import .*$/gm, '');
  const body = stripTypeScriptTypes(`async function run() { ${code}; return ${result}; }`);
  return new Function(...Object.keys(scope), `${body}; return run();`)(...Object.values(scope));
}

async function keyOf(domain: string) {
  const { privateKey } = await generateKeyPair({ algorithm: 'ed25519-sha256', domain, selector: 's1' });
  return { domain, selector: 's1', privateKey };
}

const message = { from: 'ann@shop.example', to: 'bob@example.org', text: 'Hello' };
const secret = 'a secret of sixteen';

/** A broker whose hosts cannot be reached, and that says from where it tried. */
function unconnected() {
  const from: (string | undefined)[] = [];
  const openSocket = async ({ localAddress }: { localAddress?: string }): Promise<Duplex> => {
    from.push(localAddress);
    throw new Error('There is no network here.');
  };
  const dns = createMemoryResolver({
    'example.org': { MX: [[10, 'mx.example.org']] },
    'mx.example.org': { A: '192.0.2.9' },
  });
  const Broker = class extends MailBroker {
    constructor(options: BrokerOptions) {
      super({ ...options, dns, delivery: { allowAddresses: ['192.0.2.0/24'] }, runtime: { openSocket } });
    }
  };
  return { Broker, from };
}

it('the README shows profiles that choose key, address and tenant', async () => {
  const { Broker, from } = unconnected();
  const scope = {
    MailBroker: Broker,
    store: new MemoryStore(),
    shopKeys: await keyOf('shop.example'),
    loadKeys: keyOf,
    verp: { address: 'bounces@club.example', secret },
    message,
  };
  const broker = (await runBlock(['Several senders in one process', 0], scope, 'broker')) as MailBroker;
  expect(from).toEqual(['192.0.2.1']);
  const { rows } = await broker.queue.list({});
  expect(rows.map(({ tenant, tag }) => [tenant, tag])).toEqual([['club', 'newsletter']]);
  await broker.close();
});

it('the README shows profiles that are chosen by the domain of From', async () => {
  const [shopKeys, clubKeys] = [await keyOf('shop.example'), await keyOf('club.example')];
  const scope = { profilesByDomain, shopKeys, clubKeys, secret };
  const run = runBlock(['Several senders in one process', 1], scope, 'profileFor');
  const profileFor = (await run) as ReturnType<typeof profilesByDomain>;
  const of = { tenant: 'shop', tag: undefined, sender: '' };
  expect(profileFor({ ...of, authorDomain: 'news.club.example' })).toMatchObject({
    hostname: 'mail.club.example',
  });
  expect(profileFor({ ...of, authorDomain: 'shop.example' })).toMatchObject({ dkim: shopKeys });
});

it('the README shows rates that a store has and a destination gets', async () => {
  const made: unknown[] = [];
  class SqliteStore extends MemoryStore {
    constructor(path: string, options: StoreOptions) {
      super(options);
      made.push(path);
    }
  }
  const broker = new MailBroker({ hostname: 'mail.example.com', store: new MemoryStore() });
  const store = (await runBlock(['Rates', 0], { SqliteStore, broker }, 'store')) as MemoryStore;
  await store.setSite('example.net', { suspended: true });
  expect(made).toEqual(['queue.db']);
  expect((await store.stats()).sites[0]!.limits.rates).toEqual([{ count: 100, perMs: 60_000 }]);
  await broker.queue.suspend('example.org');
  const { sites } = await broker.health();
  expect(sites[0]!.limits).toMatchObject({ maxConcurrency: 2, rates: [{ count: 10, perMs: 1_000 }] });
  await broker.close();
});

it('the README shows how a store is tested', async () => {
  const openStore: OpenStore = async (options) => {
    const clock = new VirtualClock();
    const store = new MemoryStore({ ...options, clock });
    return { store, advance: (ms) => clock.advance(ms), dispose: () => store.close() };
  };
  const cases: (() => Promise<void>)[] = [];
  const scope = {
    storeConformance,
    openStore,
    describe: (_name: string, define: () => void) => define(),
    it: (_name: string, run: () => Promise<void>) => cases.push(run),
  };
  await runBlock(['Writing a store', 0], scope, 'undefined');
  expect(cases).toHaveLength(storeConformance.length);
  await cases[0]!();
});
