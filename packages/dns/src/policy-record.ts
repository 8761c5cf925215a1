import { normalizeDomain } from './domain.ts';
import { printable } from './printable.ts';
import { isTemporary, type Resolver } from './resolver.ts';

/** The result of looking up a versioned TXT record of a domain, a union on `status`. */
export type PolicyRecordLookup =
  | { readonly status: 'found'; readonly domain: string; readonly text: string }
  | { readonly status: 'none'; readonly domain: string; readonly problems: readonly string[] }
  | { readonly status: 'temporary'; readonly domain: string; readonly reason: string };

/**
 * Looks up the TXT record of `prefix.domain` that begins with `v=version`; several such records count as none
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
