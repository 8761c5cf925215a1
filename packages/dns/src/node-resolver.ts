import { AnswerCache } from './cache.ts';
import { CachingResolver, type ResolverConfig } from './caching-resolver.ts';
import { type Clock, systemClock } from './clock.ts';
import { DnsError } from './errors.ts';
import { type OptionsRead, readOptions } from './option-table.ts';
import type { Resolver } from './resolver.ts';
import { type ResolverOptions, resolverOptions } from './resolver-options.ts';
import { makeServerSet, type ServerSet } from './server-address.ts';
import { SystemServers } from './system-servers.ts';
import { globalFetch } from './transport/https.ts';
import { openLink } from './transport/open-link.ts';

/** The resolver of `createResolver`. */
export interface NodeResolver extends Resolver {
  /** Removes all cached answers. */
  clearCache(): void;
}

/**
 * Makes a resolver that asks recursive servers over UDP, TCP or HTTPS and caches their answers.
 *
 * It has open sockets only during lookups, so there is nothing to close.
 *
 * @throws {DnsError} MB_DNS_OPTION, MB_DNS_NO_SERVERS.
 * @example
 * const resolver = createResolver({ servers: ['127.0.0.1:5300'] });
 * const answer = await resolver.query('example.org', 'MX');
 * if (answer.status === 'found') console.log(answer.records, answer.authentic);
 */
export function createResolver(options: ResolverOptions = {}): NodeResolver {
  const read = readOptions(options, resolverOptions, 'createResolver: options');
  const config = resolveConfig(read);
  return new CachingResolver(config, read.cache === false ? undefined : new AnswerCache(read.cache));
}

function resolveConfig(options: OptionsRead<ResolverOptions, typeof resolverOptions>): ResolverConfig {
  const clock = options.clock ?? systemClock;
  const fetch = options.fetch ?? globalFetch;
  return {
    servers: serversOf(options, clock),
    timeoutMs: options.timeoutMs,
    attemptTimeoutMs: options.attemptTimeoutMs,
    maxConcurrent: options.maxConcurrent,
    clock,
    openLink: (server, step, events) => openLink(server, step, events, fetch),
  };
}

function serversOf(options: ResolverOptions, clock: Clock): () => ServerSet {
  const { servers, trustAuthenticData } = options;
  if (servers === undefined) {
    const system = new SystemServers('/etc/resolv.conf', trustAuthenticData, clock);
    if (system.current().servers.length > 0) return () => system.current();
  } else if (servers.length > 0) {
    const set = makeServerSet(servers, trustAuthenticData);
    return () => set;
  }
  throw new DnsError('MB_DNS_NO_SERVERS', 'There is no DNS server to ask: name at least one in servers.');
}
