import { misuse, type TranscriptEntry } from '../errors.ts';
import { mechanismsFor, type SaslMechanismName } from '../protocol/sasl/choose.ts';
import type { CredentialSource, Credentials, SaslMechanism } from '../protocol/sasl/mechanism.ts';
import type { HostExperience } from '../protocol/session/host-experience.ts';
import type { SessionLimits } from '../protocol/session/limits.ts';
import { resolveLimits } from '../protocol/session/limits.ts';
import { resolveTimeouts, type Timeouts } from '../protocol/session/timeouts.ts';
import { checkHostname } from '../protocol/transaction/mailbox.ts';
import type { Pipelining } from '../protocol/transaction/sender.ts';
import type { TlsFailure, TlsLevel } from '../tls-evidence.ts';
import { type Authentication, checkCredentials } from './authenticate.ts';
import { type Clock, systemClock } from './clock.ts';
import { type OpenSocket, openTcp } from './open-socket.ts';
import type { secure, TlsOptions } from './tls.ts';
import { isUsableTlsa } from './tlsa-record.ts';

/** Who authenticates and how. */
export type AuthOptions = (
  | Credentials
  | {
      /** Gives credentials when they are needed, and others when the server has refused some: for access tokens. */
      readonly credentials: CredentialSource;
    }
  | { readonly mechanisms: readonly SaslMechanism[] }
) & {
  /**
   * Mechanisms to use, best first: names of this package's, or your own. Default: all that fit the credentials, those
   * that prove the server first; then, over a channel that does not protect them, those that tell least.
   */
  readonly mechanisms?: readonly (SaslMechanismName | SaslMechanism)[];
  /** Dangerous: sends credentials also in clear text or to an unverified server. Default false. */
  readonly insecure?: boolean;
};

/** Options of `connect`; only `host` and `hostname` are needed. */
export interface ConnectOptions {
  /** Name of the mail exchanger or smarthost: resolved unless `addresses` are given, and used for SNI and name checks. */
  readonly host: string;
  /** IP addresses, already resolved; tried in this order with families taking turns. */
  readonly addresses?: readonly string[];
  /** Default 25; 465 with `tls.implicit`. */
  readonly port?: number;
  /** The name of this host for EHLO. Give the one that belongs to `localAddress`. */
  readonly hostname: string;
  /** IP address to connect from. Default: the platform's choice. */
  readonly localAddress?: string;
  /** `lmtp` for local delivery (RFC 2033). Default `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp';
  readonly tls?: TlsOptions;
  /** Credentials; with them TLS must be verified unless `auth.insecure`. */
  readonly auth?: AuthOptions;
  /** How far commands run ahead of replies. Default `across-messages`. */
  readonly pipelining?: Pipelining;
  /** Whether BDAT is used where offered together with PIPELINING. Default true. */
  readonly chunking?: boolean;
  /**
   * What is known about the host; give the same object to all connections with one host, and keep its `facts`. It decides
   * how far this connection runs ahead, and learns from it. Default: nothing is known.
   */
  readonly experience?: HostExperience;
  readonly timeouts?: Partial<Timeouts>;
  readonly limits?: Partial<SessionLimits>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Opens the transport, for proxies and fakes. Default: TCP. */
  readonly openSocket?: OpenSocket;
  /** Told every line of every transcript of this connection as it happens; it must not throw. */
  readonly onTranscript?: (entry: TranscriptEntry) => void;
  /** Ends the attempt to connect; afterwards it has no effect. */
  readonly signal?: AbortSignal;
}

const optionKeys = new Set<string>([
  'host',
  'addresses',
  'port',
  'hostname',
  'localAddress',
  'protocol',
  'tls',
  'auth',
  'pipelining',
  'chunking',
  'experience',
  'timeouts',
  'limits',
  'clock',
  'openSocket',
  'onTranscript',
  'signal',
] satisfies (keyof ConnectOptions)[]);

const tlsKeys = new Set<string>([
  'level',
  'tlsa',
  'ca',
  'implicit',
  'alsoNames',
  'onCertificates',
  'minVersion',
] satisfies (keyof TlsOptions)[]);

const authKeys = new Set(['user', 'password', 'accessToken', 'credentials', 'mechanisms', 'insecure']);
const levels: readonly TlsLevel[] = ['none', 'opportunistic', 'required', 'verified', 'dane'];

/** Options with every default filled in. */
export interface ResolvedOptions extends Omit<ConnectOptions, 'tls' | 'timeouts' | 'limits'> {
  readonly port: number;
  readonly tls: TlsOptions & { readonly level: TlsLevel; readonly implicit: boolean };
  readonly starttls: 'never' | 'offered' | 'required';
  readonly authentication: ResolvedAuthentication | undefined;
  readonly timeouts: Timeouts;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly openSocket: OpenSocket;
  /** Does a handshake; absent under `tls.level: 'none'`. */
  readonly secure?: typeof secure;
  /** Why an earlier try with TLS failed. */
  readonly tlsError?: string;
  readonly tlsFailure?: TlsFailure;
}

/** Who authenticates, by which mechanisms, best first. */
export interface ResolvedAuthentication extends Authentication {
  readonly mechanisms: readonly string[] | ((verified: boolean) => readonly string[]);
}

/** Checks the options and fills in the defaults. @throws {SmtpError} MB_SMTP_OPTION */
export function resolveOptions(options: ConnectOptions): ResolvedOptions {
  checkKeys('connect', options, optionKeys);
  if (typeof options.host !== 'string' || options.host === '' || /[\u0000-\u0020\u007f]/.test(options.host)) {
    throw misuse('MB_SMTP_OPTION', 'host must be the name or the address of the server.');
  }
  checkHostname(options.hostname);
  const tls = resolveTls(options.tls ?? {}, options.auth !== undefined);
  const port = options.port ?? (tls.implicit ? 465 : 25);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw misuse('MB_SMTP_OPTION', 'port must be 1 to 65535.');
  return {
    ...options,
    port,
    tls,
    starttls:
      tls.level === 'none' || tls.implicit ? 'never' : tls.level === 'opportunistic' ? 'offered' : 'required',
    authentication: resolveAuth(options.auth),
    timeouts: resolveTimeouts(options.timeouts),
    limits: resolveLimits(options.limits),
    clock: options.clock ?? systemClock,
    openSocket: options.openSocket ?? openTcp,
  };
}

function resolveTls(tls: TlsOptions, authenticated: boolean): ResolvedOptions['tls'] {
  checkKeys('tls', tls, tlsKeys);
  const implicit = tls.implicit ?? false;
  const level = tls.level ?? (implicit || authenticated ? 'verified' : 'opportunistic');
  if (!levels.includes(level))
    throw misuse('MB_SMTP_OPTION', `tls.level must be one of ${levels.join(', ')}.`);
  if (implicit && level === 'none')
    throw misuse('MB_SMTP_OPTION', "tls.implicit contradicts tls.level 'none'.");
  if (level === 'dane' && !tls.tlsa?.some(isUsableTlsa)) {
    // RFC 7672 §2.2: with nothing usable the level is `required`, which the caller decides.
    throw misuse(
      'MB_SMTP_OPTION',
      "tls.level 'dane' needs a TLSA record with usage 2 or 3; use 'required' without one.",
    );
  }
  return { ...tls, level, implicit };
}

function resolveAuth(auth: AuthOptions | undefined): ResolvedAuthentication | undefined {
  if (auth === undefined) return undefined;
  checkKeys('auth', auth, authKeys);
  const given = auth as Partial<Record<'user' | 'password' | 'accessToken' | 'credentials', unknown>>;
  const own = (auth.mechanisms ?? []).filter((mechanism) => typeof mechanism === 'object');
  const source = given.credentials as CredentialSource | undefined;
  if (source !== undefined && typeof source !== 'function')
    throw misuse('MB_SMTP_OPTION', 'auth.credentials must be a function that gives credentials.');
  const secret = given.user ?? given.password ?? given.accessToken;
  if (source && secret !== undefined)
    throw misuse('MB_SMTP_OPTION', 'auth: give either credentials as a function, or user and secret.');
  let credentials: Credentials | undefined;
  if (!source && (secret !== undefined || own.length === 0 || own.length < (auth.mechanisms ?? []).length)) {
    checkCredentials(given, 'auth');
    credentials = given;
  }
  for (const mechanism of auth.mechanisms ?? []) checkMechanism(mechanism, credentials);
  const chosen = auth.mechanisms?.map((one) => (typeof one === 'string' ? one : one.name));
  return {
    credentials,
    source,
    own: new Map(own.map((mechanism) => [mechanism.name, mechanism])),
    mechanisms: chosen ?? ((verified: boolean) => fittingMechanisms(credentials, verified)),
  };
}

/** Of a function's credentials the kind is not known yet; those that do not fit are passed over. */
function fittingMechanisms(credentials: Credentials | undefined, verified: boolean): string[] {
  if (credentials) return mechanismsFor(credentials, verified);
  const kinds = [
    { user: '', accessToken: '' },
    { user: '', password: '' },
  ];
  return kinds.flatMap((kind) => mechanismsFor(kind, verified));
}

function checkMechanism(mechanism: unknown, credentials: Credentials | undefined): void {
  if (typeof mechanism === 'object' && mechanism !== null) {
    const { name, begin } = mechanism as Partial<SaslMechanism>;
    // RFC 4422 §3.1: 1 to 20 letters, digits, hyphens and underscores.
    if (typeof name === 'string' && /^[A-Z0-9_-]{1,20}$/.test(name) && typeof begin === 'function') return;
    throw misuse('MB_SMTP_OPTION', 'auth.mechanisms: a mechanism has a name in upper case and begin().');
  }
  const possible: readonly unknown[] = fittingMechanisms(credentials, true);
  if (!possible.includes(mechanism)) {
    throw misuse('MB_SMTP_OPTION', `auth.mechanisms: these credentials allow only ${possible.join(', ')}.`);
  }
}

function checkKeys(name: string, value: object, known: ReadonlySet<string>): void {
  for (const key of Object.keys(value)) {
    if (!known.has(key)) throw misuse('MB_SMTP_OPTION', `${name}: ${key} is not an option; remove it.`);
  }
}
