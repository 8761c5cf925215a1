import { normalizeDomain } from './domain.ts';
import { printable } from './printable.ts';
import { isTemporary, type Resolver } from './resolver.ts';

/** What a name under a domain that holds one versioned TXT record says, distinguished by `status`. */
export type PolicyRecordLookup =
  | { readonly status: 'found'; readonly domain: string; readonly text: string }
  | { readonly status: 'none'; readonly domain: string; readonly problems: readonly string[] }
  | { readonly status: 'temporary'; readonly domain: string; readonly reason: string };

/**
 * Looks up the one TXT record of `prefix.domain` whose text begins with `v=version`; several count as none
 * (RFC 8460 §3, RFC 8461 §3.1).
 *
 * @throws {DnsError} MB_DNS_ABORTED.
 */
export async function lookupPolicyRecord(
  { prefix, version, domain }: { readonly prefix: string; readonly version: string; readonly domain: string },
  resolver: Resolver,
  signal: AbortSignal | undefined,
): Promise<PolicyRecordLookup> {
  const name = normalizeDomain(domain);
  if (name === undefined)
    return { status: 'none', domain, problems: [`${printable(domain)} is not a domain name.`] };
  const answer = await resolver.query(`${prefix}.${name}`, 'TXT', { signal });
  if (isTemporary(answer)) return { status: 'temporary', domain: name, reason: answer.reason };
  const texts = answer.records
    .map((segments) => segments.join(''))
    .filter(
      (text) => text.startsWith(`v=${version}`) && /^[ \t]*(?:;|$)/.test(text.slice(version.length + 2)),
    );
  const [text] = texts;
  if (text === undefined) return { status: 'none', domain: name, problems: [] };
  if (texts.length > 1) {
    const problem = `${prefix}.${name} has ${texts.length} records; none of them counts.`;
    return { status: 'none', domain: name, problems: [problem] };
  }
  return { status: 'found', domain: name, text };
}
