/**
 * DMARC policy discovery by the public suffix list, as in RFC 7489 §6.6.3. It needs the package tldts.
 *
 * @packageDocumentation
 */
import { getDomain, getPublicSuffix } from 'tldts';
import type { DmarcDiscovery } from './dmarc/lookup.ts';
import { optionError } from './errors.ts';

/**
 * Finds the organizational domain of a domain by the public suffix list (RFC 7489 §3.2): the public suffix and one more
 * label. Both sections of the list count, so that customers of a hosting domain are separate organizations.
 *
 * The list is that of the installed version of tldts.
 *
 * @param domain  In A-labels or U-labels.
 * @returns The organizational domain in the same labels; a public suffix is returned unchanged.
 * @throws {DnsError} MB_DNS_OPTION for anything except a string.
 * @example organizationalDomain('news.example.co.uk') // 'example.co.uk'
 */
export function organizationalDomain(domain: string): string {
  if (typeof domain !== 'string') throw optionError('organizationalDomain: domain must be a string.');
  return (
    getDomain(domain, { allowPrivateDomains: true, extractHostname: false, validateHostname: false }) ??
    domain
  );
}

/**
 * Whether a domain is a public suffix, below which anyone may register a name: `com`, `co.uk`, `github.io`.
 *
 * @param domain  In A-labels or U-labels.
 * @throws {DnsError} MB_DNS_OPTION for anything but a string.
 * @example isPublicSuffix('co.uk') // true
 */
export function isPublicSuffix(domain: string): boolean {
  if (typeof domain !== 'string') throw optionError('isPublicSuffix: domain must be a string.');
  const options = { allowPrivateDomains: true, extractHostname: false, validateHostname: false };
  return getPublicSuffix(domain, options) === domain;
}

/**
 * Policy discovery by the public suffix list, for `lookupDmarc` and `evaluateDmarc`.
 *
 * RFC 9989 replaced it by the DNS tree walk, which is the default. Use it to see what receivers do that still use the
 * list.
 *
 * @example await lookupDmarc('news.example.co.uk', resolver, { discovery: publicSuffixDiscovery })
 */
export const publicSuffixDiscovery: DmarcDiscovery = { organizationalDomain };
