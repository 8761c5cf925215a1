/**
 * DMARC policy discovery on a public suffix list, as RFC 7489 §6.6.3 has it. Needs the package tldts.
 *
 * @packageDocumentation
 */
import { getDomain, getPublicSuffix } from 'tldts';
import type { DmarcDiscovery } from './dmarc/lookup.ts';
import { optionError } from './errors.ts';

/**
 * Finds the organizational domain of a domain by the public suffix list (RFC 7489 §3.2): the public suffix and one label
 * more. Suffixes of both sections of the list count, so that customers of a hosting domain are organizations of their
 * own.
 *
 * The list is that of the installed version of tldts.
 *
 * @param domain  In A-labels or U-labels.
 * @returns In the same labels; the domain itself where it is a public suffix.
 * @throws {DnsError} MB_DNS_OPTION for anything but a string.
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
 * RFC 9989 replaced it by the DNS tree walk, which is the default and needs no list. Use it to see what receivers do
 * that have not changed yet.
 *
 * @example await lookupDmarc('news.example.co.uk', resolver, { discovery: publicSuffixDiscovery })
 */
export const publicSuffixDiscovery: DmarcDiscovery = { organizationalDomain };
