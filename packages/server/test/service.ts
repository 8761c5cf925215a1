import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrokerOptions, MailBroker } from '@mb/broker';
import { createMasterKeyVault, generateMasterKey, ManagedDomains, parseMasterKeys } from '@mb/broker/domains';
import { SqliteStore, type SqliteStoreOptions } from '@mb/broker/sqlite';
import type { QueueStore } from '@mb/broker/store';
import { createResolver } from '@mb/dns';
import {
  type DnsRecords,
  type DnsServer,
  type SmtpHost,
  type SmtpHostOptions,
  startDnsServer,
  startSmtpHost,
} from '@mb/testkit';
import { createServer, type MailServer, type NewApiKey, type ServerOptions } from '../src/index.ts';

/** What a service of a test does differently. */
export interface ServicePlan {
  readonly server?: Partial<ServerOptions>;
  /** Whether domains can be added; the DNS server of the test is the authoritative one of every zone. */
  readonly masterKey?: boolean;
  /** What DNS has besides, in the zone `test`. */
  readonly records?: Readonly<Record<string, DnsRecords>>;
  readonly broker?: Partial<BrokerOptions>;
  readonly store?: SqliteStoreOptions;
  /** The queue, instead of one in a file; it is opened and closed here. */
  readonly queue?: QueueStore<never>;
  /** What the mail exchanger of one.test says. */
  readonly script?: SmtpHostOptions['script'];
  readonly tls?: SmtpHostOptions['tls'];
  /** Last octet of the exchanger's address, so that tests of one file do not meet. */
  readonly host?: number;
}

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks at differs from call to call.
  readonly body: any;
}

/** A request with a key. */
export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>;

/** A server on loopback with a queue in a file, and a mail exchanger for one.test. */
export interface Service extends AsyncDisposable {
  readonly server: MailServer;
  readonly broker: MailBroker;
  readonly store: QueueStore<never>;
  readonly url: string;
  readonly host: SmtpHost;
  readonly dns: DnsServer;
  /** Makes a key, and the function that calls with it. */
  withKey(key?: Partial<NewApiKey>): Promise<Call & { readonly token: string; readonly id: string }>;
}

export async function startService(plan: ServicePlan = {}): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'mb-server-'));
  const host = await startSmtpHost({
    address: `127.0.31.${plan.host ?? 1}`,
    hostname: 'mx.test',
    ...(plan.script && { script: plan.script }),
    ...(plan.tls && { tls: plan.tls }),
  });
  const records = { ...plan.records, mx: { A: host.address }, one: { MX: '10 mx.test' } };
  const dns = await startDnsServer({ zones: { test: { records } } });
  const store: QueueStore<never> = plan.queue ?? new SqliteStore(join(folder, 'queue.db'), plan.store);
  await store.open();
  const broker = new MailBroker({
    hostname: 'client.test',
    dns: { servers: [`${dns.address}:${dns.port}`] },
    store,
    webhooks: { allowAddresses: ['127.0.0.0/8'] },
    ...plan.broker,
    delivery: { port: host.port, allowAddresses: ['127.0.0.0/8'], ...plan.broker?.delivery },
  });
  const domains = plan.masterKey && { domains: testDomains(store, dns) };
  const server = createServer({ broker, ...domains, ...plan.server });
  const { port } = await server.listen({ port: 0 });
  const url = `http://127.0.0.1:${port}`;
  return {
    server,
    broker,
    store,
    url,
    host,
    dns,
    async withKey(given = {}) {
      const { key, token } = await server.keys.create({
        name: 'test',
        scopes: ['send', 'read', 'content', 'operate', 'admin'],
        ...given,
      });
      return Object.assign(caller(url, token), { token, id: key.id });
    },
    async [Symbol.asyncDispose]() {
      await server.close({ graceMs: 100 });
      await broker.stop({ graceMs: 100 });
      await store.close();
      await Promise.all([host.close(), dns.close()]);
      await rm(folder, { recursive: true });
    },
  };
}

/** Managed domains whose names are all in the zone `test`. */
function testDomains({ records }: Pick<QueueStore, 'records'>, dns: DnsServer): ManagedDomains {
  const resolver = createResolver({ servers: [dns.server], cache: false });
  return new ManagedDomains({
    records,
    vault: createMasterKeyVault(parseMasterKeys(generateMasterKey())),
    dns: resolver,
    ask: async (name, type) => {
      const { records: found, status } = await resolver.query(name, type);
      const seen = status === 'found' ? 'found' : status === 'servfail' ? 'unknown' : 'absent';
      return {
        ...{ name, type, status: seen, records: found, zone: 'test', servers: [] },
        ...{ negativeTtlSeconds: 0, reason: `The server says ${status}.` },
      } as never;
    },
    hostname: 'client.test',
    rotation: { settleMs: 0 },
  });
}

function caller(url: string, token: string): Call {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && !(body instanceof Uint8Array) && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
}
