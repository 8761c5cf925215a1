import { X509Certificate } from 'node:crypto';

/** The facts of a certificate that a report shows. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** Host names and addresses of subjectAltName; empty for an authority. */
  readonly names: readonly string[];
  readonly validFrom: string;
  readonly validTo: string;
  readonly key: string;
  readonly fingerprint256: string;
}

/** Reads certificates in DER. */
export function readCertificates(chain: readonly Uint8Array[]): CertificateFacts[] {
  return chain.map((der) => {
    const certificate = new X509Certificate(der);
    const { asymmetricKeyType = 'unknown', asymmetricKeyDetails } = certificate.publicKey;
    const size = asymmetricKeyDetails?.modulusLength ?? asymmetricKeyDetails?.namedCurve ?? '';
    return {
      subject: certificate.subject.replaceAll('\n', ', '),
      issuer: certificate.issuer.replaceAll('\n', ', '),
      names: (certificate.subjectAltName ?? '')
        .split(', ')
        .flatMap((name) => name.replace(/^[A-Za-z ]+:/, '') || []),
      validFrom: certificate.validFromDate.toISOString(),
      validTo: certificate.validToDate.toISOString(),
      key: `${asymmetricKeyType} ${size}`.trim(),
      fingerprint256: certificate.fingerprint256,
    };
  });
}
