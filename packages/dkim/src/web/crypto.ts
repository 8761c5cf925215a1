/**
 * The part of node:crypto that this package uses, on WebCrypto. The build of `@mb/dkim/web` replaces node:crypto by it.
 * Results that WebCrypto returns asynchronously are promises, which the callers await.
 */
import { Buffer } from './buffer.ts';
import { type DerValue, readDer, readSequence, writeDer } from './der.ts';

/** The part of WebCrypto used here; TypeScript has its types only in the DOM library. */
interface Subtle {
  digest(algorithm: string, data: Uint8Array): Promise<ArrayBuffer>;
  importKey(
    format: string,
    data: Uint8Array,
    algorithm: object,
    extractable: boolean,
    uses: string[],
  ): Promise<object>;
  sign(algorithm: object, key: object, data: Uint8Array): Promise<ArrayBuffer>;
  verify(algorithm: object, key: object, signature: Uint8Array, data: Uint8Array): Promise<boolean>;
}

function subtle(): Subtle {
  return (globalThis as unknown as { readonly crypto: { readonly subtle: Subtle } }).crypto.subtle;
}

const rsaOid = Buffer.from('2a864886f70d010101', 'hex');
const ed25519Oid = Buffer.from('2b6570', 'hex');
/** AlgorithmIdentifier of rsaEncryption, with its NULL (RFC 8017 §A.1). */
const rsaIdentifier = writeDer(0x30, writeDer(0x06, rsaOid), writeDer(0x05));
const zero = writeDer(0x02, Buffer.from('00', 'hex'));

type KeyType = 'rsa' | 'ed25519' | 'other';

/** A key in DER: PKCS #8 for a private key, SubjectPublicKeyInfo for a public key. */
export class KeyObject {
  readonly type: 'private' | 'public';
  readonly asymmetricKeyType: KeyType;
  readonly asymmetricKeyDetails: { readonly modulusLength?: number };
  readonly #der: Uint8Array;
  #imported: Promise<object> | undefined;

  constructor(type: 'private' | 'public', keyType: KeyType, der: Uint8Array, modulusLength?: number) {
    this.type = type;
    this.asymmetricKeyType = keyType;
    this.asymmetricKeyDetails = modulusLength === undefined ? {} : { modulusLength };
    this.#der = der;
  }

  get algorithm(): object {
    return this.asymmetricKeyType === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : { name: 'Ed25519' };
  }

  get der(): Uint8Array {
    return this.#der;
  }

  /** Imports the key for WebCrypto, once. */
  cryptoKey(): Promise<object> {
    this.#imported ??= subtle().importKey(
      this.type === 'private' ? 'pkcs8' : 'spki',
      this.#der,
      this.algorithm,
      false,
      [this.type === 'private' ? 'sign' : 'verify'],
    );
    return this.#imported;
  }

  /** The octets of a public key, like node:crypto for `{ format: 'der', type: 'spki' }`. */
  export(): Uint8Array {
    return Buffer.from(this.#der);
  }
}

interface DerInput {
  readonly key: Uint8Array;
  readonly type: 'spki' | 'pkcs1' | 'pkcs8';
}

/** Reads a private key in PEM or DER. Encrypted keys are refused, because WebCrypto cannot decrypt them. */
export function createPrivateKey(input: string | DerInput | { readonly passphrase: unknown }): KeyObject {
  if (typeof input === 'string') {
    const { label, octets } = readPem(input);
    return privateKeyOf(octets, label === 'RSA PRIVATE KEY' ? 'pkcs1' : 'pkcs8');
  }
  if ('passphrase' in input) throw new Error('Encrypted keys cannot be read here.');
  return privateKeyOf(input.key, input.type);
}

/** Reads a public key in PEM or DER, or returns the public key of an RSA key. */
export function createPublicKey(input: string | DerInput | KeyObject): KeyObject | undefined {
  if (typeof input === 'string') return publicKeyOf(readPem(input).octets, 'spki');
  if (!(input instanceof KeyObject)) return publicKeyOf(input.key, input.type);
  return input.type === 'public' ? input : publicHalf(input);
}

function privateKeyOf(octets: Uint8Array, type: DerInput['type']): KeyObject {
  const der = type === 'pkcs1' ? writeDer(0x30, zero, rsaIdentifier, writeDer(0x04, octets)) : octets;
  const [, algorithm, key] = readSequence(der) ?? [];
  const keyType = keyTypeOf(algorithm);
  if (key?.tag !== 0x04) throw new Error('No PKCS #8.');
  if (keyType !== 'rsa') return new KeyObject('private', keyType, der);
  const [, modulus, exponent] = readSequence(key.content) ?? [];
  return new KeyObject('private', keyType, der, bitsOf(modulus, exponent));
}

function publicKeyOf(octets: Uint8Array, type: DerInput['type']): KeyObject {
  // The first octet of a BIT STRING is the number of unused bits.
  const der =
    type === 'pkcs1'
      ? writeDer(0x30, rsaIdentifier, writeDer(0x03, Buffer.from('00', 'hex'), octets))
      : octets;
  const [algorithm, key] = readSequence(der) ?? [];
  const keyType = keyTypeOf(algorithm);
  if (key?.tag !== 0x03 || key.content[0] !== 0) throw new Error('No SubjectPublicKeyInfo.');
  if (keyType !== 'rsa') return new KeyObject('public', keyType, der);
  const [modulus, exponent] = readSequence(key.content.subarray(1)) ?? [];
  return new KeyObject('public', keyType, der, bitsOf(modulus, exponent));
}

/** The public key of an RSA key; undefined for Ed25519, whose private key does not contain it. */
function publicHalf(key: KeyObject): KeyObject | undefined {
  if (key.asymmetricKeyType !== 'rsa') return undefined;
  const [, , inner] = readSequence(key.der)!;
  const [, modulus, exponent] = readSequence(inner!.content)!;
  return publicKeyOf(
    writeDer(0x30, writeDer(0x02, modulus!.content), writeDer(0x02, exponent!.content)),
    'pkcs1',
  );
}

function keyTypeOf(algorithm: DerValue | undefined): KeyType {
  const oid = algorithm?.tag === 0x30 ? readDer(algorithm.content) : undefined;
  if (oid?.tag !== 0x06) throw new Error('No algorithm.');
  if (rsaOid.equals(oid.content)) return 'rsa';
  return ed25519Oid.equals(oid.content) ? 'ed25519' : 'other';
}

/** Length of an RSA modulus in bits. */
function bitsOf(modulus: DerValue | undefined, exponent: DerValue | undefined): number {
  if (modulus?.tag !== 0x02 || exponent?.tag !== 0x02) throw new Error('No RSA key.');
  let start = 0;
  while (modulus.content[start] === 0) start++;
  const length = modulus.content.length - start;
  return length === 0 ? 0 : length * 8 - Math.clz32(modulus.content[start]!) + 24;
}

function readPem(pem: string): { readonly label: string; readonly octets: Uint8Array } {
  const match = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END /.exec(pem);
  if (!match) throw new Error('No PEM.');
  return { label: match[1]!, octets: Buffer.from(match[2]!.replaceAll(/\s/g, ''), 'base64') };
}

/** SHA-256 of octets. */
export async function hash(_algorithm: 'sha256', data: Uint8Array): Promise<Buffer> {
  return Buffer.from(await subtle().digest('SHA-256', data));
}

/** SHA-256 of octets in pieces, which are buffered, since WebCrypto hashes only whole data. */
export function createHash(_algorithm: 'sha256') {
  let kept = new Uint8Array(1 << 16);
  let used = 0;
  return {
    update(octets: Uint8Array) {
      if (used + octets.length > kept.length) {
        const grown = new Uint8Array(Math.max(2 * kept.length, used + octets.length));
        grown.set(kept.subarray(0, used));
        kept = grown;
      }
      kept.set(octets, used);
      used += octets.length;
    },
    digest: () => hash('sha256', kept.subarray(0, used)),
  };
}

/** Signs with Ed25519 if the algorithm is `null`, otherwise with RSASSA-PKCS1-v1_5 and SHA-256. */
export async function sign(
  _algorithm: 'sha256' | null,
  data: Uint8Array | Promise<Uint8Array>,
  key: KeyObject,
): Promise<Buffer> {
  return Buffer.from(await subtle().sign(key.algorithm, await key.cryptoKey(), await data));
}

/** Whether a signature verifies with a key. */
export async function verify(
  _algorithm: 'sha256' | null,
  data: Uint8Array | Promise<Uint8Array>,
  key: KeyObject,
  signature: Uint8Array,
): Promise<boolean> {
  return subtle().verify(key.algorithm, await key.cryptoKey(), signature, await data);
}

/** The default export that the package uses. */
export default { hash };
