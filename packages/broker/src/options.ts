import { isIP } from 'node:net';
import type { SignOptions } from '@mb/dkim';
import type { MtaStsStore, Resolver, ResolverOptions } from '@mb/dns';
import { parseMailbox } from '@mb/mime';
import type { ConnectOptions, SessionLimits, Timeouts } from '@mb/smtp-client';
import type { Clock } from './clock.ts';
import type { ReplyRule } from './delivery/reply-rule.ts';
import { BrokerError } from './errors.ts';
import type { Observer, SessionLine } from './observer.ts';
import type { RouteOption, RouteSettings } from './route/next-hop.ts';
import type { EgressSource } from './sender/egress-source.ts';
import type { KeyCheck } from './sender/keyring.ts';
import type { VerpOptions } from './sender/verp.ts';
import type { RetrySchedule } from './store/backoff.ts';
import type { QueueStore } from './store/port.ts';
import type { Retention } from './store/retention.ts';

/** Options of a broker. Only `hostname` is required. */
export interface BrokerOptions {
  /**
   * The name that we say in EHLO. Large receivers want it to have an address record, and the address that we send
   * from to have this name as its reverse name (PTR).
   */
  readonly hostname: string;
  /**
   * Keys to sign with, one or several; the domain of From picks among them. Default none: messages go out unsigned.
   * With keys, a message whose From matches none of them is refused, never sent unsigned.
   */
  readonly dkim?: SignOptions | readonly SignOptions[];
  /** What is done about a key that is not published as it should be. Default `warn`. */
  readonly dkimCheck?: KeyCheck;
  /** Where to ask: a resolver, or the options of one. Default: the system's servers. */
  readonly dns?: Resolver | ResolverOptions;
  /** How hosts are chosen and talked to. */
  readonly delivery?: DeliveryOptions;
  /** What is asked of TLS. */
  readonly tls?: TlsOptions;
  /** Keeps what `enqueue()` accepts: `SqliteStore` of `@mb/broker/sqlite`, `MemoryStore`. Default none: only `send()`. */
  readonly store?: QueueStore<never>;
  /** How the queue is worked on. */
  readonly queue?: QueueOptions;
  /** Sees every line of every session as it happens; never content, never secrets. */
  readonly onTranscript?: (entry: SessionLine) => void;
  /** Called with what happens inside, as it happens; see `broker.observe()`. Must return quickly. */
  readonly observer?: Observer;
  /** For tests: time, chance and sockets from outside. */
  readonly runtime?: RuntimeOptions;
}

/** How hosts are chosen and talked to. */
export interface DeliveryOptions {
  /** Port of mail exchangers. Default 25; another one only makes sense in a lab. */
  readonly port?: number;
  /**
   * CIDR blocks that may be dialled although they are not public, for labs and intranets. Default none.
   * Danger: whoever controls a recipient domain's DNS can then make this machine connect there.
   */
  readonly allowAddresses?: readonly string[];
  /** Address families in the order in which they are tried. Default IPv4, then IPv6. */
  readonly families?: readonly (4 | 6)[];
  /** Mail exchangers tried in one attempt. Default 5. */
  readonly maxHosts?: number;
  /** Recipients in one transaction. Default 100, what every server must take (RFC 5321 §4.5.3.1.8). */
  readonly maxRecipients?: number;
  /** Domains delivered to at once. Default 20. */
  readonly concurrency?: number;
  /**
   * Where the mail of some domains goes instead of their mail exchangers: by domain, `.example.com` for all below it,
   * `*` for the rest. Where port 25 is closed, `{ '*': { type: 'smarthost', host, auth } }` sends all through a relay.
   */
  readonly routes?: Readonly<Record<string, RouteOption>>;
  /** Addresses to send from, chosen by weight. Default: as the machine chooses. */
  readonly sources?: readonly EgressSource[];
  /**
   * How long a connection of `send()` is kept for the next message to the same hosts, in milliseconds; 0 closes it at
   * once. It does not keep the process from ending. Default 5,000.
   */
  readonly idleConnectionMs?: number;
  /** How long to wait at each stage; see `Timeouts` of @mb/smtp-client. */
  readonly timeouts?: Partial<Timeouts>;
  /** Bounds of each session; see `SessionLimits` of @mb/smtp-client. */
  readonly limits?: Partial<SessionLimits>;
  /** Rules for what replies mean, tried in order before {@link defaultReplyRules}. Default none. */
  readonly replyRules?: readonly ReplyRule[];
}

/** What is asked of TLS. */
export interface TlsOptions {
  /**
   * Least that every host must give. `opportunistic` (default): STARTTLS where it works, else plain text, as mail
   * has always been delivered (RFC 7435). `required`: any TLS. `verified`: a certificate for the host's name.
   * Danger: many mail exchangers have no valid certificate; `verified` for everybody loses mail.
   */
  readonly minimum?: 'opportunistic' | 'required' | 'verified';
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca?: string | readonly string[];
  /** Look up TLSA records and obey them (RFC 7672). They count only behind a validating resolver. Default true. */
  readonly dane?: boolean;
  /** Fetch MTA-STS policies and obey them (RFC 8461): how, or `false`. Default: from port 443, kept in memory. */
  readonly mtaSts?: false | MtaStsOptions;
}

/** Where MTA-STS policies come from and where they are kept. */
export interface MtaStsOptions {
  /** Keeps policies across restarts; see `createMtaStsFileStore` of @mb/dns. Default: in memory. */
  readonly store?: MtaStsStore;
  /** Certificates to trust instead of the system's, in PEM. For labs. */
  readonly ca?: string;
  /** For labs. */
  readonly port?: number;
}

/** How the queue is worked on. */
export interface QueueOptions {
  /** Connections at once. Default 50. */
  readonly concurrency?: number;
  /** Names this worker in the store; unique among those that share it. Default: host name and process id. */
  readonly name?: string;
  /**
   * How long recipients stay claimed when their worker falls silent, in milliseconds; what a killed process had in hand
   * waits as long. Default 60,000. A live worker renews its claims three times as often.
   */
  readonly leaseMs?: number;
  /** Departures from the retry schedule: 5 minutes, doubling to 4 hours, ±10 %. */
  readonly schedule?: Partial<RetrySchedule>;
  /** Report failures to the return path (RFC 3464). Default true. */
  readonly bounces?: boolean;
  /** Put addresses that do not exist on the suppression list. Default true. */
  readonly suppress?: boolean;
  /** Give every recipient a return path of its own, so that reports coming in name it; see `broker.receiveReport()`. */
  readonly verp?: VerpOptions;
  /**
   * How long a connection is kept for the next message once a claim is done, in milliseconds. Default 0: within a claim
   * connections are shared anyway. An idle connection is open at the host and not counted against its limit.
   */
  readonly idleConnectionMs?: number;
  /** What to keep; `null`: somebody else purges. */
  readonly retention?: Partial<Retention> | null;
  /** Told of trouble that the worker lives through: the store failing, an attempt that threw. Default: process warnings. */
  readonly onError?: (error: unknown) => void;
}

/** What the broker takes from its surroundings. */
export interface RuntimeOptions {
  /** Default: the system's time. */
  readonly clock?: Clock;
  /** Numbers in [0, 1) for choices among equals. Default `Math.random`. */
  readonly random?: () => number;
  /** Octets for boundaries and Message-IDs. Default: the platform's secure source. */
  readonly randomBytes?: (length: number) => Uint8Array;
  /** Opens connections. Default: TCP. */
  readonly openSocket?: ConnectOptions['openSocket'];
}

/** Delivery options with their defaults filled in. */
export interface DeliverySettings extends RouteSettings {
  readonly maxRecipients: number;
  readonly concurrency: number;
  readonly sources: readonly EgressSource[];
  readonly idleConnectionMs: number;
  readonly timeouts: Partial<Timeouts>;
  readonly limits: Partial<SessionLimits>;
  readonly replyRules: readonly ReplyRule[];
}

/** What holds where the caller says nothing. */
const defaultDelivery: DeliverySettings = {
  port: 25,
  allowAddresses: [],
  families: [4, 6],
  maxHosts: 5,
  maxRecipients: 100,
  concurrency: 20,
  routes: {},
  sources: [],
  idleConnectionMs: 5_000,
  timeouts: {},
  limits: {},
  replyRules: [],
};

const knownKeys = {
  broker: [
    'hostname',
    'dkim',
    'dkimCheck',
    'dns',
    'delivery',
    'tls',
    'store',
    'queue',
    'onTranscript',
    'observer',
    'runtime',
  ],
  queue: [
    'concurrency',
    'name',
    'leaseMs',
    'schedule',
    'bounces',
    'suppress',
    'verp',
    'idleConnectionMs',
    'retention',
    'onError',
  ],
  delivery: Object.keys(defaultDelivery),
  tls: ['minimum', 'ca', 'dane', 'mtaSts'],
  mtaSts: ['store', 'ca', 'port'],
  runtime: ['clock', 'random', 'randomBytes', 'openSocket'],
} as const;

/** Checks the options; what belongs to a layer below is checked there. @throws {BrokerError} MB_BROKER_OPTION */
export function resolveDelivery(options: BrokerOptions): DeliverySettings {
  refuseUnknownKeys('the broker', options, knownKeys.broker);
  refuseUnknownKeys('delivery', options.delivery, knownKeys.delivery);
  refuseUnknownKeys('queue', options.queue, knownKeys.queue);
  refuseUnknownKeys('tls', options.tls, knownKeys.tls);
  refuseUnknownKeys('tls.mtaSts', options.tls?.mtaSts || undefined, knownKeys.mtaSts);
  refuseUnknownKeys('runtime', options.runtime, knownKeys.runtime);
  // RFC 5321 §4.1.1.1: a fully-qualified name, or an address literal where there is none.
  if (
    typeof options.hostname !== 'string' ||
    !/^(?:[\w-]+(?:\.[\w-]+)+|\[[\w.:]+\])$/.test(options.hostname)
  ) {
    throw misuse(
      'hostname must be the full name that this machine says in EHLO, such as "mail.example.com".',
    );
  }
  if (!['warn', 'refuse', 'off', undefined].includes(options.dkimCheck)) {
    throw misuse("dkimCheck must be 'warn', 'refuse' or 'off'.");
  }
  const minimum = options.tls?.minimum ?? 'opportunistic';
  if (!['opportunistic', 'required', 'verified'].includes(minimum)) {
    throw misuse("tls.minimum must be 'opportunistic', 'required' or 'verified'.");
  }
  const settings = { ...defaultDelivery, ...options.delivery };
  for (const [name, max] of [
    ['port', 65_535],
    ['maxHosts', 100],
    ['maxRecipients', 10_000],
    ['concurrency', 10_000],
  ] as const) {
    const value = settings[name];
    if (!Number.isSafeInteger(value) || value < 1 || value > max) {
      throw misuse(`delivery.${name} must be a whole number from 1 to ${max}.`);
    }
  }
  if (!Number.isSafeInteger(settings.idleConnectionMs) || settings.idleConnectionMs < 0) {
    throw misuse('delivery.idleConnectionMs must be a whole number of 0 or more.');
  }
  checkRoutes(settings.routes);
  refuseEmpty('dkim', options.dkim, 'Leave it out to send unsigned.');
  refuseEmpty('tls.ca', options.tls?.ca, "Leave it out to trust the system's certificates.");
  refuseEmpty('delivery.families', settings.families, 'Name 4, 6 or both.');
  refuseEmpty(
    'delivery.sources',
    options.delivery?.sources,
    'Leave it out to send from the address that the machine chooses.',
  );
  checkSources(settings.sources);
  if (!Array.isArray(settings.replyRules)) throw misuse('delivery.replyRules must be a list of rules.');
  checkVerp(options.queue?.verp);
  return settings;
}

/** A list that came out empty is a mistake in what made it: to name nothing is another thing than to say nothing. */
function refuseEmpty(name: string, given: unknown, hint: string): void {
  if (given === '' || (Array.isArray(given) && given.length === 0)) throw misuse(`${name} is empty. ${hint}`);
}

function checkRoutes(routes: DeliverySettings['routes']): void {
  for (const [domain, route] of Object.entries(routes)) {
    if (!['mx', 'smarthost', 'lmtp'].includes(route.type)) {
      throw misuse(`delivery.routes["${domain}"].type must be 'mx', 'smarthost' or 'lmtp'.`);
    }
    if (route.type !== 'mx' && (typeof route.host !== 'string' || route.host === '')) {
      throw misuse(`delivery.routes["${domain}"].host must be the name of a host, or an address literal.`);
    }
  }
}

function checkSources(sources: readonly EgressSource[]): void {
  if (!Array.isArray(sources)) throw misuse('delivery.sources must be a list of { name, localAddresses }.');
  for (const { name, localAddresses, weight = 1 } of sources as readonly EgressSource[]) {
    const families = Array.isArray(localAddresses) ? localAddresses.map((address) => isIP(address)) : [];
    if (families.length === 0 || families.includes(0) || new Set(families).size < families.length) {
      throw misuse(
        `delivery.sources "${name}" needs one or two localAddresses: an IPv4 and an IPv6 address at most.`,
      );
    }
    if (!(weight > 0 && weight < Number.POSITIVE_INFINITY)) {
      throw misuse(`delivery.sources "${name}" needs a weight above 0.`);
    }
  }
}

function checkVerp(verp: VerpOptions | undefined): void {
  if (verp === undefined) return;
  refuseUnknownKeys('queue.verp', verp, ['address', 'secret']);
  parseMailbox(verp.address);
  if (typeof verp.secret !== 'string' || verp.secret.length < 16) {
    throw misuse('queue.verp.secret must be a text of at least 16 characters.');
  }
}

/** Refuses keys that mean nothing: a misspelt option must not be ignored. */
function refuseUnknownKeys(where: string, given: object | undefined, known: readonly string[]): void {
  for (const key of Object.keys(given ?? {})) {
    if (!known.includes(key))
      throw misuse(`${where} has no option "${key}"; known are: ${known.join(', ')}.`);
  }
}

function misuse(message: string): BrokerError {
  return new BrokerError('MB_BROKER_OPTION', 'api-misuse', message);
}
