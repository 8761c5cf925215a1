import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { TlsEvidence, TlsFailure, TlsResultType } from '../tls-evidence.ts';
import { isNamed } from './certificate-name.ts';
import { isUsableTlsa, type TlsaRecord } from './tlsa-record.ts';

/** How a certificate was verified, or why not. */
export interface CertificateCheck {
  readonly verifiedBy: TlsEvidence['verifiedBy'];
  readonly failure?: TlsFailure;
}

/** The result for a certificate that is not verified. */
export function unverified(type: TlsResultType, detail: string): CertificateCheck {
  return { verifiedBy: 'none', failure: { type, detail } };
}

/** Matches the certificates that the peer presented against TLSA records (RFC 7672 §3). */
export function matchDane(
  socket: TLSSocket,
  host: string,
  records: readonly TlsaRecord[],
  alsoNames: readonly string[],
): CertificateCheck {
  const chain = presentedChain(socket.getPeerCertificate(true));
  const leaf = chain[0];
  if (leaf === undefined) return unverified('validation-failure', 'the server presented no certificate');
  const usable = records.filter(isUsableTlsa);
  // RFC 7672 §3.1.1: usage 3 ignores names and dates.
  if (usable.some((record) => record.usage === 3 && matches(record, leaf))) return { verifiedBy: 'dane-ee' };
  const anchors = usable.filter((record) => record.usage === 2);
  if (anchors.length === 0) return unverified('validation-failure', 'no TLSA record matches the certificate');
  const problem = checkAnchored(chain, anchors, Date.now());
  if (problem !== undefined)
    return unverified(problem.includes('expired') ? 'certificate-expired' : 'validation-failure', problem);
  // RFC 7672 §3.1.2: usage 2 checks the name as well.
  if ([host, ...alsoNames].some((name) => isNamed(leaf, name))) return { verifiedBy: 'dane-ta' };
  return unverified(
    'certificate-host-mismatch',
    `a TLSA trust anchor matches, but the certificate is not for ${host}`,
  );
}

/** The certificate of a peer and its issuers, as far as the peer presented them. */
export function presentedChain(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  for (let next = peer; next?.raw && !seen.has(next.fingerprint256); next = next.issuerCertificate) {
    seen.add(next.fingerprint256);
    chain.push(new X509Certificate(next.raw));
  }
  return chain;
}

function matches({ selector, matchingType, data }: TlsaRecord, certificate: X509Certificate): boolean {
  const octets =
    selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' });
  const value =
    matchingType === 0
      ? octets
      : createHash(matchingType === 1 ? 'sha256' : 'sha512')
          .update(octets)
          .digest();
  return value.equals(data);
}

/** Checks signatures, dates and authorities from the leaf to a matching anchor; undefined when all are valid. */
function checkAnchored(
  chain: X509Certificate[],
  anchors: readonly TlsaRecord[],
  now: number,
): string | undefined {
  for (let index = 0; index < chain.length; index++) {
    const certificate = chain[index]!;
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) {
      return `the certificate of ${index === 0 ? 'the server' : 'an authority'} is expired or not yet valid`;
    }
    if (index > 0) {
      const child = chain[index - 1]!;
      if (!certificate.ca) return 'an issuer in the chain is not a certificate authority';
      if (!child.checkIssued(certificate) || !child.verify(certificate.publicKey))
        return 'the chain is not signed link by link';
      if (anchors.some((record) => matches(record, certificate))) return undefined;
    }
    const outside = anchors.some((record) => anchorOutside(record, certificate));
    if (outside) return undefined;
  }
  return 'no TLSA record matches a certificate of the chain';
}

/** RFC 7672 §3.1.2: a full certificate or key in a record can be the anchor of a chain that does not include it. */
function anchorOutside({ selector, matchingType, data }: TlsaRecord, child: X509Certificate): boolean {
  if (matchingType !== 0) return false;
  try {
    if (selector === 1) {
      return child.verify(createPublicKey({ key: Buffer.from(data), format: 'der', type: 'spki' }));
    }
    const anchor = new X509Certificate(data);
    return anchor.ca && child.checkIssued(anchor) && child.verify(anchor.publicKey);
  } catch {
    // The record has neither a certificate nor a key.
    return false;
  }
}
