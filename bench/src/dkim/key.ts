import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A fresh key pair, published as the record that verifiers ask for. */
export interface PublishedKey {
  readonly algorithm: 'rsa' | 'ed25519';
  readonly domain: string;
  readonly selector: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** PKCS #8 PEM, the form that every peer takes. */
  readonly pem: string;
  /** TXT record, RFC 6376 §3.6.1 and RFC 8463 §4. */
  readonly record: string;
}

/** RSA with 2048 bits, or Ed25519. */
export function publishKey(algorithm: 'rsa' | 'ed25519'): PublishedKey {
  const { privateKey, publicKey } =
    algorithm === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  // RFC 8463 §4.2: the record holds the 32 bare octets, which end the SubjectPublicKeyInfo.
  const published = algorithm === 'rsa' ? spki : spki.subarray(-32);
  return {
    algorithm,
    domain: 'example.com',
    selector: 'bench',
    privateKey,
    publicKey,
    pem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    record: `v=DKIM1; k=${algorithm}; p=${published.toString('base64')}`,
  };
}
