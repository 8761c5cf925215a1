/**
 * Lookups over HTTPS only (RFC 8484), for runtimes without UDP and TCP, such as Cloudflare Workers with the compatibility
 * flag `nodejs_compat`.
 *
 * @packageDocumentation
 */
import { AnswerCache } from './cache.ts';
import { CachingResolver } from './caching-resolver.ts';
import { systemClock } from './clock.ts';
import { DnsError, optionError } from './errors.ts';
import { readOptions } from './option-table.ts';
import { printable } from './printable.ts';
import type { Resolver } from './resolver.ts';
import { type HttpsResolverOptions, httpsResolverOptions } from './resolver-options.ts';
import { makeServerSet } from './server-address.ts';
import { globalFetch, openHttps } from './transport/https.ts';

export type { CacheOptions } from './cache.ts';
export type { Clock } from './clock.ts';
export { DnsError, type DnsErrorCode, type DnsErrorKind } from './errors.ts';
export type { RecordData, RecordType } from './record.ts';
export { type Answer, isTemporary, type QueryOptions, type Resolver } from './resolver.ts';
export type { HttpsResolverOptions } from './resolver-options.ts';
export type { FetchFunction } from './transport/https.ts';

/** The resolver of `createHttpsResolver`. */
export interface HttpsResolver extends Resolver {
  /** Removes all cached answers. */
  clearCache(): void;
}

/**
 * Makes a resolver that asks recursive servers over HTTPS and caches their answers. It opens no UDP or TCP socket itself.
 *
 * @throws {DnsError} MB_DNS_OPTION, also for a server that is not an `https:` URL; MB_DNS_NO_SERVERS.
 * @example
 * const resolver = createHttpsResolver({ servers: ['https://dns.example.net/dns-query'] });
 * const answer = await resolver.query('example.org', 'MX');
 */
export function createHttpsResolver(options: HttpsResolverOptions): HttpsResolver {
  const read = readOptions(options, httpsResolverOptions, 'createHttpsResolver: options');
  const { servers, clock = systemClock, fetch = globalFetch } = read;
  if (servers.length === 0)
    throw new DnsError('MB_DNS_NO_SERVERS', 'There is no DNS server to ask: name at least one in servers.');
  const other = servers.find((text) => !text.startsWith('https://'));
  if (other !== undefined)
    throw optionError(
      `createHttpsResolver: options.servers: ${printable(other)} is not an https: URL; createResolver of @mb/dns takes addresses.`,
    );
  const set = makeServerSet(servers, read.trustAuthenticData);
  return new CachingResolver(
    {
      servers: () => set,
      timeoutMs: read.timeoutMs,
      attemptTimeoutMs: read.attemptTimeoutMs,
      maxConcurrent: read.maxConcurrent,
      clock,
      openLink: (server, step, events) => {
        // All servers were checked to be URLs.
        if (server.transport !== 'stream') throw new TypeError(`${server.label} is not asked over HTTPS.`);
        return openHttps(server.url, step.message, events, fetch);
      },
    },
    read.cache === false ? undefined : new AnswerCache(read.cache),
  );
}
