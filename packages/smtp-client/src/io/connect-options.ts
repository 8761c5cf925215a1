import { isIP } from 'node:net';
import { checkType, misuse, type TranscriptEntry } from '../errors.ts';
import {
  callback,
  flag,
  group,
  integer,
  list,
  matching,
  type OptionRow,
  type OptionTable,
  readOptions,
  required,
  signal,
  text,
  withMethods,
  word,
} from '../option-table.ts';
import { mechanismsFor, type SaslMechanismName } from '../protocol/sasl/choose.ts';
import type { CredentialSource, Credentials, SaslMechanism } from '../protocol/sasl/mechanism.ts';
import { experienceRow, type HostExperience } from '../protocol/session/host-experience.ts';
import {
  type LimitOptions,
  limitOptions,
  resolveLimits,
  type SessionLimits,
} from '../protocol/session/limits.ts';
import {
  resolveTimeouts,
  type TimeoutOptions,
  type Timeouts,
  timeoutOptions,
} from '../protocol/session/timeouts.ts';
import type { Pipelining } from '../protocol/transaction/flight-window.ts';
import { checkHostname } from '../protocol/transaction/mailbox.ts';
import type { TlsFailure, TlsLevel } from '../tls-evidence.ts';
import { type Authentication, checkCredentials } from './authenticate.ts';
import { type Clock, systemClock } from './clock.ts';
import { type OpenSocket, openTcp } from './open-socket.ts';
import type { secure, TlsOptions } from './tls.ts';
import { isUsableTlsa, type TlsaRecord } from './tlsa-record.ts';

/** Credentials and mechanisms for AUTH. */
export type AuthOptions = (
  | Credentials
  | {
      /** Called for credentials, and again after a refusal, so that an access token can be renewed. */
      readonly credentials: CredentialSource;
    }
  | { readonly mechanisms: readonly SaslMechanism[] }
) & {
  /**
   * Mechanisms to use, best first: names of mechanisms of this package, or your own implementations. Default: all that fit
   * the credentials. Those that also authenticate the server come first, then, without verified TLS, those that reveal
   * least.
   */
  readonly mechanisms?: readonly (SaslMechanismName | SaslMechanism)[] | undefined;
  /** Dangerous: sends credentials even in clear text or to an unverified server. Default false. */
  readonly insecure?: boolean | undefined;
};

/** Options of `connect`; only `host` and `hostname` are needed. */
export interface ConnectOptions {
  /** Name of the server, for SNI and name checks; it is looked up unless `addresses` are given. */
  readonly host: string;
  /** IP addresses of the server; tried in this order, with address families taking turns (RFC 8305 §4). */
  readonly addresses?: readonly string[] | undefined;
  /** Default 25; 465 with `tls.implicit`. */
  readonly port?: number | undefined;
  /** Name of this host for EHLO; it should resolve to the address that the server sees. */
  readonly hostname: string;
  /** IP address to connect from. Default: the platform's choice. */
  readonly localAddress?: string | undefined;
  /** `lmtp` for local delivery (RFC 2033). Default `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp' | undefined;
  readonly tls?: TlsOptions | undefined;
  /** Credentials. TLS must be verified with them, unless `auth.insecure` is set. */
  readonly auth?: AuthOptions | undefined;
  /** How far commands run ahead of replies. Default `across-messages`. */
  readonly pipelining?: Pipelining | undefined;
  /** Whether to use BDAT when the server offers CHUNKING and PIPELINING. Default true. */
  readonly chunking?: boolean | undefined;
  /**
   * What is known about the host: it decides how far this connection runs ahead of replies, and learns from it. Give the
   * same object to all connections with a host, and store its `facts`. Default: nothing is known.
   */
  readonly experience?: HostExperience | undefined;
  readonly timeouts?: TimeoutOptions | undefined;
  readonly limits?: LimitOptions | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Opens the transport, for proxies and tests. Default: TCP. */
  readonly openSocket?: OpenSocket | undefined;
  /** Called with every line of every transcript of this connection as it happens; it must not throw. */
  readonly onTranscript?: ((entry: TranscriptEntry) => void) | undefined;
  /** Aborts connecting; it has no effect on the connection afterwards. */
  readonly signal?: AbortSignal | undefined;
}

const isAddress = (value: unknown): boolean => typeof value === 'string' && isIP(value) !== 0;
const isPem = (value: unknown): boolean =>
  (typeof value === 'string' || value instanceof Uint8Array) && value.length > 0;
const nothingControlling = /^[^\u0000-\u0020\u007f]+$/;

const tlsaOptions = {
  usage: required(integer(0, 255)),
  selector: required(integer(0, 255)),
  matchingType: required(integer(0, 255)),
  data: required(matching<Uint8Array>('octets', (value) => value instanceof Uint8Array)),
} satisfies OptionTable<TlsaRecord>;

/** What `tls` accepts. */
export const tlsOptions = {
  level: word(['none', 'opportunistic', 'required', 'verified', 'dane']),
  tlsa: list(group<TlsaRecord>(tlsaOptions)),
  ca: matching<NonNullable<TlsOptions['ca']>>(
    'PEM text or octets, or an array of them, not empty',
    (value) => isPem(value) || (Array.isArray(value) && value.length > 0 && value.every(isPem)),
  ),
  implicit: flag({ default: false }),
  alsoNames: list(text('a domain name', { pattern: nothingControlling })),
  onCertificates: callback<(chain: readonly Uint8Array[]) => void>(),
  minVersion: word(['TLSv1.2', 'TLSv1.3'], { default: 'TLSv1.2' }),
} satisfies OptionTable<TlsOptions>;

/** All fields of AUTH; `resolveAuth` checks which of them go together. */
interface AuthFields {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly accessToken?: string | undefined;
  readonly credentials?: CredentialSource | undefined;
  readonly mechanisms?: readonly (SaslMechanismName | SaslMechanism)[] | undefined;
  readonly insecure?: boolean | undefined;
}

/** What `auth` accepts. */
export const authOptions = {
  user: text(),
  password: text(),
  accessToken: text(),
  credentials: callback<CredentialSource>(),
  mechanisms: list(
    matching<SaslMechanismName | SaslMechanism>(
      'the name of a mechanism, or a SaslMechanism',
      (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
    ),
    1,
  ),
  insecure: flag({ default: false }),
} satisfies OptionTable<AuthFields>;

/** What `connect` accepts. */
export const connectOptions = {
  host: required(text('the name or the address of the server', { pattern: nothingControlling })),
  addresses: list(matching<string>('an IP address', isAddress)),
  port: integer(1, 65_535),
  hostname: required(text('the ASCII name of this host, or an address literal in brackets')),
  localAddress: matching<string>('an IP address', isAddress),
  protocol: word(['smtp', 'lmtp'], { default: 'smtp' }),
  tls: group<TlsOptions>(tlsOptions),
  auth: group<AuthFields>(authOptions) as OptionRow<AuthOptions>,
  pipelining: word(['off', 'within-message', 'across-messages'], { default: 'across-messages' }),
  chunking: flag({ default: true }),
  experience: experienceRow,
  timeouts: group<TimeoutOptions>(timeoutOptions),
  limits: group<LimitOptions>(limitOptions),
  clock: withMethods<Clock>('now', 'setTimer'),
  openSocket: callback<OpenSocket>(),
  onTranscript: callback<(entry: TranscriptEntry) => void>(),
  signal: signal(),
} satisfies OptionTable<ConnectOptions>;

/** Options with defaults. */
export interface ResolvedOptions extends Omit<ConnectOptions, 'tls' | 'timeouts' | 'limits'> {
  readonly port: number;
  readonly tls: TlsOptions & { readonly level: TlsLevel; readonly implicit: boolean };
  readonly starttls: 'never' | 'offered' | 'required';
  readonly authentication: ResolvedAuthentication | undefined;
  readonly timeouts: Timeouts;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly openSocket: OpenSocket;
  /** Does the TLS handshake; absent with `tls.level: 'none'`. */
  readonly secure?: typeof secure;
  /** Why an earlier attempt with TLS failed. */
  readonly tlsError?: string;
  readonly tlsFailure?: TlsFailure;
}

/** Credentials, and the mechanisms to try, best first. */
export interface ResolvedAuthentication extends Authentication {
  readonly mechanisms: readonly string[] | ((verified: boolean) => readonly string[]);
}

/** Checks the options and fills in the defaults. @throws {SmtpError} MB_SMTP_OPTION */
export function resolveOptions(given: ConnectOptions): ResolvedOptions {
  const options = readOptions(given, connectOptions, 'connect: options');
  checkHostname(options.hostname);
  const tls = resolveTls(options.tls ?? {}, options.auth !== undefined);
  const port = options.port ?? (tls.implicit ? 465 : 25);
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
  const implicit = tls.implicit ?? false;
  const level = tls.level ?? (implicit || authenticated ? 'verified' : 'opportunistic');
  if (implicit && level === 'none')
    throw misuse('MB_SMTP_OPTION', "tls.implicit contradicts tls.level 'none'.");
  if (level === 'dane' && !tls.tlsa?.some(isUsableTlsa)) {
    // RFC 7672 §2.2: without a usable record the level is `required`; the caller decides that.
    throw misuse(
      'MB_SMTP_OPTION',
      "tls.level 'dane' needs a TLSA record with usage 2 or 3; use 'required' without one.",
    );
  }
  return { ...tls, level, implicit };
}

/**
 * Checks the option `auth` of `connect` in advance, for programs that read it from a configuration.
 *
 * @param where  The name of the option in error messages.
 * @throws {SmtpError} MB_SMTP_OPTION
 * @example checkAuth({ user: 'ann', password: '' }, 'relay.auth'); // throws: user and secret must be strings …
 */
export function checkAuth(auth: AuthOptions, where: string): void {
  checkType(typeof where === 'string', 'checkAuth: where', 'a string');
  resolveAuth(readOptions<AuthFields, typeof authOptions>(auth, authOptions, where) as AuthOptions, where);
}

function resolveAuth(auth: AuthOptions | undefined, where = 'auth'): ResolvedAuthentication | undefined {
  if (auth === undefined) return undefined;
  const given = auth as Partial<Record<'user' | 'password' | 'accessToken' | 'credentials', unknown>>;
  const own = (auth.mechanisms ?? []).filter((mechanism) => typeof mechanism === 'object');
  const source = given.credentials as CredentialSource | undefined;
  const secret = given.user ?? given.password ?? given.accessToken;
  if (source && secret !== undefined)
    throw misuse('MB_SMTP_OPTION', `${where}: give either credentials as a function, or user and secret.`);
  let credentials: Credentials | undefined;
  if (!source && (secret !== undefined || own.length === 0 || own.length < (auth.mechanisms ?? []).length)) {
    checkCredentials(given, where);
    credentials = given;
  }
  for (const mechanism of auth.mechanisms ?? []) checkMechanism(mechanism, credentials, where);
  const chosen = auth.mechanisms?.map((one) => (typeof one === 'string' ? one : one.name));
  return {
    credentials,
    source,
    own: new Map(own.map((mechanism) => [mechanism.name, mechanism])),
    mechanisms: chosen ?? ((verified: boolean) => fittingMechanisms(credentials, verified)),
  };
}

/**
 * The mechanisms for credentials; for both kinds when a function will give them, since the wrong ones are skipped
 * later.
 */
function fittingMechanisms(credentials: Credentials | undefined, verified: boolean): string[] {
  if (credentials) return mechanismsFor(credentials, verified);
  const kinds = [
    { user: '', accessToken: '' },
    { user: '', password: '' },
  ];
  return kinds.flatMap((kind) => mechanismsFor(kind, verified));
}

function checkMechanism(mechanism: unknown, credentials: Credentials | undefined, where: string): void {
  if (typeof mechanism === 'object' && mechanism !== null) {
    const { name, begin } = mechanism as Partial<SaslMechanism>;
    // RFC 4422 §3.1: 1 to 20 letters, digits, hyphens and underscores.
    if (typeof name === 'string' && /^[A-Z0-9_-]{1,20}$/.test(name) && typeof begin === 'function') return;
    throw misuse('MB_SMTP_OPTION', `${where}.mechanisms: a mechanism has a name in upper case and begin().`);
  }
  const possible: readonly unknown[] = fittingMechanisms(credentials, true);
  if (!possible.includes(mechanism)) {
    throw misuse(
      'MB_SMTP_OPTION',
      `${where}.mechanisms: these credentials allow only ${possible.join(', ')}.`,
    );
  }
}
