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
  /** Time for a whole lookup, waiting in line and retries included, milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Time for the first attempt, milliseconds; it doubles each round over the servers. Default 1,500. */
  readonly attemptTimeoutMs?: number | undefined;
  /**
   * Whether the servers' AD bit is believed. Default: only of servers on loopback, and of all when
   * resolv.conf says `options trust-ad`. Danger: over a network that can be tampered with, AD proves
   * nothing, and DANE and MTA-STS decisions would rest on it.
   */
  readonly trustAuthenticData?: boolean | undefined;
  /** Bounds of the cache, or false for none. */
  readonly cache?: CacheOptions | false | undefined;
  /** Most exchanges, and so sockets, open at a time; others wait in line. Default 256. */
  readonly maxConcurrent?: number | undefined;
  /** Time source. Default: the machine's. */
  readonly clock?: Clock | undefined;
  /**
   * HTTP client for DNS over HTTPS. Default: the global `fetch`, which speaks HTTP/1.1; for a server that
   * speaks HTTP/2 only, bring one that does.
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
