import { domainToASCII } from 'node:url';
import { DkimError } from './errors.ts';

/**
 * Converts a domain or selector to A-labels, for `d=`, `s=` and DNS names (RFC 8616 §4).
 *
 * Each label is converted separately: a selector such as `2026.11` must not be read as an IPv4 address.
 *
 * @param name  Option name for the error message.
 * @throws {DkimError} MB_DKIM_OPTION.
 */
export function toAscii(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new DkimError('MB_DKIM_OPTION', `${name} must be a string.`);
  const labels = value.split(/[.\u3002\uff0e\uff61]/).map(labelToAscii);
  const ascii = labels.join('.');
  if (ascii.length > 253 || labels.some((label) => !/^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label))) {
    throw new DkimError(
      'MB_DKIM_OPTION',
      `${name} must be a DNS name: labels of 1 to 63 letters, digits and hyphens, joined by dots.`,
    );
  }
  return ascii;
}

/** Does not convert labels with other ASCII characters, at which a URL parser would stop; the caller refuses them. */
function labelToAscii(label: string): string {
  return /^[\x00-\x7f]*$|[^\w\x80-\u{10ffff}-]/u.test(label) ? label : domainToASCII(label);
}

/** Whether `domain` is `parent` or a subdomain of it; both in A-labels, in any case. */
export function isSameOrSubdomain(domain: string, parent: string): boolean {
  const low = domain.toLowerCase();
  const lowParent = parent.toLowerCase();
  return low === lowParent || low.endsWith(`.${lowParent}`);
}
