// @peculiar/x509 needs this polyfill to be loaded first.
import 'reflect-metadata';
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** The content of a certificate. */
export interface CertificateRequest {
  readonly commonName: string;
  /** DNS names in subjectAltName; an empty list leaves out the extension. */
  readonly names?: readonly string[];
  readonly ca?: boolean;
  /** Default 2025-01-01. */
  readonly notBefore?: Date;
  /** Default 2099-12-31. */
  readonly notAfter?: Date;
}

/** A certificate with its key; `issue` signs others with it. */
export interface IssuedCertificate {
  readonly pem: string;
  readonly keyPem: string;
  readonly x509: X509Certificate;
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
}

type Keys = webcrypto.CryptoKeyPair;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Makes a self-signed certificate that can issue others. */
export function makeRoot(commonName: string): Promise<IssuedCertificate> {
  return make({ commonName, ca: true }, undefined);
}

async function make(
  request: CertificateRequest,
  issuer: { readonly name: string; readonly keys: Keys } | undefined,
): Promise<IssuedCertificate> {
  const { commonName, names = [], ca = false } = request;
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as Keys;
  const extensions: x509.Extension[] = [new x509.BasicConstraintsExtension(ca, undefined, true)];
  if (names.length > 0) {
    extensions.push(new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))));
  }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `01${randomBytes(8).toString('hex')}`,
    subject: `CN=${commonName}`,
    issuer: issuer?.name ?? `CN=${commonName}`,
    notBefore: request.notBefore ?? new Date('2025-01-01'),
    notAfter: request.notAfter ?? new Date('2099-12-31'),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    extensions,
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    pem: `${certificate.toString('pem')}\n`,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{1,64}/g, '$&\n')}-----END PRIVATE KEY-----\n`,
    x509: new X509Certificate(Buffer.from(certificate.rawData)),
    issue: (next) => make(next, { name: certificate.subject, keys }),
  };
}
