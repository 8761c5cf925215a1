// @peculiar/x509 needs this polyfill, which must be imported before it.
import 'reflect-metadata';
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { list, type OptionTable, readOptions, required, text, word } from './option-table.ts';

/** A certificate with its private key, in the formats of `node:tls` and `@mb/dns`. */
export interface TestCertificate {
  /** The private key, PKCS #8 PEM. */
  readonly key: string;
  /** The certificate, followed by the intermediates above it (without the root), PEM. */
  readonly cert: string;
  /** The certificate alone, DER. */
  readonly der: Uint8Array;
  /** Its SubjectPublicKeyInfo, DER, which TLSA selector 1 selects (RFC 6698 §2.1.2). */
  readonly publicKey: Uint8Array;
  /** SHA-256 of `der` in lower-case hexadecimal digits. */
  readonly fingerprint256: string;
  /** Returns the data of a TLSA record with matching type 1 (SHA-256); default `3 1 1`, DANE-EE by key. */
  tlsa(usage?: 0 | 1 | 2 | 3, selector?: 0 | 1): string;
}

/** Options of a test certificate. */
export interface CertificateOptions {
  /** Host names and IP addresses of the subject alternative names; if empty, the extension is left out. */
  readonly names: readonly string[];
  /** Default: the first of `names`. */
  readonly commonName?: string | undefined;
  /** Default `current`: one day before and after now. `expired` ended a day ago, `not-yet-valid` starts in a day. */
  readonly validity?: 'current' | 'expired' | 'not-yet-valid' | undefined;
  /** Default `ecdsa-p256`; `rsa-2048` takes a few hundred milliseconds longer. */
  readonly keyType?: KeyType | undefined;
}

/** The checks of `CertificateOptions`. */
export const certificateOptions = {
  names: required(list(text())),
  commonName: text(),
  validity: word(['expired', 'current', 'not-yet-valid'], { default: 'current' }),
  keyType: word(['ecdsa-p256', 'rsa-2048'], { default: 'ecdsa-p256' }),
} satisfies OptionTable<CertificateOptions>;

function readCertificateOptions(given: CertificateOptions, where: string) {
  return readOptions<CertificateOptions, typeof certificateOptions>(given, certificateOptions, where);
}

/** The type of a certificate's key. */
export type KeyType = 'ecdsa-p256' | 'rsa-2048';

/** An authority that issues certificates for tests. */
export interface CertificateAuthority extends TestCertificate {
  /** The root certificate, PEM, for the option `ca` of a client in `node:tls`. */
  readonly root: string;
  /** Issues a certificate. To test a wrong name, issue one for another name. */
  issue(options: CertificateOptions): Promise<TestCertificate>;
  /** Creates an authority below this one, which is part of the chain of the certificates that it issues. */
  intermediate(name?: string): Promise<CertificateAuthority>;
}

interface Issuer {
  readonly certificate: x509.X509Certificate;
  readonly keys: CryptoKeyPair;
  readonly root: x509.X509Certificate;
  /** The certificates that a server sends after its own, nearest first. */
  readonly chain: readonly x509.X509Certificate[];
}

type CryptoKeyPair = webcrypto.CryptoKeyPair;

const DAY_MS = 86_400_000;
const SIGNING = {
  'ecdsa-p256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'rsa-2048': {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  },
} as const;

/**
 * Creates a root certificate authority; takes a few milliseconds.
 *
 * @example
 * const ca = await createCertificateAuthority();
 * const { key, cert } = await ca.issue({ names: ['mx.example.test'] });
 * const host = await startSmtpHost({ tls: { key, cert } });
 * tls.connect({ ca: ca.root, … });
 */
export async function createCertificateAuthority(name = 'Test Root'): Promise<CertificateAuthority> {
  const keys = await generateKeys('ecdsa-p256');
  const certificate = await create(name, keys, keys, `CN=${name}`, window('current'), authorityExtensions());
  return authority({ certificate, keys, root: certificate, chain: [] });
}

/**
 * Creates a self-signed certificate.
 *
 * @throws {TestkitError} MB_TESTKIT_OPTION for invalid options.
 */
export async function createSelfSignedCertificate(options: CertificateOptions): Promise<TestCertificate> {
  const where = 'createSelfSignedCertificate: options';
  const { names, commonName, validity, keyType } = readCertificateOptions(options, where);
  const keys = await generateKeys(keyType);
  const subject = commonName ?? names[0] ?? '';
  const certificate = await create(
    subject,
    keys,
    keys,
    `CN=${subject}`,
    window(validity),
    leafExtensions(names),
  );
  return present(certificate, keys, []);
}

async function authority(issuer: Issuer): Promise<CertificateAuthority> {
  const { certificate, keys, root, chain } = issuer;
  return {
    ...(await present(certificate, keys, chain)),
    root: root.toString('pem'),
    async issue(given) {
      const options = readCertificateOptions(given, 'issue: options');
      const { names, commonName = names[0] ?? '', validity, keyType } = options;
      const leafKeys = await generateKeys(keyType);
      const extensions = leafExtensions(names);
      const leaf = await create(
        commonName,
        leafKeys,
        keys,
        certificate.subject,
        window(validity),
        extensions,
      );
      return present(leaf, leafKeys, belowRoot(issuer));
    },
    async intermediate(name = 'Test Intermediate') {
      const ownKeys = await generateKeys('ecdsa-p256');
      const extensions = authorityExtensions();
      const own = await create(name, ownKeys, keys, certificate.subject, window('current'), extensions);
      return authority({ certificate: own, keys: ownKeys, root, chain: belowRoot(issuer) });
    },
  };
}

/** Returns the intermediates that are sent with a certificate issued by `issuer`. */
function belowRoot(issuer: Issuer): x509.X509Certificate[] {
  return issuer.certificate === issuer.root ? [] : [issuer.certificate, ...issuer.chain];
}

function generateKeys(type: KeyType): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(SIGNING[type], true, ['sign', 'verify']) as Promise<CryptoKeyPair>;
}

function create(
  commonName: string,
  subjectKeys: CryptoKeyPair,
  signingKeys: CryptoKeyPair,
  issuer: string,
  [notBefore, notAfter]: readonly [Date, Date],
  extensions: x509.Extension[],
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    serialNumber: `01${randomBytes(8).toString('hex')}`,
    subject: `CN=${commonName}`,
    issuer,
    notBefore,
    notAfter,
    publicKey: subjectKeys.publicKey,
    signingKey: signingKeys.privateKey,
    signingAlgorithm: { name: signingKeys.privateKey.algorithm.name, hash: 'SHA-256' },
    extensions,
  });
}

function window(validity: NonNullable<CertificateOptions['validity']>): readonly [Date, Date] {
  const middle = { expired: -2 * DAY_MS, current: 0, 'not-yet-valid': 2 * DAY_MS }[validity];
  const now = Date.now();
  return [new Date(now + middle - DAY_MS), new Date(now + middle + DAY_MS)];
}

function authorityExtensions(): x509.Extension[] {
  const usage = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(usage, true),
  ];
}

function leafExtensions(names: readonly string[]): x509.Extension[] {
  const alternatives = names.map((value) => ({
    type: isIP(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
  ];
}

async function present(
  certificate: x509.X509Certificate,
  keys: CryptoKeyPair,
  chain: readonly x509.X509Certificate[],
): Promise<TestCertificate> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const der = new Uint8Array(certificate.rawData);
  const publicKey = new Uint8Array(certificate.publicKey.rawData);
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{1,64}/g, '$&\n')}-----END PRIVATE KEY-----\n`,
    cert: [certificate, ...chain].map((item) => `${item.toString('pem')}\n`).join(''),
    der,
    publicKey,
    fingerprint256: sha256(der),
    tlsa: (usage = 3, selector = 1) => `${usage} ${selector} 1 ${sha256(selector === 1 ? publicKey : der)}`,
  };
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}
