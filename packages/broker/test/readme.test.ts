import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import type { Duplex } from 'node:stream';
import { generateKeyPair } from '@mb/dkim';
import { createMemoryResolver } from '@mb/dns/memory';
import { textFromHtml } from '@mb/mime/html';
import { VirtualClock } from '@mb/testkit';
import { createElement } from 'react';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { Alerts } from '../src/alerts/index.ts';
import {
  createMasterKeyVault,
  formatZoneFile,
  generateMasterKey,
  ManagedDomains,
  type ManagedDomainsOptions,
  type NewDomain,
  parseMasterKeys,
} from '../src/domains/index.ts';
import {
  type BrokerOptions,
  MailBroker,
  MailQueue,
  MailWorker,
  MemoryStore,
  profilesByDomain,
  type RecipientOutcome,
} from '../src/index.ts';
import { googleTokenUrl, oauth2Credentials, relayRoute, wellKnownRelay } from '../src/relay/index.ts';
import { type OpenStore, storeConformance } from '../src/store/conformance/index.ts';
import type { StoreOptions } from '../src/store/port.ts';
import { instrument } from '../src/telemetry/index.ts';
import { parseMessageTemplate } from '../src/template/index.ts';
import { inlineCss } from '../src/template/inline-css.ts';
import { compileMjml } from '../src/template/mjml.ts';
import { reactEmail } from '../src/template/react-email.ts';
import { FakeZone } from './fake-zone.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The code blocks of each section. */
const blocks = new Map(
  readme
    .split('\n## ')
    .slice(1)
    .map((text) => [
      text.slice(0, text.indexOf('\n')),
      [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!),
    ]),
);
const ran = new Set<string>();

/** Runs the n-th code block of a section with these names in scope; returns what `result` names. */
async function runBlock(
  [section, n]: readonly [string, number],
  scope: Readonly<Record<string, unknown>>,
  result: string,
): Promise<unknown> {
  const code = blocks.get(section)![n]!.replace(/^import .*$/gm, '');
  ran.add(`${section} ${n}`);
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
    'app.example.com': { A: '192.0.2.8' },
  });
  const made: MailBroker[] = [];
  const delivery = { allowAddresses: ['192.0.2.0/24'] };
  const webhooks = { allowAddresses: ['192.0.2.0/24'] };
  const Broker = class extends MailBroker {
    constructor(options: BrokerOptions) {
      super({
        ...options,
        dns,
        webhooks,
        delivery: { ...options.delivery, ...delivery },
        runtime: { openSocket },
      });
      made.push(this);
    }
  };
  return { Broker, made, from };
}

/** Takes what `SqliteStore` takes, and keeps it in memory. */
class NamedStore extends MemoryStore {
  readonly path: string;
  constructor(path: string, options?: StoreOptions) {
    super(options);
    this.path = path;
  }
}

/** A broker with a queue, as sections of the README have one at hand. */
function queueing() {
  const { Broker } = unconnected();
  return new Broker({ hostname: 'mail.example.com', store: new MemoryStore() });
}

/** Stands for the console: keeps what is printed. */
function printer() {
  const lines: unknown[][] = [];
  return { lines, log: (...line: unknown[]) => void lines.push(line) };
}

it('the README shows how a message is sent', async () => {
  const { Broker } = unconnected();
  const { privateKey } = await keyOf('example.com');
  const console = printer();
  const scope = { MailBroker: Broker, readFile: async () => privateKey, console };
  const outcomes = (await runBlock(['Send now', 0], scope, 'outcomes')) as RecipientOutcome[];
  expect(outcomes.map(({ recipient, status }) => [recipient, status])).toEqual([
    ['bob@example.org', 'deferred'],
    ['carol@example.net', 'failed'],
  ]);
  expect(console.lines.map(([recipient, status]) => [recipient, status])).toEqual(
    outcomes.map(({ recipient, status }) => [recipient, status]),
  );
});

it('the README shows how a message is queued and followed', async () => {
  const { Broker, made } = unconnected();
  // The loop over the events has no end.
  const enough = new Error('One event is enough.');
  const events: unknown[][] = [];
  const log = (...event: unknown[]) => {
    events.push(event);
    throw enough;
  };
  const scope = { MailBroker: Broker, SqliteStore: NamedStore, message, console: { log } };
  await expect(runBlock(['Deliver durably', 0], scope, 'id')).rejects.toBe(enough);
  expect(events).toHaveLength(1);
  expect((await made[0]!.queue.list()).rows).toMatchObject([{ address: 'bob@example.org' }]);
  await made[0]!.close();
});

it('the README shows how a webhook is added', async () => {
  const broker = queueing();
  const added = (await runBlock(['Webhooks', 0], { broker }, '[endpoint, secret]')) as unknown[];
  expect(added).toMatchObject([
    { url: 'https://app.example.com/mail-events' },
    expect.stringMatching(/^whsec_/),
  ]);
  expect((await broker.webhooks.list()).rows).toEqual([added[0]]);
  await broker.close();
});

it('the README shows how a broker is measured', async () => {
  const broker = queueing();
  const end = (await runBlock(['Telemetry', 0], { broker, instrument }, 'end')) as () => void;
  end();
  await broker.close();
});

it('the README shows how alerts are started', async () => {
  let started = 0;
  const Counted = class extends Alerts {
    override start(): void {
      started++;
    }
  };
  const broker = queueing();
  const process = { env: { PAGER_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}` } };
  const scope = { broker, Alerts: Counted, process, resolver: createMemoryResolver({}) };
  expect(await runBlock(['Alerts', 0], scope, 'alerts')).toBeInstanceOf(Alerts);
  expect(started).toBe(1);
  await broker.close();
});

it('the README shows a template', async () => {
  const broker = queueing();
  await runBlock(['Templates', 0], { broker, parseMessageTemplate }, 'welcome');
  expect((await broker.queue.list()).rows).toMatchObject([{ address: 'bob@example.org' }]);
  await broker.close();
});

const text = '<mj-text>{{name}}: {{url}}</mj-text>';
const mjml = `<mjml><mj-body><mj-section><mj-column>${text}</mj-column></mj-section></mj-body></mjml>`;
const Welcome = ({ name }: { name: string }) => createElement('p', null, `Welcome, ${name}`);

it('the README shows adapters of other engines', async () => {
  const broker = queueing();
  const mail = { from: 'ann@shop.example', to: 'bob@example.org' };
  const scope = {
    ...{ broker, parseMessageTemplate, reactEmail, compileMjml, inlineCss, textFromHtml, ...mail, Welcome },
    schema: z.object({ name: z.string() }),
    source: mjml,
    url: 'https://shop.example/reset',
    page: '<style>p { color: red }</style><p>News</p>',
  };
  const news = await runBlock(['Templates', 1], scope, 'news.render({})');
  expect(news).toMatchObject({ html: '<p style="color: red;">News</p>', text: 'News' });
  expect((await broker.queue.list()).rows).toHaveLength(2);
  await broker.close();
});

it('the README shows a queue and a worker alone', async () => {
  const store = new MemoryStore();
  const started: MailWorker[] = [];
  const Worker = class extends MailWorker {
    override start(): void {
      started.push(this);
    }
  };
  const scope = { MailQueue, MailWorker: Worker, store, message, dkim: await keyOf('shop.example') };
  const queue = (await runBlock(['One role alone', 0], scope, 'queue')) as MailQueue;
  expect(started).toHaveLength(1);
  expect((await queue.control.list()).rows).toMatchObject([{ address: 'bob@example.org' }]);
});

it('the README shows a domain whose keys are rotated', async () => {
  const zone = new FakeZone();
  const store = new MemoryStore();
  await store.open();
  /** Domains whose records are published as soon as they are there. */
  const Published = class extends ManagedDomains {
    constructor(options: ManagedDomainsOptions) {
      const dns = createMemoryResolver({ 'mail.example.com': { A: '192.0.2.1' } });
      super({ ...options, ask: zone.ask, dns });
    }
    override start(): void {}
    override async add(domain: NewDomain) {
      const added = await super.add({ ...domain, algorithms: ['ed25519-sha256'] });
      zone.publish(added.records);
      return added;
    }
  };
  const scope = {
    ...{ createMasterKeyVault, formatZoneFile, parseMasterKeys, store, ManagedDomains: Published },
    MailBroker: unconnected().Broker,
    process: { env: { MB_MASTER_KEY: generateMasterKey() } },
    console: printer(),
  };
  const domains = (await runBlock(['Domains and keys', 0], scope, 'domains')) as ManagedDomains;
  expect((await domains.get('example.com')).keys).toMatchObject([{ state: 'active' }, { state: 'next' }]);
  expect(String(scope.console.lines[0])).toContain('_domainkey.example.com.');
});

it('the README shows routes and sources', async () => {
  const { Broker, made } = unconnected();
  await runBlock(['Routes and sources', 0], { MailBroker: Broker, password: 'secret' }, 'undefined');
  expect(made).toHaveLength(1);
});

it('the README shows routes to relays', async () => {
  const given = { user: 'ann', password: 'secret', clientId: 'c', clientSecret: 's', refreshToken: 'r' };
  const url = 'smtps://ann:secret@smtp.example.com';
  const relays = { googleTokenUrl, oauth2Credentials, relayRoute, wellKnownRelay };
  const routes = await runBlock(['Routes and sources', 1], { ...relays, ...given, url }, 'routes');
  expect(routes).toMatchObject({ '*': { type: 'mx', fallback: { host: 'smtp.example.com' } } });
});

it('the README shows a listener', async () => {
  const broker = queueing();
  const stop = (await runBlock(['Observe it', 0], { broker, console: printer() }, 'stop')) as () => void;
  stop();
  await broker.close();
});

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
  const broker = new MailBroker({ hostname: 'mail.example.com', store: new MemoryStore() });
  const store = (await runBlock(['Rates', 0], { SqliteStore: NamedStore, broker }, 'store')) as NamedStore;
  await store.setSite('example.net', { suspended: true });
  expect(store.path).toBe('queue.db');
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

it('every code block of the README is run by a test', () => {
  const all = [...blocks].flatMap(([section, codes]) => codes.map((_, n) => `${section} ${n}`));
  expect([...ran].sort()).toEqual(all.sort());
});
