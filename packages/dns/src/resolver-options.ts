import { type CacheOptions, cacheOptions } from './cache.ts';
import { type Clock, clockRow } from './clock.ts';
import {
  callback,
  either,
  flag,
  group,
  integer,
  list,
  literal,
  type OptionTable,
  required,
  text,
} from './option-table.ts';
import type { FetchFunction } from './transport/https.ts';

/** Options of `createResolver`. */
export interface ResolverOptions {
  /**
   * Recursive servers: `192.0.2.53`, `127.0.0.1:5300`, `[2001:db8::53]:53`, or `https://…` for DNS
   * over HTTPS (RFC 8484). Default: those of /etc/resolv.conf, which is read again when it has changed.
   */
  readonly servers?: readonly string[] | undefined;
  /** Timeout of a lookup, including retries and the wait for its turn, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Timeout of the first attempt, in milliseconds; it doubles after each round over the servers. Default 1,500. */
  readonly attemptTimeoutMs?: number | undefined;
  /**
   * Whether to trust the servers' AD bit. Default: only for servers on loopback, and for all if resolv.conf has
   * `options trust-ad`. Danger: an attacker on the network can set the AD bit, on which DANE depends.
   */
  readonly trustAuthenticData?: boolean | undefined;
  /** Limits of the cache, or false for no cache. */
  readonly cache?: CacheOptions | false | undefined;
  /** Maximum number of concurrent exchanges, each with its own socket; others wait. Default 256. */
  readonly maxConcurrent?: number | undefined;
  /** Source of time. Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
  /**
   * HTTP client for DNS over HTTPS. Default: the global `fetch`, which supports only HTTP/1.1; a server that requires
   * HTTP/2 needs another one.
   */
  readonly fetch?: FetchFunction | undefined;
}

/** What {@link ResolverOptions} accepts. */
export const resolverOptions = {
  servers: list(text('an address or an https: URL')),
  timeoutMs: integer(1, 600_000, { default: 10_000, unit: 'ms' }),
  attemptTimeoutMs: integer(1, 600_000, { default: 1_500, unit: 'ms' }),
  trustAuthenticData: flag(),
  cache: either(group<CacheOptions>(cacheOptions), literal(false)),
  maxConcurrent: integer(1, 65_536, { default: 256 }),
  clock: clockRow,
  fetch: callback<FetchFunction>(),
} satisfies OptionTable<ResolverOptions>;

/** Options of `createHttpsResolver`. */
export interface HttpsResolverOptions extends Omit<ResolverOptions, 'servers'> {
  /** Recursive servers: `https://…` URLs (RFC 8484). There is no default. */
  readonly servers: readonly string[];
}

/** What {@link HttpsResolverOptions} accepts. */
export const httpsResolverOptions = {
  ...resolverOptions,
  servers: required(list(text('an https: URL'))),
} satisfies OptionTable<HttpsResolverOptions>;
