import { isTemporary, type Resolver } from '@mb/dns';
import type { StoredDomain } from './domain-record.ts';
import { mtaStsPolicy, type ServiceFacts } from './published-records.ts';

/** The MTA-STS policy of a domain (RFC 8461 §3.2): a file to be served by HTTPS, beside its `_mta-sts` record. */
export interface MtaStsSuggestion {
  /** The domain that the policy is for: the one that bounces come to. */
  readonly domain: string;
  /** Where senders look for the file. */
  readonly url: string;
  /** The text of the file; absent while the mail exchangers of the domain are not known. */
  readonly policy?: string;
  /** A sentence: what to do with it, or why there is none. */
  readonly detail: string;
}

/** The policy of a domain: its return path leads to us; where there is none, its MX records count. */
export async function suggestMtaSts(
  domain: string,
  { returnPath, hostname }: StoredDomain,
  service: ServiceFacts,
  resolver: Resolver,
): Promise<MtaStsSuggestion> {
  const target = returnPath ?? domain;
  const url = `https://mta-sts.${target}/.well-known/mta-sts.txt`;
  const found =
    returnPath === undefined ? await exchangersOf(domain, resolver) : [hostname ?? service.hostname];
  if (typeof found === 'string') return { domain: target, url, detail: found };
  return {
    domain: target,
    url,
    policy: mtaStsPolicy(found),
    detail: 'Serve it by HTTPS before its record is published. Say "mode: enforce" when reports are clean.',
  };
}

/** The hosts that a domain's MX records name, or a sentence that says why there is none. */
async function exchangersOf(domain: string, resolver: Resolver): Promise<readonly string[] | string> {
  const answer = await resolver.query(domain, 'MX');
  if (isTemporary(answer)) return `The MX records of ${domain} cannot be looked up now; try again later.`;
  const hosts = answer.records.map(({ exchange }) => exchange.toLowerCase());
  // RFC 7505 §3: a single "." says that the domain takes no mail.
  const named = [...new Set(hosts)].filter((host) => host !== '.' && host !== '');
  if (named.length > 0) return named;
  return `${domain} has no MX records, so that there is nothing to name in a policy.`;
}
