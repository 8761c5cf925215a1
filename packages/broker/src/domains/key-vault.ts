import { createPublicKey, type KeyObject } from 'node:crypto';
import { type DkimAlgorithm, generateKeyPair, type PrivateKeyInput } from '@mb/dkim';
import type { Clock } from '../clock.ts';
import { type KeyWrapping, keyWrappingOptions } from '../encryption/key-wrapping.ts';
import { createMasterKeyWrapping, type MasterKey } from '../encryption/master-key.ts';
import { BrokerError } from '../errors.ts';
import { readOptions } from '../option-table.ts';
import { TimedCalls } from '../timed-calls.ts';

/** Names a key: its domain and selector. */
export interface KeyName {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
}

/** A key that a vault made: what is public, and what the vault needs to find it again. */
export interface CreatedKey {
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string;
  /** A JSON object that is stored with the domain: an encrypted key, or the name of a key in a KMS. */
  readonly handle: object;
}

/**
 * Where private keys are kept. {@link createMasterKeyVault} encrypts them with a master key; {@link createWrappingVault}
 * has a KMS encrypt them; an object of your own can leave keys in a KMS or a token and only have it sign.
 *
 * @example
 * // Keys that never leave a KMS.
 * const vault: KeyVault = {
 *   async create({ domain, selector }) {
 *     const { id, publicKey } = await kms.createKey(`${selector}.${domain}`);
 *     return { publicKey, handle: { id } };
 *   },
 *   open: ({ id }, { algorithm }) => ({ algorithm, sign: (octets) => kms.sign(id, octets) }),
 * };
 */
export interface KeyVault {
  /** Makes a key. */
  create(name: KeyName): Promise<CreatedKey> | CreatedKey;
  /**
   * The key to sign with. When it throws, or takes longer than 10 seconds, mail of the domain waits. After 10 seconds
   * without an answer the vault is not asked for keys of the domain for 30 seconds.
   */
  open(handle: object, name: KeyName): Promise<PrivateKeyInput> | PrivateKeyInput;
  /** Keeps a key that exists already, a private key in PEM. Without it, keys cannot be imported. */
  keep?(privateKey: string, name: KeyName): Promise<object> | object;
  /** The handle under the newest master key; undefined when it is up to date. */
  renew?(handle: object, name: KeyName): Promise<object | undefined> | object | undefined;
}

/**
 * A vault that makes keys here and has them encrypted.
 *
 * @throws {BrokerError} MB_BROKER_OPTION
 * @example createWrappingVault({ wrap: (plain) => kms.encrypt(plain), unwrap: (wrapped) => kms.decrypt(wrapped) })
 */
export function createWrappingVault(wrapping: KeyWrapping): KeyVault {
  const { wrap, unwrap, isOutdated } = readOptions<KeyWrapping, typeof keyWrappingOptions>(
    wrapping,
    keyWrappingOptions,
    'createWrappingVault: wrapping',
  );
  const open = async (handle: object, name: KeyName) =>
    Buffer.from(await unwrap(handle, contextOf(name))).toString();
  const keep = async (privateKey: string, name: KeyName) =>
    wrap(new TextEncoder().encode(privateKey), contextOf(name));
  return {
    async create(name) {
      const { privateKey, publicKey } = await generateKeyPair(name);
      return { publicKey, handle: await keep(privateKey, name) };
    },
    open,
    keep,
    async renew(handle, name) {
      return isOutdated?.(handle) ? keep(await open(handle, name), name) : undefined;
    },
  };
}

/**
 * A vault that encrypts private keys by AES-256-GCM (NIST SP 800-38D), bound to their domain and selector.
 *
 * @param keys  The first one encrypts, all of them decrypt; `parseMasterKeys()` reads them.
 * @throws {BrokerError} MB_BROKER_MASTER_KEY without a key; its `open` throws it for a private key that another master
 *   key encrypted, or that was changed.
 * @example createMasterKeyVault(parseMasterKeys(process.env.MB_MASTER_KEY))
 */
export function createMasterKeyVault(keys: readonly MasterKey[]): KeyVault {
  return createWrappingVault(createMasterKeyWrapping(keys));
}

/**
 * The vault with a limit of 10 seconds for each call that makes, keeps or renews a key. `open` has none here: signing
 * limits it, domain by domain.
 *
 * @throws {BrokerError} The calls: MB_BROKER_KEY_SERVICE when they take longer.
 */
export function limitVault(vault: KeyVault, clock: Clock): KeyVault {
  const { keep, renew } = vault;
  const call = <Result>(ask: () => Result | Promise<Result>) =>
    new TimedCalls(clock).call('The key vault', ask);
  return {
    create: (name) => call(() => vault.create(name)),
    open: (handle, name) => vault.open(handle, name),
    ...(keep && { keep: (privateKey, name) => call(() => keep.call(vault, privateKey, name)) }),
    ...(renew && { renew: (handle, name) => call(() => renew.call(vault, handle, name)) }),
  };
}

/** A key that was moved to another domain or selector does not open. */
function contextOf({ domain, selector, algorithm }: KeyName): string {
  return `mb dkim ${algorithm} ${selector}._domainkey.${domain}`;
}

/**
 * The key to sign with, checked against the public half that is published.
 *
 * @throws {BrokerError} MB_BROKER_DOMAIN_KEY
 */
export async function openKey(
  vault: KeyVault,
  { handle, publicKey, ...name }: KeyName & CreatedKey,
): Promise<PrivateKeyInput> {
  const key = await vault.open(handle, name);
  // With the public half the signer checks each signature of a key that is held elsewhere.
  if (typeof key === 'object' && 'sign' in key)
    return { ...key, sign: (...call) => key.sign(...call), publicKey };
  if (!(key instanceof Uint8Array) && pemOf(key) !== pemOf(publicKey)) {
    throw new BrokerError(
      'MB_BROKER_DOMAIN_KEY',
      'invalid-input',
      `The private key of ${name.selector}._domainkey.${name.domain} does not belong to its record. Rotate the key.`,
    );
  }
  return key;
}

function pemOf(key: string | KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;
}
