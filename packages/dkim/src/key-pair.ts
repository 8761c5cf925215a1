import { generateKeyPair as generate, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { toAscii } from './domain-name.ts';
import { DkimError } from './errors.ts';
import type { DkimAlgorithm } from './keys.ts';
import { integer, type OptionTable, readOptions, required, text, word } from './option-table.ts';

/** Options of {@link generateKeyPair}. */
export interface KeyPairOptions {
  readonly domain: string;
  readonly selector: string;
  /** Default `rsa-sha256`, which every verifier supports. */
  readonly algorithm?: DkimAlgorithm | undefined;
  /** RSA modulus in bits, 1024 to 8192. Default 2048; the record of a larger key may not fit in a UDP answer. */
  readonly modulusLength?: number | undefined;
}

/** A new key with its DNS record. */
export interface KeyPair {
  /** Private key in PKCS #8 PEM; keep it secret. */
  readonly privateKey: string;
  /** Public key in SubjectPublicKeyInfo PEM. */
  readonly publicKey: string;
  /** Name of the TXT record, without trailing dot. */
  readonly dnsName: string;
  /** Text of the TXT record. */
  readonly dnsRecord: string;
  /** The text split into character-strings of at most 255 octets (RFC 1035 §3.3.14). */
  readonly dnsStrings: readonly string[];
  /** The record as a line of a zone file. */
  readonly zoneLine: string;
}

const generateAsync = promisify(generate);

/** What {@link KeyPairOptions} accepts. */
export const keyPairOptions = {
  domain: required(text('a domain')),
  selector: required(text('a selector')),
  algorithm: word(['rsa-sha256', 'ed25519-sha256'], { default: 'rsa-sha256' }),
  modulusLength: integer(1024, 8192, { unit: 'bits' }),
} satisfies OptionTable<KeyPairOptions>;

/**
 * Generates a key pair, and the DNS record to publish for it.
 *
 * RFC 6376 §3.6, RFC 8463 §4.
 *
 * @throws {DkimError} MB_DKIM_OPTION.
 * @example
 * const { privateKey, dnsName, dnsRecord } = await generateKeyPair({ domain: 'example.com', selector: '2026' });
 */
export async function generateKeyPair(options: KeyPairOptions): Promise<KeyPair> {
  const wanted = readOptions(options, keyPairOptions, 'generateKeyPair: options');
  const dnsName = `${toAscii(wanted.selector, 'selector')}._domainkey.${toAscii(wanted.domain, 'domain')}`;
  const { publicKey, privateKey } = await makeKeys(wanted);
  const dnsRecord = formatKeyRecord(publicKey);
  const dnsStrings = splitCharacterStrings(dnsRecord);
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    dnsName,
    dnsRecord,
    dnsStrings,
    zoneLine: `${dnsName}. IN TXT ${dnsStrings.map((part) => `"${part}"`).join(' ')}`,
  };
}

function makeKeys({
  algorithm,
  modulusLength,
}: KeyPairOptions): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  if (algorithm === 'ed25519-sha256') {
    if (modulusLength !== undefined) {
      throw new DkimError('MB_DKIM_OPTION', 'modulusLength is for RSA; all Ed25519 keys have the same size.');
    }
    return generateAsync('ed25519');
  }
  return generateAsync('rsa', { modulusLength: modulusLength ?? 2048 });
}

/**
 * Formats the DNS record of a public key.
 *
 * RFC 6376 §3.6.1; an Ed25519 key is its 32 raw octets (RFC 8463 §4).
 */
export function formatKeyRecord(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const ed25519 = publicKey.asymmetricKeyType === 'ed25519';
  const key = ed25519 ? der.subarray(-32) : der;
  return `v=DKIM1; k=${ed25519 ? 'ed25519' : 'rsa'}; p=${key.toString('base64')}`;
}

/** Splits record text into character-strings of at most 255 octets. */
function splitCharacterStrings(text: string): string[] {
  return text.match(/[\s\S]{1,255}/g) ?? [];
}
