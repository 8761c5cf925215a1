import { checkText, readOptions } from '../option-table.ts';
import { lookupPolicyRecord } from '../policy-record.ts';
import { checkResolver, type QueryOptions, queryOptions, type Resolver } from '../resolver.ts';
import { parseTagList } from '../tag-list.ts';

/** The record at `_mta-sts.<domain>`, a union on `status`. */
export type MtaStsLookup =
  | { readonly status: 'found'; readonly domain: string; readonly id: string }
  | { readonly status: 'none'; readonly domain: string; readonly problems: readonly string[] }
  | { readonly status: 'temporary'; readonly domain: string; readonly reason: string };

/**
 * Looks up the MTA-STS record of a domain (RFC 8461 §3.1).
 *
 * @returns The id of the current policy; none when there is no record, more than one, or an invalid one.
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION.
 */
export async function lookupMtaSts(
  domain: string,
  resolver: Resolver,
  given: QueryOptions = {},
): Promise<MtaStsLookup> {
  const options = readOptions(given, queryOptions, 'lookupMtaSts: options');
  checkText(domain, 'lookupMtaSts: domain');
  checkResolver(resolver, 'lookupMtaSts');
  const record = await lookupPolicyRecord(
    { prefix: '_mta-sts', version: 'STSv1', domain },
    resolver,
    options.signal,
  );
  if (record.status !== 'found') return record;
  const { domain: name, text } = record;
  const id = parseTagList(text).tags.find((tag) => tag.name === 'id')?.value ?? '';
  if (!/^[A-Za-z0-9]{1,32}$/.test(id)) {
    return {
      status: 'none',
      domain: name,
      problems: [`_mta-sts.${name}: the id is not 1 to 32 letters and digits.`],
    };
  }
  return { status: 'found', domain: name, id };
}
