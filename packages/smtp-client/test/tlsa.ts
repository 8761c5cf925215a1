import type { TestCertificate } from '@mb/testkit';
import type { TlsaRecord } from '../src/index.ts';

/** The TLSA record with usage 2 or 3 for a certificate, by the SHA-256 of its key. */
export function encodeTlsa(usage: 2 | 3, certificate: TestCertificate): TlsaRecord {
  const [, selector, matchingType, data] = certificate.tlsa(usage).split(' ');
  return {
    usage,
    selector: Number(selector),
    matchingType: Number(matchingType),
    data: Buffer.from(data!, 'hex'),
  };
}
