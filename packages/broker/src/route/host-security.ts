import { lookupTlsa, type MailHost, type MtaStsCache, type Resolver } from '@mb/dns';
import type { ReachableHop } from './next-hop.ts';
import { configuredSecurity, decideSecurity, type HostSecurity, type SenderPolicy } from './tls-policy.ts';

/** Where policies are looked up. */
export interface SecuritySources {
  readonly resolver: Resolver;
  /** Absent when MTA-STS is switched off. */
  readonly mtaSts?: MtaStsCache;
  /** Whether TLSA records are looked up. */
  readonly dane: boolean;
  readonly port: number;
}

/**
 * Decides how a host is talked to: as it was configured, or by what DANE, MTA-STS and the sender ask of a mail
 * exchanger.
 */
export async function findHostSecurity(
  { route, tls }: ReachableHop,
  host: MailHost,
  sender: SenderPolicy,
  { resolver, mtaSts, dane, port }: SecuritySources,
  signal?: AbortSignal,
): Promise<HostSecurity> {
  if (tls) return configuredSecurity(host, tls);
  const target = { host, routeAuthentic: route.authentic, domain: route.domain };
  const [tlsa, policy] = await Promise.all([
    dane ? lookupTlsa(target, resolver, { port, signal }) : off,
    // RFC 8461 §1.1: policies are those of mail domains; a literal has none.
    mtaSts && (route.via === 'mx' || route.via === 'implicit')
      ? mtaSts.policyFor(route.domain, { signal })
      : ({ status: 'none', domain: route.domain } as const),
  ]);
  return decideSecurity({ name: host.name, tlsa, mtaSts: policy, routeAuthentic: route.authentic }, sender);
}

const off = { status: 'none', reason: 'DANE is switched off.' } as const;
