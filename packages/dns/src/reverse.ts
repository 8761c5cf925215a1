import { isIP } from 'node:net';
import { canonicalAddress } from './address-guard.ts';
import { normalizeDomain } from './domain.ts';
import { DnsError } from './errors.ts';
import { parseMappedAddress } from './ip-address.ts';
import { readOptions } from './option-table.ts';
import { printable } from './printable.ts';
import { checkResolver, isTemporary, type QueryOptions, queryOptions, type Resolver } from './resolver.ts';

/**
 * Returns the name of an address's PTR records (RFC 1035 §3.5, RFC 3596 §2.5).
 *
 * @throws {DnsError} MB_DNS_ADDRESS_INVALID when `address` is not an IP address.
 * @example
 * reverseName('192.0.2.1') // '1.2.0.192.in-addr.arpa'
 */
export function reverseName(address: string): string {
  // RFC 4007 §11: a zone id has a meaning only on this machine.
  if (typeof address !== 'string' || !isIP(address) || address.includes('%')) {
    throw new DnsError('MB_DNS_ADDRESS_INVALID', `${printable(address)} is not an IP address.`);
  }
  const octets = parseMappedAddress(address).toByteArray();
  if (octets.length === 4) return `${octets.reverse().join('.')}.in-addr.arpa`;
  const nibbles = octets.flatMap((octet) => [octet >> 4, octet & 15]).reverse();
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`;
}

/** Whether an address has a name that resolves to it. */
export interface ReverseOutcome {
  /**
   * `confirmed`: a name resolves to the address; `unconfirmed`: no name resolves to it; `none`: there is no PTR record;
   * `temporary`: DNS failed.
   */
  readonly status: 'confirmed' | 'unconfirmed' | 'none' | 'temporary';
  readonly address: string;
  /** Names that resolve to the address, in lower case. */
  readonly confirmedNames: readonly string[];
  /** All names, in lower case; only the first ten are checked. */
  readonly names: readonly string[];
  /** Set when the status is `temporary`. */
  readonly reason?: string;
}

/** Maximum number of names to check, as in RFC 7208 §4.6.4. */
const maxNames = 10;

/**
 * Confirms the reverse name of an address: PTR, then A or AAAA of its names (RFC 8601 §2.7.3, `iprev`).
 *
 * @throws {DnsError} MB_DNS_ADDRESS_INVALID, MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const { status, confirmedNames } = await confirmReverse('192.0.2.1', resolver);
 */
export async function confirmReverse(
  address: string,
  resolver: Resolver,
  given: QueryOptions = {},
): Promise<ReverseOutcome> {
  const options = readOptions(given, queryOptions, 'confirmReverse: options');
  checkResolver(resolver, 'confirmReverse');
  const query = { signal: options.signal };
  const pointers = await resolver.query(reverseName(address), 'PTR', query);
  const base = { address, confirmedNames: [], names: [] };
  if (isTemporary(pointers)) return { status: 'temporary', ...base, reason: pointers.reason };
  if (pointers.status !== 'found') return { status: 'none', ...base };
  const names = [...new Set(pointers.records.map((name) => name.toLowerCase()))];
  const wanted = canonicalAddress(parseMappedAddress(address).toString());
  const type = wanted.includes(':') ? 'AAAA' : 'A';
  const followed = names.slice(0, maxNames).filter((name) => normalizeDomain(name) !== undefined);
  const answers = await Promise.all(followed.map((name) => resolver.query(name, type, query)));
  const confirmedNames = followed.filter((_, index) =>
    answers[index]!.records.some((record) => canonicalAddress(record) === wanted),
  );
  if (confirmedNames.length > 0) return { status: 'confirmed', address, confirmedNames, names };
  const failed = answers.find(isTemporary);
  if (failed !== undefined)
    return { status: 'temporary', address, confirmedNames, names, reason: failed.reason };
  return { status: 'unconfirmed', address, confirmedNames, names };
}
