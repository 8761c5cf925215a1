import { normalizeDomain } from './domain.ts';
import { rejectUnknownOptions } from './options.ts';
import { isTemporary, type Resolver } from './resolver.ts';
import { parseTagList } from './tag-list.ts';

/** Where reports about TLS with a domain go, told apart by `status`. */
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
 * @returns the `mailto:` and `https:` URIs, or that there is no valid record and why.
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION_UNKNOWN.
 */
export async function lookupTlsRpt(
  domain: string,
  resolver: Resolver,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<TlsRptLookup> {
  rejectUnknownOptions(options, ['signal'], 'lookupTlsRpt');
  const name = normalizeDomain(domain);
  if (name === undefined)
    return { status: 'none', domain, problems: [`"${domain.slice(0, 80)}" is not a domain name.`] };
  const answer = await resolver.query(`_smtp._tls.${name}`, 'TXT', { signal: options.signal });
  if (isTemporary(answer)) return { status: 'temporary', domain: name, reason: answer.reason };
  const texts = answer.records
    .map((segments) => segments.join(''))
    .filter((text) => /^v=TLSRPTv1[ \t]*(?:;|$)/.test(text));
  const [text] = texts;
  if (text === undefined) return { status: 'none', domain: name, problems: [] };
  // RFC 8460 §3: several records are as good as none.
  if (texts.length > 1) {
    return {
      status: 'none',
      domain: name,
      problems: [`_smtp._tls.${name} has ${texts.length} records; none of them counts.`],
    };
  }
  const { reportUris, problems } = parseTlsRptRecord(text);
  if (reportUris.length === 0)
    return { status: 'none', domain: name, problems: [...problems, 'The record has no report URI.'] };
  return { status: 'found', domain: name, reportUris, problems };
}

/** Reads the URIs of a TLS-RPT record; unknown tags are ignored. */
export function parseTlsRptRecord(text: string): { reportUris: string[]; problems: string[] } {
  const { tags, malformed } = parseTagList(text);
  const problems = malformed.map((piece) => `"${piece}" is not of the form tag=value.`);
  const reportUris: string[] = [];
  const rua = tags.find(({ name }) => name === 'rua')?.value ?? '';
  for (const piece of rua === '' ? [] : rua.split(',')) {
    const uri = piece.trim();
    // RFC 8460 §3: commas, exclamation marks and semicolons inside a URI are percent-encoded.
    if (/^mailto:[^@\s!]+@[^@\s!]+$/i.test(uri) || /^https:\/\/[^\s!]+$/i.test(uri)) reportUris.push(uri);
    else problems.push(`rua: "${uri.slice(0, 80)}" is no mailto: or https: URI.`);
  }
  return { reportUris, problems };
}
