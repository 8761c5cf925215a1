import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServerType, serve } from '@hono/node-server';
import type { MailBroker } from '@mb/broker';
import { Alerts } from '@mb/broker/alerts';
import { ManagedDomains } from '@mb/broker/domains';
import { createResolver, type Resolver, type ResolverOptions } from '@mb/dns';
import { Access } from './access.ts';
import { ApiKeys } from './api-keys.ts';
import { AuditLog } from './audit-log.ts';
import { CurrentBroker } from './current-broker.ts';
import { listenError } from './errors.ts';
import { createApp } from './http/app.ts';
import { type InboundServer, startInbound } from './inbound/inbound-server.ts';
import { checkInboundOptions, type InboundOptions } from './inbound/options.ts';
import {
  callback,
  flag,
  group,
  integer,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
  withMethods,
} from './option-table.ts';
import { warn } from './process-warning.ts';
import { ReportArchive } from './reports/report-archive.ts';
import { TlsResults } from './reports/tls-results.ts';
import { SeriesCollector } from './series/collector.ts';
import { Sessions } from './sessions.ts';
import {
  checkCertificate,
  checkSubmissionOptions,
  type SubmissionOptions,
  type TlsCertificate,
} from './submission/options.ts';
import {
  type SubmissionAddress,
  type SubmissionServer,
  startSubmission,
} from './submission/submission-server.ts';
import { Metrics } from './telemetry/metrics.ts';

/** Options of {@link createServer}. */
export interface ServerOptions {
  /** With a store. It stays the caller's: start, stop and close it. */
  readonly broker: MailBroker;
  /** Longest message, in octets; 1,024 to 2,147,483,648, default 67,108,864. JSON bodies may have twice as many. */
  readonly maxMessageBytes?: number | undefined;
  /** Most requests at once; more get 503 with Retry-After. Default 256. */
  readonly maxInFlight?: number | undefined;
  /** Where `/v1/verify` looks up keys and policies: a resolver, or options for one. Default: the system's servers. */
  readonly dns?: Resolver | ResolverOptions | undefined;
  /**
   * Serves the dashboard at `/ui`, such as `dashboard()` of `@mb/dashboard`. Default: there is none.
   */
  readonly dashboard?: ((request: Request) => Promise<Response>) | undefined;
  /** Sessions of browsers. */
  readonly sessions?: SessionOptions | undefined;
  /**
   * Domains for `/v1/domains`, on the store of the broker; their keys are looked at only where `domains.start()` was
   * called. Default: without a master key, so that domains can be listed and removed.
   */
  readonly domains?: ManagedDomains | undefined;
  /**
   * Alerts for `/v1/alerts`, on the store of the broker; rules are watched only where `alerts.start()` was called.
   * Default: without mail, so that a test goes to webhooks alone.
   */
  readonly alerts?: Pick<Alerts, 'list' | 'test'> | undefined;
  /** Called with each failure of the server itself. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /**
   * Called with a sentence for the operator, such as one about an address that guesses keys. Default: a process
   * warning.
   */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** Sessions of browsers, which `POST /v1/session` begins. */
export interface SessionOptions {
  /** How long a session lasts, in milliseconds; 60,000 to 2,592,000,000 (30 days), default 43,200,000 (12 hours). */
  readonly lifetimeMs?: number | undefined;
  /** True: no session changes anything, whatever its key may do. Default false. */
  readonly readOnly?: boolean | undefined;
}

const sessionOptions = {
  lifetimeMs: integer(60_000, 30 * 86_400_000, { default: 12 * 3_600_000, unit: 'ms' }),
  readOnly: flag({ default: false }),
} satisfies OptionTable<SessionOptions>;

const servedBroker = required(withMethods<MailBroker>('enqueue', 'explain', 'events'));
const brokerOption = { broker: servedBroker };

/** What each option of a server accepts. */
export const serverOptions = {
  broker: servedBroker,
  maxMessageBytes: integer(1024, 2 ** 31, { default: 64 * 1024 * 1024, unit: 'octets' }),
  maxInFlight: integer(1, 100_000, { default: 256 }),
  dns: matching<Resolver | ResolverOptions>('a resolver, or options for one', isObject),
  dashboard: callback<(request: Request) => Promise<Response>>(),
  sessions: group<SessionOptions>(sessionOptions),
  domains: withMethods<ManagedDomains>('add', 'list', 'change', 'check', 'rotate'),
  alerts: withMethods<Pick<Alerts, 'list' | 'test'>>('list', 'test'),
  onError: callback<(error: unknown) => void>(),
  onWarning: callback<(text: string) => void>(),
  now: callback<() => number>(),
} satisfies OptionTable<ServerOptions>;

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default `127.0.0.1`, which other machines cannot reach. */
  readonly host?: string | undefined;
}

/** What each option of `listen()` accepts. */
export const listenOptions = {
  port: required(integer(0, 65_535)),
  host: text('a host name or an address', { default: '127.0.0.1', pattern: /^[^\s/]+$/ }),
} satisfies OptionTable<ListenOptions>;

/** How a server ends. */
export interface CloseOptions {
  /** Time for requests under way, in milliseconds; those that take longer are cut off. Default 10,000. */
  readonly graceMs?: number | undefined;
  /**
   * Time before that, in milliseconds, in which `/readyz` answers 503 while requests are still served, so that a load
   * balancer sends them elsewhere. Default 0.
   */
  readonly drainMs?: number | undefined;
}

/** What each option of `close()` accepts. */
export const closeOptions = {
  graceMs: integer(0, 3_600_000, { default: 10_000, unit: 'ms' }),
  drainMs: integer(0, 3_600_000, { default: 0, unit: 'ms' }),
} satisfies OptionTable<CloseOptions>;

/** The broker behind HTTP. */
export interface MailServer {
  /** Answers a request; usable inside other servers. */
  fetch(request: Request): Promise<Response>;
  /** The keys of the API. */
  readonly keys: ApiKeys;
  /**
   * Listens for HTTP.
   *
   * @throws {ServerError} MB_SERVER_OPTION; MB_SERVER_LISTEN when the address cannot be used.
   */
  listen(options: ListenOptions): Promise<{ readonly host: string; readonly port: number }>;
  /**
   * Listens for mail by SMTP (RFC 6409): 250 is said when the message is durable.
   *
   * @throws {ServerError} MB_SERVER_OPTION, also for what would be an open relay; MB_SERVER_LISTEN.
   * @example
   * await server.listenSubmission({ security: 'starttls', host: '0.0.0.0', hostname: 'mail.example.com', tls: { key, cert } });
   */
  listenSubmission(options: SubmissionOptions): Promise<SubmissionAddress>;
  /**
   * Listens for bounces and complaints that come to our return paths, and records them in the queue; a mailbox that
   * does not exist is suppressed. DMARC and TLS reports to these domains are kept for `/v1/reports`. It needs
   * `queue.verp`, or the `verp` of profiles.
   *
   * @throws {ServerError} MB_SERVER_OPTION; MB_SERVER_LISTEN.
   * @example
   * await server.listenInbound({ host: '0.0.0.0', hostname: 'mail.example.com', domains: ['bounces.example.com'] });
   */
  listenInbound(options: InboundOptions): Promise<{ readonly host: string; readonly port: number }>;
  /**
   * Begins what runs beside the requests: counting for `/v1/stats`. `listen` and `listenSubmission` do so too; a program
   * that only mounts `fetch` calls it. It ends with {@link MailServer.close}.
   */
  start(): void;
  /**
   * Replaces the broker from the next request on: for settings that change while the server runs. The new one must use
   * the same store. The caller starts the new one and stops the old one.
   *
   * @throws {ServerError} MB_SERVER_OPTION
   */
  replaceBroker(broker: MailBroker): void;
  /**
   * Gives submission another certificate, for connections from now on.
   *
   * @throws {ServerError} MB_SERVER_OPTION for a key and a certificate that do not fit.
   */
  replaceCertificate(tls: TlsCertificate): void;
  /**
   * Stops taking requests, waits for those under way, and resolves. The broker keeps running.
   *
   * @throws {ServerError} MB_SERVER_OPTION
   */
  close(options?: CloseOptions): Promise<void>;
  /** As {@link MailServer.close}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Puts a broker behind HTTP.
 *
 * @throws {ServerError} MB_SERVER_OPTION
 * @example
 * const server = createServer({ broker });
 * const { token } = (await server.keys.create({ name: 'shop', scopes: ['send'] }));
 * await server.listen({ port: 8025 });
 */
// Long because the object that it returns wires everything that listens.
export function createServer(options: ServerOptions): MailServer {
  const read = readOptions(options, serverOptions, 'createServer: options');
  const {
    broker: first,
    maxMessageBytes,
    maxInFlight,
    dns,
    domains,
    alerts,
    dashboard,
    sessions: { lifetimeMs = sessionOptions.lifetimeMs.default, readOnly = false } = {},
    onError = warn,
    onWarning = warn,
    now = Date.now,
  } = read;
  const broker = new CurrentBroker(first);
  const resolver = dns && 'query' in dns ? dns : createResolver(dns);
  const keys = new ApiKeys({ records: broker.records, now, onError });
  const addresses = new WeakMap<Request, string>();
  let draining = false;
  const access = new Access({
    keys,
    onGuessing: (address) => onWarning(`${address} sends wrong API keys; it has to wait now.`),
  });
  const metrics = new Metrics(first);
  const reports = new ReportArchive({ records: broker.records, now, onError });
  const owner = randomUUID();
  const tlsResults = new TlsResults({ records: broker.records, now, onError, owner });
  let endTlsResults = tlsResults.watch(first);
  const app = createApp({
    broker,
    keys,
    reports,
    tlsResults,
    access,
    sessions: new Sessions({ records: broker.records, keys, now, lifetimeMs, readOnly }),
    auditLog: new AuditLog({ records: broker.records, now, onError }),
    dashboard,
    metrics,
    now,
    maxMessageBytes,
    maxInFlight,
    onError,
    isDraining: () => draining,
    clientAddress: (request) => addresses.get(request),
    version: packageVersion(),
    resolver,
    domains: domains ?? new ManagedDomains({ records: broker.records, dns: resolver, onError }),
    alerts: alerts ?? new Alerts(broker, { onError }),
  });
  const listeners = new Set<ServerType>();
  const submissions = new Set<SubmissionServer>();
  const inbounds = new Set<InboundServer>();
  const series = new SeriesCollector({ broker, now, onError, owner });
  const start = () => series.start();
  const fetch = async (request: Request) => app.fetch(request);
  return {
    fetch,
    keys,
    start,
    replaceBroker(given) {
      const { broker: next } = readOptions({ broker: given }, brokerOption, 'replaceBroker');
      broker.replace(next);
      metrics.replace(next);
      endTlsResults();
      endTlsResults = tlsResults.watch(next);
    },
    replaceCertificate(tls) {
      checkCertificate(tls, 'replaceCertificate');
      for (const listener of [...submissions, ...inbounds]) listener.replaceCertificate(tls);
    },
    listen: async (given) => {
      const { host, port } = readOptions(given, listenOptions, 'listen: options');
      const server = serve({
        port,
        hostname: host,
        fetch: (request, { incoming }) => {
          const address = incoming.socket.remoteAddress;
          if (address !== undefined) addresses.set(request, address);
          return fetch(request);
        },
      });
      await listening(server, `${host}:${port}`);
      listeners.add(server);
      start();
      const bound = server.address() as AddressInfo;
      return { host: bound.address, port: bound.port };
    },
    async listenSubmission(given) {
      const submission = await startSubmission(checkSubmissionOptions(given), {
        broker,
        access,
        maxMessageBytes,
        now,
        onError,
      });
      submissions.add(submission);
      start();
      return submission.address;
    },
    async listenInbound(given) {
      const inbound = await startInbound(checkInboundOptions(given), { broker, reports, onError });
      inbounds.add(inbound);
      return inbound.address;
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };

  async function close(given: CloseOptions = {}): Promise<void> {
    const { graceMs, drainMs } = readOptions(given, closeOptions, 'close: options');
    draining = true;
    if (drainMs > 0 && listeners.size > 0) await sleep(drainMs);
    endTlsResults();
    await Promise.all([
      series.stop(),
      tlsResults.write().catch(onError),
      metrics.close(),
      ...[...listeners].map((server) => closeListener(server, graceMs)),
      ...[...submissions, ...inbounds].map((listener) => listener.close(graceMs)),
    ]);
    listeners.clear();
    submissions.clear();
    inbounds.clear();
  }
}

/** Waits until a server listens. @throws {ServerError} MB_SERVER_LISTEN */
function listening(server: ServerType, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(where, cause)));
    server.once('listening', () => resolve());
  });
}

function closeListener(server: ServerType, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      if ('closeAllConnections' in server) server.closeAllConnections();
    }, graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    if ('closeIdleConnections' in server) server.closeIdleConnections();
  });
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
