import { checkText, readOptions } from './option-table.ts';
import { lookupPolicyRecord } from './policy-record.ts';
import { printable } from './printable.ts';
import { checkResolver, type QueryOptions, queryOptions, type Resolver } from './resolver.ts';
import { parseTagList } from './tag-list.ts';

/** Where reports about TLS to a domain go, a union on `status`. */
export type TlsRptLookup =
  | {
      readonly status: 'found';
      readonly domain: string;
      readonly reportUris: readonly string[];
      readonly problems: readonly string[];
    }
  | { readonly status: 'none'; readonly domain: string; readonly problems: readonly string[] }
  | { readonly status: 'temporary'; readonly domain: string; readonly reason: string };

/**
 * Looks up the `_smtp._tls` record of a domain (RFC 8460 §3).
 *
 * @returns The `mailto:` and `https:` URIs, or why there is no valid record.
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION.
 */
export async function lookupTlsRpt(
  domain: string,
  resolver: Resolver,
  given: QueryOptions = {},
): Promise<TlsRptLookup> {
  const options = readOptions(given, queryOptions, 'lookupTlsRpt: options');
  checkText(domain, 'lookupTlsRpt: domain');
  checkResolver(resolver, 'lookupTlsRpt');
  const record = await lookupPolicyRecord(
    { prefix: '_smtp._tls', version: 'TLSRPTv1', domain },
    resolver,
    options.signal,
  );
  if (record.status !== 'found') return record;
  const { domain: name, text } = record;
  const { reportUris, problems } = parseTlsRptRecord(text);
  if (reportUris.length === 0)
    return { status: 'none', domain: name, problems: [...problems, 'The record has no report URI.'] };
  return { status: 'found', domain: name, reportUris, problems };
}

/** Parses the URIs of a TLS-RPT record; unknown tags are ignored. */
export function parseTlsRptRecord(text: string): { reportUris: string[]; problems: string[] } {
  const { tags, malformed } = parseTagList(checkText(text, 'parseTlsRptRecord: text'));
  const problems = malformed.map((piece) => `"${piece}" is not of the form tag=value.`);
  const reportUris: string[] = [];
  const rua = tags.find(({ name }) => name === 'rua')?.value ?? '';
  for (const piece of rua === '' ? [] : rua.split(',')) {
    const uri = piece.trim();
    // RFC 8460 §3: commas, exclamation marks and semicolons inside a URI are percent-encoded.
    if (/^mailto:[^@\s!]+@[^@\s!]+$/i.test(uri) || /^https:\/\/[^\s!]+$/i.test(uri)) reportUris.push(uri);
    else problems.push(`rua: ${printable(uri)} is not a mailto: or https: URI.`);
  }
  return { reportUris, problems };
}
