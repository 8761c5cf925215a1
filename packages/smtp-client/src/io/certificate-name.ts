import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** The name of a host as in certificates and SNI: without brackets and trailing dot, in A-labels. */
export function comparableName(host: string): string {
  const bare = host.replace(/^\[(?:IPv6:)?|\]$/gi, '');
  if (isIP(bare)) return bare;
  // RFC 6066 §3 and RFC 9525 §6.3: a name without its trailing dot.
  const name = bare.replace(/\.$/, '');
  return domainToASCII(name) || name;
}

/**
 * Whether a certificate is for `host` (RFC 9525 §6.3). Only subjectAltName counts, not the common name; a wildcard matches
 * exactly one label.
 */
export function isNamed(certificate: X509Certificate, host: string): boolean {
  const name = comparableName(host);
  if (isIP(name)) return certificate.checkIP(name) !== undefined;
  const found = certificate.checkHost(name, {
    subject: 'never',
    wildcards: true,
    partialWildcards: false,
    multiLabelWildcards: false,
    singleLabelSubdomains: false,
  });
  return found !== undefined;
}

/** DNS names of the subjectAltName. */
export function namesOf({ subjectAltName }: X509Certificate): string[] {
  return subjectAltName?.match(/(?<=^|, )DNS:[^,\s"]+/g)?.map((name) => name.slice(4)) ?? [];
}
