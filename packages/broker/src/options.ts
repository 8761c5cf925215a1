// Long because each options type has its table beside it, and the two are read together.

import { isIP } from 'node:net';
import type { SignOptions } from '@mb/dkim';
import type { MtaStsStore, Resolver, ResolverOptions } from '@mb/dns';
import { parseMailbox } from '@mb/mime';
import {
  type ConnectOptions,
  defaultLimits,
  defaultTimeouts,
  type LimitOptions,
  type TimeoutOptions,
} from '@mb/smtp-client';
import type { Clock } from './clock.ts';
import type { KeptTranscripts } from './delivery/outcome.ts';
import type { ReplyRule } from './delivery/reply-rule.ts';
import { type BrokerError, optionError } from './errors.ts';
import type { Observer, SessionLine } from './observer.ts';
import {
  callback,
  either,
  flag,
  group,
  integer,
  list,
  literal,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
  withMethods,
  word,
} from './option-table.ts';
import { type RouteOption, type RouteSettings, readRoutes } from './route/next-hop.ts';
import { type EgressSource, egressSource, ehloName } from './sender/egress-source.ts';
import type { DkimKeys, KeyCheck, KeySource } from './sender/keyring.ts';
import { type VerpOptions, verpOptions } from './sender/verp.ts';
import type { ProfileFor, ProfileTls, SendingProfile } from './sending-profile.ts';
import { type ScheduleOptions, scheduleOptions } from './store/backoff.ts';
import type { QueueStore } from './store/port.ts';
import { type RetentionOptions, retentionOptions } from './store/retention.ts';
import { type WebhookDeliveryOptions, webhookDeliveryOptions } from './webhooks/delivery-options.ts';

/** Options of a sender. Only `hostname` is required. */
export interface SenderOptions {
  /**
   * The name that we say in EHLO. Large receivers want it to have an address record, and the address that we send
   * from to have this name as its reverse name (PTR).
   */
  readonly hostname: string;
  /**
   * Keys to sign with, one or several; the domain of From picks among them. Default none: messages go out unsigned.
   * With keys, a message whose From matches none of them is refused, never sent unsigned. A function is asked for the
   * keys of each message.
   */
  readonly dkim?: DkimKeys | undefined;
  /** What is done about a key that is not published as it should be. Default `warn`. */
  readonly dkimCheck?: KeyCheck | undefined;
  /**
   * Chooses who each message is sent as, by tenant, tag and author domain: name, keys, addresses, return paths, routes
   * and limits. They are not given here then: `dkim`, `delivery.sources`, `delivery.routes` and `queue.verp` are
   * refused beside it, and what a profile leaves out besides is taken from these options. Default: all messages are
   * sent as these options say.
   */
  readonly profileFor?: ProfileFor | undefined;
  /** Where to ask: a resolver, or the options of one. Default: the system's servers. */
  readonly dns?: Resolver | ResolverOptions | undefined;
  /** How hosts are chosen and talked to. */
  readonly delivery?: DeliveryOptions | undefined;
  /** What is asked of TLS. */
  readonly tls?: TlsOptions | undefined;
  /** Sees every line of every session as it happens; never content, never secrets. */
  readonly onTranscript?: ((entry: SessionLine) => void) | undefined;
  /** Called with what happens inside, as it happens; see `broker.observe()`. Must return quickly. */
  readonly observer?: Observer | undefined;
  /** For tests: time, chance and sockets from outside. */
  readonly runtime?: RuntimeOptions | undefined;
}

/** Options of a broker. Only `hostname` is required. */
export interface BrokerOptions extends SenderOptions {
  /** Keeps what `enqueue()` accepts: `SqliteStore` of `@mb/broker/sqlite`, `MemoryStore`. Default none: only `send()`. */
  readonly store?: QueueStore<never> | undefined;
  /** How the queue is worked on. */
  readonly queue?: QueueOptions | undefined;
  /** How webhooks are called. */
  readonly webhooks?: WebhookDeliveryOptions | undefined;
}

/** Options of a worker. `hostname` and `store` are required. */
export interface MailWorkerOptions extends SenderOptions {
  /** The queue that it delivers. */
  readonly store: QueueStore<never>;
  /** How the queue is worked on. */
  readonly queue?: QueueOptions | undefined;
}

/** Options of a queue. Only `store` is required. */
export interface MailQueueOptions {
  /** Keeps what `enqueue()` accepts: `SqliteStore` of `@mb/broker/sqlite`, `MemoryStore`. */
  readonly store: QueueStore<never>;
  /** Keys for `sign: 'enqueue'`. With keys, a message whose From matches none of them is refused. Default none. */
  readonly dkim?: DkimKeys | undefined;
  /** Who each message is sent as, for the keys of `sign: 'enqueue'`. */
  readonly profileFor?: ProfileFor | undefined;
  /** What is done about a key that is not published as it should be. Default `warn`. */
  readonly dkimCheck?: KeyCheck | undefined;
  /** Where `dkimCheck` asks: a resolver, or the options of one. Default: the system's servers. */
  readonly dns?: Resolver | ResolverOptions | undefined;
  /** What is done about reports that come in, and about failures of the store. */
  readonly queue?: Pick<QueueOptions, 'verp' | 'suppress' | 'onError'> | undefined;
  /** How webhooks are called. */
  readonly webhooks?: WebhookDeliveryOptions | undefined;
  /** For tests: time and chance from outside. */
  readonly runtime?: Pick<RuntimeOptions, 'clock' | 'randomBytes'> | undefined;
}

/** How hosts are chosen and talked to. */
export interface DeliveryOptions {
  /** Port of mail exchangers. Default 25; another one only makes sense in a lab. */
  readonly port?: number | undefined;
  /**
   * CIDR blocks that may be dialled although they are not public, for labs and intranets. Default none.
   * Danger: the owner of a recipient domain's DNS can then make this machine connect there.
   */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Address families in the order in which they are tried. Default IPv4, then IPv6. */
  readonly families?: readonly (4 | 6)[] | undefined;
  /** Mail exchangers tried in one attempt. Default 5. */
  readonly maxHosts?: number | undefined;
  /** Recipients in one transaction. Default 100, what every server must take (RFC 5321 §4.5.3.1.8). */
  readonly maxRecipients?: number | undefined;
  /** Domains delivered to at once. Default 20. */
  readonly concurrency?: number | undefined;
  /**
   * Where the mail of some domains goes instead of their mail exchangers: by domain, `.example.com` for all below it,
   * `*` for the rest. Where port 25 is closed, `{ '*': { type: 'smarthost', host, auth } }` sends all through a relay.
   */
  readonly routes?: Readonly<Record<string, RouteOption>> | undefined;
  /** Addresses to send from, chosen by weight. Default: as the machine chooses. */
  readonly sources?: readonly EgressSource[] | undefined;
  /**
   * How long a connection of `send()` is kept for the next message to the same hosts, in milliseconds; 0 closes it at
   * once. It does not keep the process from ending. Default 5,000.
   */
  readonly idleConnectionMs?: number | undefined;
  /** How long to wait at each stage; see `Timeouts` of @mb/smtp-client. */
  readonly timeouts?: TimeoutOptions | undefined;
  /** Bounds of each session; see `SessionLimits` of @mb/smtp-client. */
  readonly limits?: LimitOptions | undefined;
  /** Rules for what replies mean, tried in order before those that @mb/broker has (docs/reply-rules.md). Default none. */
  readonly replyRules?: readonly ReplyRule[] | undefined;
}

/** What is asked of TLS. */
export interface TlsOptions {
  /**
   * Least that every host must give. `opportunistic` (default): STARTTLS where it works, else plain text, as mail
   * has always been delivered (RFC 7435). `required`: any TLS. `verified`: a certificate for the host's name.
   * Danger: many mail exchangers have no valid certificate; `verified` for all hosts loses mail.
   */
  readonly minimum?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca?: string | readonly string[] | undefined;
  /** Look up TLSA records and obey them (RFC 7672). They count only behind a validating resolver. Default true. */
  readonly dane?: boolean | undefined;
  /** Fetch MTA-STS policies and obey them (RFC 8461): how, or `false`. Default: from port 443, kept in memory. */
  readonly mtaSts?: false | MtaStsOptions | undefined;
}

/** Where MTA-STS policies come from and where they are kept. */
export interface MtaStsOptions {
  /** Keeps policies across restarts; see `createMtaStsFileStore` of @mb/dns. Default: in memory. */
  readonly store?: MtaStsStore | undefined;
  /** Certificates to trust instead of the system's, in PEM. For labs. */
  readonly ca?: string | undefined;
  /** For labs. */
  readonly port?: number | undefined;
}

/** How the queue is worked on. */
export interface QueueOptions {
  /** Connections at once. Default 50. */
  readonly concurrency?: number | undefined;
  /** Names this worker in the store; unique among those that share it. Default: host name and process id. */
  readonly name?: string | undefined;
  /**
   * How long recipients stay claimed when their worker falls silent, in milliseconds; what a killed process had in hand
   * waits as long. Default 60,000. A live worker renews its claims three times as often.
   */
  readonly leaseMs?: number | undefined;
  /** Overrides of the retry schedule: 5 minutes, doubling to 4 hours, ±10 %. */
  readonly schedule?: ScheduleOptions | undefined;
  /** Report failures to the return path (RFC 3464). Default true. */
  readonly bounces?: boolean | undefined;
  /** Put addresses that do not exist on the suppression list. Default true. */
  readonly suppress?: boolean | undefined;
  /** Give every recipient a return path of its own, so that reports coming in name it; see `broker.receiveReport()`. */
  readonly verp?: VerpOptions | undefined;
  /**
   * How long a connection is kept for the next message once a claim is done, in milliseconds. Default 0: within a claim
   * connections are shared anyway. An idle connection is open at the host and not counted against its limit.
   */
  readonly idleConnectionMs?: number | undefined;
  /**
   * Of which outcomes the transcript of the SMTP session is kept, at most 40 lines each: of attempts that did not
   * deliver (`failures`), of `all`, or of `none`. It names the recipients of the transaction, never content or
   * credentials. Default `failures`.
   */
  readonly transcripts?: KeptTranscripts | undefined;
  /** What to keep; `null`: another process purges. */
  readonly retention?: RetentionOptions | null | undefined;
  /**
   * Called with errors that the worker survives: the store failing, an attempt that threw. The same as a listener of
   * `error` observations. Default: process warnings, unless something observes errors.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What the broker takes from its surroundings. */
export interface RuntimeOptions {
  /** Default: the system's time. */
  readonly clock?: Clock | undefined;
  /** Numbers in [0, 1) for choices among equals. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Octets for boundaries and Message-IDs. Default: the platform's secure source. */
  readonly randomBytes?: ((length: number) => Uint8Array) | undefined;
  /** Opens connections. Default: TCP. */
  readonly openSocket?: ConnectOptions['openSocket'] | undefined;
}

/** Delivery options with their defaults filled in. */
export interface DeliverySettings extends RouteSettings {
  readonly maxRecipients: number;
  readonly concurrency: number;
  readonly sources: readonly EgressSource[];
  readonly idleConnectionMs: number;
  readonly timeouts: TimeoutOptions;
  readonly limits: LimitOptions;
  readonly replyRules: readonly ReplyRule[];
}

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const longestMs = 2 ** 31 - 1;
const pem = text('certificates in PEM', { pattern: /./s });

/** The keys of @mb/smtp-client, each with the range that it takes there. */
const timeoutOptions = Object.fromEntries(
  Object.keys(defaultTimeouts).map((name) => [name, integer(1, longestMs, { unit: 'ms' })]),
) as unknown as OptionTable<TimeoutOptions>;
const limitOptions = Object.fromEntries(
  Object.keys(defaultLimits).map((name) => [name, integer(1, longestMs)]),
) as unknown as OptionTable<LimitOptions>;

/** What `DeliveryOptions` accepts. */
export const deliveryOptions = {
  port: integer(1, 65_535, { default: 25 }),
  allowAddresses: list(text('a CIDR block such as "192.0.2.0/24"', { pattern: /./s })),
  families: list<4 | 6>(either(literal(4), literal(6)), 1),
  maxHosts: integer(1, 100, { default: 5 }),
  maxRecipients: integer(1, 10_000, { default: 100 }),
  concurrency: integer(1, 10_000, { default: 20 }),
  routes: matching<Readonly<Record<string, RouteOption>>>('an object with a route for each domain', isObject),
  sources: list<EgressSource>(group<EgressSource>(egressSource), 1),
  idleConnectionMs: integer(0, longestMs, { default: 5_000, unit: 'ms' }),
  timeouts: group<TimeoutOptions>(timeoutOptions),
  limits: group<LimitOptions>(limitOptions),
  // Each rule is checked where it is compiled.
  replyRules: list(matching<ReplyRule>('a rule', isObject)),
} satisfies OptionTable<DeliveryOptions>;

/** What `MtaStsOptions` accepts. */
const mtaStsOptions = {
  store: withMethods<MtaStsStore>('get', 'set'),
  ca: pem,
  port: integer(1, 65_535),
} satisfies OptionTable<MtaStsOptions>;

/** What `TlsOptions` accepts. */
export const tlsOptions = {
  minimum: word(['opportunistic', 'required', 'verified']),
  ca: either(pem, list(pem, 1)),
  dane: flag(),
  mtaSts: either(literal(false), group<MtaStsOptions>(mtaStsOptions)),
} satisfies OptionTable<TlsOptions>;

/** What `QueueOptions` accepts. */
export const queueOptions = {
  concurrency: integer(1, 10_000),
  name: text('a string that is not empty', { pattern: /./s }),
  leaseMs: integer(1, 86_400_000, { unit: 'ms' }),
  schedule: group<ScheduleOptions>(scheduleOptions),
  bounces: flag(),
  suppress: flag(),
  verp: group<VerpOptions>(verpOptions),
  idleConnectionMs: integer(0, longestMs, { unit: 'ms' }),
  transcripts: word<KeptTranscripts, object>(['none', 'failures', 'all']),
  retention: either(
    matching<null>('null', (value) => value === null),
    group<RetentionOptions>(retentionOptions),
  ),
  onError: callback<(error: unknown) => void>(),
} satisfies OptionTable<QueueOptions>;

/** What `RuntimeOptions` accepts. */
export const runtimeOptions = {
  clock: withMethods<Clock>('now', 'setTimer'),
  random: callback<() => number>(),
  randomBytes: callback<(length: number) => Uint8Array>(),
  openSocket: callback<NonNullable<ConnectOptions['openSocket']>>(),
} satisfies OptionTable<RuntimeOptions>;

const dkim = either(
  either(
    matching<SignOptions>('options of a signer', isObject),
    // Empty is not absent: no key would mean no signature.
    list(matching<SignOptions>('options of a signer', isObject), 1),
  ),
  callback<KeySource>(),
);
const dkimCheck = word<KeyCheck, object>(['warn', 'refuse', 'off']);
const dns = matching<Resolver | ResolverOptions>('a resolver, or the options of one', isObject);
const store = withMethods<QueueStore<never>>('accept', 'claimSites', 'settle', 'onWake');

/** What `SenderOptions` accepts. Keys, resolver options and reply rules are checked by what reads them. */
export const senderOptions = {
  hostname: required(
    text('the full name that this machine says in EHLO, such as "mail.example.com"', { pattern: ehloName }),
  ),
  dkim,
  dkimCheck,
  profileFor: callback<ProfileFor>(),
  dns,
  delivery: group<DeliveryOptions>(deliveryOptions),
  tls: group<TlsOptions>(tlsOptions),
  onTranscript: callback<(entry: SessionLine) => void>(),
  observer: callback<Observer>(),
  runtime: group<RuntimeOptions>(runtimeOptions),
} satisfies OptionTable<SenderOptions>;

/** What `BrokerOptions` accepts. */
export const brokerOptions = {
  ...senderOptions,
  store,
  queue: group<QueueOptions>(queueOptions),
  webhooks: group<WebhookDeliveryOptions>(webhookDeliveryOptions),
} satisfies OptionTable<BrokerOptions>;

/** What `MailWorkerOptions` accepts. */
export const mailWorkerOptions = {
  ...senderOptions,
  store: required(store),
  queue: group<QueueOptions>(queueOptions),
} satisfies OptionTable<MailWorkerOptions>;

/** What `MailQueueOptions` accepts. */
export const mailQueueOptions = {
  store: required(store),
  dkim,
  dkimCheck,
  profileFor: senderOptions.profileFor,
  dns,
  queue: group<NonNullable<MailQueueOptions['queue']>>({
    verp: queueOptions.verp,
    suppress: queueOptions.suppress,
    onError: queueOptions.onError,
  }),
  webhooks: group<WebhookDeliveryOptions>(webhookDeliveryOptions),
  runtime: group<NonNullable<MailQueueOptions['runtime']>>({
    clock: runtimeOptions.clock,
    randomBytes: runtimeOptions.randomBytes,
  }),
} satisfies OptionTable<MailQueueOptions>;

/** What `SendingProfile` accepts. */
export const sendingProfileOptions = {
  name: required(text('a string that is not empty', { pattern: /./s })),
  hostname: text('a full name, such as "mail.example.com"', { pattern: ehloName }),
  dkim,
  dkimCheck,
  sources: deliveryOptions.sources,
  verp: group<VerpOptions>(verpOptions),
  tls: group<ProfileTls>({ minimum: tlsOptions.minimum, ca: tlsOptions.ca }),
  routes: deliveryOptions.routes,
  maxRecipients: integer(1, 10_000),
  timeouts: group<TimeoutOptions>(timeoutOptions),
  limits: group<LimitOptions>(limitOptions),
} satisfies OptionTable<SendingProfile>;

/**
 * Checks a sending profile; its keys are checked where they are parsed.
 *
 * @throws {BrokerError} MB_BROKER_OPTION
 */
export function readSendingProfile(given: SendingProfile, where: string): SendingProfile {
  const profile = readOptions<SendingProfile, typeof sendingProfileOptions>(
    given,
    sendingProfileOptions,
    where,
  );
  checkSources(profile.sources ?? [], `${where}.sources`);
  if (profile.verp) checkReturnPath(profile.verp, `${where}.verp`);
  return { ...profile, routes: readRoutes(profile.routes ?? {}, `${where}.routes`) };
}

/** Options of sending as they are used. */
export interface SendingSettings extends Omit<SenderOptions, 'delivery'> {
  readonly delivery: DeliverySettings;
}

/** What a broker is made of. */
export interface BrokerSettings {
  readonly sending: SendingSettings;
  readonly queue: QueueOptions;
  readonly store: QueueStore<unknown> | undefined;
  readonly webhooks: WebhookDeliveryOptions;
}

/** Checks the options of a sender. @throws {BrokerError} MB_BROKER_OPTION */
export function resolveSenderOptions(given: SenderOptions, where: string): SendingSettings {
  return sendingSettings(
    readOptions<SenderOptions, typeof senderOptions>(given, senderOptions, where),
    where,
  );
}

/** Checks the options of a broker; what belongs to a layer below is checked there. @throws {BrokerError} MB_BROKER_OPTION */
export function resolveBrokerOptions(given: BrokerOptions, where: string): BrokerSettings {
  const options: BrokerOptions = readOptions(given, brokerOptions, where);
  const { store, queue = {}, webhooks = {}, ...sending } = options;
  checkQueueVerp(options, where);
  // Which transactions a store joins is between the caller and the store.
  return {
    sending: sendingSettings(sending, where),
    queue,
    webhooks,
    store: store as QueueStore<unknown> | undefined,
  };
}

function sendingSettings(options: SenderOptions, where: string): SendingSettings {
  const delivery = readOptions<DeliveryOptions, typeof deliveryOptions>(
    options.delivery,
    deliveryOptions,
    `${where}.delivery`,
  );
  checkSources(delivery.sources ?? [], `${where}.delivery.sources`);
  if (options.profileFor) {
    if (options.dkim) throw twoSenders(`${where}.dkim`);
    if (delivery.sources) throw twoSenders(`${where}.delivery.sources`);
    if (delivery.routes) throw twoSenders(`${where}.delivery.routes`);
  }
  return {
    ...options,
    delivery: {
      ...delivery,
      allowAddresses: delivery.allowAddresses ?? [],
      families: delivery.families ?? [4, 6],
      routes: readRoutes(delivery.routes ?? {}, `${where}.delivery.routes`),
      sources: delivery.sources ?? [],
      timeouts: delivery.timeouts ?? {},
      limits: delivery.limits ?? {},
      replyRules: delivery.replyRules ?? [],
    },
  };
}

/** @throws {BrokerError} MB_BROKER_OPTION for a return path that is no mailbox, and for one beside `profileFor`. */
export function checkQueueVerp(
  { queue, profileFor }: Pick<MailQueueOptions, 'queue' | 'profileFor'>,
  where: string,
): void {
  if (!queue?.verp) return;
  checkReturnPath(queue.verp, `${where}.queue.verp`);
  if (profileFor) throw twoSenders(`${where}.queue.verp`);
}

function twoSenders(path: string): BrokerError {
  return optionError(`${path} must not be given beside profileFor: give it in the profiles.`);
}

/** @throws {BrokerError} MB_BROKER_OPTION for two sources of one name, and two addresses of one family. */
export function checkSources(sources: readonly EgressSource[], where: string): void {
  const names = new Set<string>();
  for (const { name, localAddresses } of sources) {
    // A message that was deferred finds its source again by its name.
    if (names.has(name)) {
      throw optionError(`${where}: two sources are called ${JSON.stringify(name.slice(0, 40))}.`);
    }
    names.add(name);
    const families = localAddresses.map((address) => isIP(address));
    if (new Set(families).size < families.length) {
      throw optionError(
        `${where}: ${JSON.stringify(name.slice(0, 40))} needs one or two localAddresses: an IPv4 and an IPv6 address at most.`,
      );
    }
  }
}

/** @throws {BrokerError} MB_BROKER_OPTION for VERP with an address that is no mailbox. */
export function checkReturnPath({ address }: VerpOptions, where: string): void {
  try {
    parseMailbox(address);
  } catch {
    throw optionError(`${where}.address must be a mailbox such as "bounces@example.com".`);
  }
}
