import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { KeyWrapping } from './key-wrapping.ts';

/** A key that encrypts private keys and secrets. */
export interface MasterKey {
  /** First octets of a hash of the key, in hexadecimal digits: identifies the key without revealing it. */
  readonly id: string;
  /** 32 octets. */
  readonly key: Uint8Array;
}

/** A key as {@link createMasterKeyWrapping} returns it. */
interface EncryptedKey {
  readonly cipher: 'aes-256-gcm';
  /** Which master key. */
  readonly master: string;
  /** base64, like the fields below. */
  readonly nonce: string;
  readonly data: string;
  readonly tag: string;
}

const keyBytes = 32;
/** NIST SP 800-38D §8.2.2: a random nonce of 96 bits is good for 2³² encryptions with one key. */
const nonceBytes = 12;

/** A new master key as text, 32 random octets in base64: a line of the file that {@link parseMasterKeys} reads. */
export function generateMasterKey(): string {
  return randomBytes(keyBytes).toString('base64');
}

/**
 * Reads master keys, one a line or separated by spaces: the first one encrypts, all of them decrypt. Lines that begin
 * with `#` are comments.
 *
 * To rotate: put a new key in front, have `renewKeys()` and `renewSecrets()` encrypt everything again, and take the old key out.
 *
 * @throws {BrokerError} MB_BROKER_MASTER_KEY for a text without a key, and for anything that is not a key.
 * @example parseMasterKeys(readFileSync('/etc/mb/master.key', 'utf8'))
 */
export function parseMasterKeys(text: string): readonly MasterKey[] {
  const lines = String(text)
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'));
  const words = lines.flatMap((line) => line.split(/\s+/)).filter((word) => word !== '');
  if (words.length === 0) throw wrong('There is no master key: it is a line of 44 characters in base64.');
  const keys = words.map((word, index) => {
    const key = Buffer.from(word, 'base64');
    // Buffer.from() ignores characters that are not base64. The value is a secret, so the message does not repeat it.
    if (key.length === keyBytes && key.toString('base64') === word) return { id: idOf(key), key };
    throw wrong(`Master key ${index + 1} is not 32 octets in base64. "mb domain master-key new" makes one.`);
  });
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw wrong('A master key is given twice.');
  return keys;
}

/**
 * Encrypts by AES-256-GCM (NIST SP 800-38D); what was encrypted opens only under the same context.
 *
 * @param keys  The first one encrypts, all of them decrypt; {@link parseMasterKeys} reads them.
 * @throws {BrokerError} MB_BROKER_MASTER_KEY without a key; its `unwrap` throws it for what another master key encrypted,
 *   and for what was changed.
 * @example
 * const wrapping = createMasterKeyWrapping(parseMasterKeys(process.env.MB_MASTER_KEY));
 * const broker = new MailBroker({ hostname, store, webhooks: { wrapping } });
 */
export function createMasterKeyWrapping(keys: readonly MasterKey[]): KeyWrapping {
  const [current] = keys;
  if (current === undefined) throw wrong('There is no master key.');
  return {
    wrap: (plain, context) => encrypt(plain, context, current),
    unwrap: (wrapped, context) => decrypt(wrapped, context, keys),
    isOutdated: (wrapped) => (wrapped as EncryptedKey).master !== current.id,
  };
}

function encrypt(plain: Uint8Array, context: string, { id, key }: MasterKey): EncryptedKey {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  const texts = { nonce: nonce.toString('base64'), data: data.toString('base64') };
  return { cipher: 'aes-256-gcm', master: id, ...texts, tag: cipher.getAuthTag().toString('base64') };
}

function decrypt(wrapped: object, context: string, keys: readonly MasterKey[]): Uint8Array {
  const { cipher: name, master, nonce, data, tag } = wrapped as EncryptedKey;
  if (name !== 'aes-256-gcm') throw wrong('The stored key is not encrypted with a master key.');
  const found = keys.find(({ id }) => id === master);
  if (!found) {
    const given = keys.map(({ id }) => id).join(', ');
    throw wrong(
      `The stored key is encrypted with master key ${master}, which is not given; given: ${given}. Add it to the master keys.`,
    );
  }
  try {
    const decipher = createDecipheriv('aes-256-gcm', found.key, Buffer.from(nonce, 'base64'), {
      authTagLength: 16,
    });
    decipher.setAAD(Buffer.from(context)).setAuthTag(Buffer.from(tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(data, 'base64')), decipher.final()]);
  } catch (cause) {
    throw wrong(
      'An encrypted key was changed, or belongs to another domain or webhook. Restore the record.',
      {
        cause,
      },
    );
  }
}

function idOf(key: Uint8Array): string {
  return createHash('sha256').update('mb master key ').update(key).digest('hex').slice(0, 8);
}

function wrong(message: string, options?: { readonly cause: unknown }): BrokerError {
  return new BrokerError('MB_BROKER_MASTER_KEY', 'api-misuse', message, options);
}
