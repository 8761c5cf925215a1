import crypto, { createPrivateKey, createPublicKey, KeyObject, sign, verify } from 'node:crypto';
import { abortError, unlessAborted } from './abort.ts';
import { DkimError } from './errors.ts';
import { matching } from './option-table.ts';

/** The two signature algorithms in use: RFC 8301 §3.1 and RFC 8463 §3. */
export type DkimAlgorithm = 'rsa-sha256' | 'ed25519-sha256';

/** A key that is held elsewhere (a KMS, a PKCS #11 token), which makes only signatures available. */
export interface ExternalKey {
  readonly algorithm: DkimAlgorithm;
  /**
   * Signs `data`: for rsa-sha256 with RSASSA-PKCS1-v1_5 and SHA-256; for ed25519-sha256 with PureEdDSA over the 32 octets in
   * `data`, which are the SHA-256 hash of the header data (RFC 8463 §3).
   *
   * `signal` is that of the call of `sign()`, if it has one; when it aborts, the result is ignored. There is no other
   * timeout; `@mb/broker` sets one of 10 seconds.
   */
  sign(data: Uint8Array, options?: { readonly signal: AbortSignal }): Promise<Uint8Array> | Uint8Array;
  /** The public key (PEM or KeyObject). With it, every signature is verified before it is used. */
  readonly publicKey?: string | KeyObject | undefined;
}

/**
 * A private key: PEM (PKCS #8 or PKCS #1, also encrypted), DER, an Ed25519 seed of 32 octets, a KeyObject, or a key
 * held elsewhere.
 */
export type PrivateKeyInput = string | Uint8Array | KeyObject | ExternalKey;

/** The forms of {@link PrivateKeyInput}; {@link loadSigningKey} reads them. */
export const privateKeyRow = matching<PrivateKeyInput>(
  'a private key: PEM, DER, a KeyObject, or { algorithm, sign }',
  (value) =>
    typeof value === 'string' || value instanceof Uint8Array || (typeof value === 'object' && value !== null),
);

/** The types of a passphrase. */
export const passphraseRow = matching<string | Uint8Array>(
  'a string or octets',
  (value) => typeof value === 'string' || value instanceof Uint8Array,
);

/** A parsed key of a usable type and size. */
export interface SigningKey {
  readonly algorithm: DkimAlgorithm;
  /** RSA modulus length, or 256; undefined for an external key without `publicKey`. */
  readonly bits: number | undefined;
  /** The public key, if it is known. */
  readonly publicKey: KeyObject | undefined;
  /** Signs data. @throws {DkimError} MB_DKIM_KEY_CALLBACK, MB_DKIM_ABORTED for a key held elsewhere. */
  sign(data: Uint8Array, signal?: AbortSignal): Uint8Array | Promise<Uint8Array>;
}

/** RFC 8301 §3.2: signers must use at least 1024 bits, and should use at least 2048. */
const minimumRsaBits = 1024;

/** DER of a PKCS #8 PrivateKeyInfo for Ed25519, before its 32 octets (RFC 8410 §7). */
const ed25519SeedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Parses a private key.
 *
 * @throws {DkimError} MB_DKIM_KEY_INVALID, MB_DKIM_KEY_PASSPHRASE, MB_DKIM_KEY_PUBLIC, MB_DKIM_KEY_TYPE,
 *   MB_DKIM_KEY_TOO_SHORT, MB_DKIM_OPTION.
 */
export function loadSigningKey(input: PrivateKeyInput, passphrase?: string | Uint8Array): SigningKey {
  if (isExternalKey(input)) return externalSigningKey(input);
  const privateKey = toPrivateKey(input, passphrase);
  const algorithm = algorithmOf(privateKey);
  const bits = keyBits(privateKey);
  refuseShortKey(algorithm, bits);
  return {
    algorithm,
    bits,
    publicKey: createPublicKey(privateKey),
    sign:
      algorithm === 'rsa-sha256'
        ? (data) => sign('sha256', data, privateKey)
        : // RFC 8463 §3: PureEdDSA over the SHA-256 hash of the header data.
          (data) => sign(null, sha256(data), privateKey),
  };
}

/** Whether `signature` over `data` verifies with `publicKey`. Never rejects: a malformed signature does not verify. */
export async function isSignatureBy(
  publicKey: KeyObject,
  algorithm: DkimAlgorithm,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    // WebCrypto, which replaces node:crypto in the web build, is asynchronous.
    return algorithm === 'rsa-sha256'
      ? await verify('sha256', data, publicKey, signature)
      : await verify(null, sha256(data), publicKey, signature);
  } catch {
    return false;
  }
}

/** The size of a key in bits: the RSA modulus, or 256 for Ed25519. */
export function keyBits(key: KeyObject): number {
  if (key.asymmetricKeyType === 'ed25519') return 256;
  const fromDetails = key.asymmetricKeyDetails?.modulusLength;
  if (fromDetails !== undefined) return fromDetails;
  const modulus = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).n ?? '', 'base64url');
  return modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0]!) + 24;
}

function sha256(data: Uint8Array): Buffer {
  return crypto.hash('sha256', data, 'buffer');
}

function isExternalKey(input: unknown): input is ExternalKey {
  return typeof input === 'object' && input !== null && 'sign' in input && typeof input.sign === 'function';
}

function externalSigningKey(key: ExternalKey): SigningKey {
  const { algorithm } = key;
  if (algorithm !== 'rsa-sha256' && algorithm !== 'ed25519-sha256') {
    throw new DkimError('MB_DKIM_OPTION', 'privateKey.algorithm must be "rsa-sha256" or "ed25519-sha256".');
  }
  const publicKey = key.publicKey === undefined ? undefined : toPublicKey(key.publicKey);
  if (publicKey !== undefined && algorithmOf(publicKey) !== algorithm) {
    throw new DkimError('MB_DKIM_KEY_TYPE', `privateKey.publicKey is not a key for ${algorithm}.`);
  }
  const bits = publicKey === undefined ? undefined : keyBits(publicKey);
  if (bits !== undefined) refuseShortKey(algorithm, bits);
  return { algorithm, bits, publicKey, sign: (data, signal) => signElsewhere(key, publicKey, data, signal) };
}

async function signElsewhere(
  key: ExternalKey,
  publicKey: KeyObject | undefined,
  data: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  let signature: Uint8Array;
  const octets = key.algorithm === 'ed25519-sha256' ? await sha256(data) : data;
  try {
    signature = signal
      ? await unlessAborted(signal, () => key.sign(octets, { signal }))
      : await key.sign(octets);
  } catch (cause) {
    if (signal?.aborted) throw abortError(signal);
    // A callback that throws a DkimError has chosen its own code.
    if (DkimError.isInstance(cause)) throw cause;
    throw new DkimError('MB_DKIM_KEY_CALLBACK', 'The key callback failed; see the cause.', {
      kind: 'rejected',
      retryable: true,
      cause,
    });
  }
  const plausible =
    signature instanceof Uint8Array &&
    (key.algorithm === 'ed25519-sha256' ? signature.length === 64 : signature.length >= minimumRsaBits / 8);
  if (!plausible) {
    throw new DkimError(
      'MB_DKIM_KEY_CALLBACK',
      `The key callback must return a Uint8Array with the raw ${key.algorithm} signature (64 octets for Ed25519, at least 128 for RSA).`,
    );
  }
  if (publicKey !== undefined && !(await isSignatureBy(publicKey, key.algorithm, data, signature))) {
    throw new DkimError(
      'MB_DKIM_KEY_CALLBACK',
      'The signature of the key callback does not verify with its publicKey; check its key and hash.',
    );
  }
  return signature;
}

function toPublicKey(input: string | KeyObject): KeyObject {
  try {
    return typeof input === 'string' ? createPublicKey(input) : input;
  } catch (cause) {
    throw new DkimError('MB_DKIM_KEY_INVALID', 'privateKey.publicKey is not a public key in PEM.', { cause });
  }
}

function toPrivateKey(input: string | Uint8Array | KeyObject, passphrase?: string | Uint8Array): KeyObject {
  if (typeof input === 'string') return fromPem(input, passphrase);
  if (input instanceof KeyObject) return requirePrivate(input);
  if (!(input instanceof Uint8Array)) {
    throw new DkimError(
      'MB_DKIM_OPTION',
      'privateKey must be a PEM string, DER octets, a KeyObject, or an object with algorithm and sign().',
    );
  }
  if (input.length === 32) return fromDer(Buffer.concat([ed25519SeedPrefix, input]));
  // PEM begins with white space or a hyphen; DER begins with a SEQUENCE (0x30).
  return input[0] === 0x30
    ? fromDer(Buffer.from(input))
    : fromPem(Buffer.from(input).toString('latin1'), passphrase);
}

function requirePrivate(key: KeyObject): KeyObject {
  if (key.type === 'private') return key;
  throw new DkimError(
    key.type === 'public' ? 'MB_DKIM_KEY_PUBLIC' : 'MB_DKIM_KEY_TYPE',
    `A ${key.type} key cannot sign; give the private key.`,
  );
}

function fromPem(pem: string, passphrase: string | Uint8Array | undefined): KeyObject {
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1] ?? '';
  if (label.includes('PUBLIC KEY') || label.includes('CERTIFICATE')) {
    throw new DkimError('MB_DKIM_KEY_PUBLIC', `The PEM is a ${label.toLowerCase()}; give the private key.`);
  }
  if (!label.endsWith('PRIVATE KEY')) {
    throw new DkimError(
      'MB_DKIM_KEY_INVALID',
      'privateKey is not PEM: there is no "BEGIN … PRIVATE KEY" line.',
    );
  }
  if (!pem.includes('\n') && pem.includes('\\n')) {
    throw new DkimError(
      'MB_DKIM_KEY_INVALID',
      'The PEM has the two characters "\\n" instead of line breaks; replace them by line breaks.',
    );
  }
  const encrypted = label.startsWith('ENCRYPTED') || pem.includes('Proc-Type: 4,ENCRYPTED');
  if (encrypted && passphrase === undefined) {
    throw new DkimError('MB_DKIM_KEY_PASSPHRASE', 'The private key is encrypted; give its passphrase.');
  }
  try {
    return createPrivateKey(
      encrypted
        ? { key: pem, passphrase: typeof passphrase === 'string' ? passphrase : Buffer.from(passphrase!) }
        : pem,
    );
  } catch {
    // Without a cause: some runtimes put parts of the input into its message.
    if (encrypted)
      throw new DkimError('MB_DKIM_KEY_PASSPHRASE', 'The passphrase does not decrypt the private key.');
    throw new DkimError(
      'MB_DKIM_KEY_INVALID',
      label.startsWith('OPENSSH')
        ? 'OpenSSH private keys are not supported; convert it with "ssh-keygen -p -m PKCS8".'
        : 'The PEM is damaged: its content is not a private key.',
    );
  }
}

function fromDer(der: Buffer): KeyObject {
  for (const type of ['pkcs8', 'pkcs1'] as const) {
    try {
      return createPrivateKey({ key: der, format: 'der', type });
    } catch {}
  }
  throw new DkimError(
    'MB_DKIM_KEY_INVALID',
    'The octets are not an unencrypted private key in DER (PKCS #8 or PKCS #1).',
  );
}

function algorithmOf(key: KeyObject): DkimAlgorithm {
  if (key.asymmetricKeyType === 'rsa') return 'rsa-sha256';
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519-sha256';
  throw new DkimError(
    'MB_DKIM_KEY_TYPE',
    `DKIM signs with RSA or Ed25519 keys, not with ${key.asymmetricKeyType ?? 'this type'}.`,
  );
}

function refuseShortKey(algorithm: DkimAlgorithm, bits: number): void {
  if (algorithm !== 'rsa-sha256' || bits >= minimumRsaBits) return;
  throw new DkimError(
    'MB_DKIM_KEY_TOO_SHORT',
    `The RSA key has ${bits} bits; verifiers reject less than ${minimumRsaBits}. Generate one of 2048.`,
  );
}
