import { createPublicKey, type KeyObject } from 'node:crypto';
import { DkimError } from './errors.ts';
import { checkText } from './option-table.ts';
import { decodeBase64Tag, parseTagList, splitTagValue } from './tag-list.ts';

/** A DKIM key record (RFC 6376 §3.6.1). */
export interface KeyRecord {
  /** `k=`; default `rsa`. */
  readonly keyType: string;
  /** `p=`: SubjectPublicKeyInfo in DER for RSA, 32 raw octets for Ed25519; empty for a revoked key. */
  readonly publicKey: Uint8Array;
  /** `h=`: accepted hash algorithms; undefined means all. */
  readonly hashAlgorithms: readonly string[] | undefined;
  /** `s=`; default `*`. */
  readonly services: readonly string[];
  /** `t=y`: the domain is testing DKIM. */
  readonly testing: boolean;
  /** `t=s`: the domain of i= must be d= itself. */
  readonly strictIdentity: boolean;
  /** `n=`: notes, not decoded. */
  readonly notes: string | undefined;
}

/** DER of a SubjectPublicKeyInfo for Ed25519, before its 32 octets (RFC 8410 §4). */
const ed25519SpkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Parses a DKIM key record. Unknown tags are ignored.
 *
 * @param text  The strings of a TXT record, joined without separator (RFC 6376 §3.6.2.2).
 * @throws {DkimError} MB_DKIM_TAG_SYNTAX, MB_DKIM_TAG_DUPLICATE, MB_DKIM_RECORD_SYNTAX.
 * @example parseKeyRecord('v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=')
 */
export function parseKeyRecord(text: string): KeyRecord {
  const tags = parseTagList(checkText(text, 'parseKeyRecord: text'));
  // RFC 6376 §3.6.1: v= MUST be the first tag if present, and MUST be DKIM1.
  if (tags.has('v') && (tags.keys().next().value !== 'v' || tags.get('v') !== 'DKIM1')) {
    throw recordError('v= must be the first tag and must be DKIM1.');
  }
  const p = tags.get('p');
  if (p === undefined) throw recordError('The public key, p=, is missing.');
  const publicKey = decodeBase64Tag(p);
  if (publicKey === undefined) throw recordError('The public key, p=, is not base64.');
  const flags = splitTagValue(tags.get('t') ?? '');
  const hashes = tags.get('h');
  return {
    keyType: (tags.get('k') ?? 'rsa').toLowerCase(),
    publicKey,
    hashAlgorithms: hashes === undefined ? undefined : splitTagValue(hashes.toLowerCase()),
    services: splitTagValue((tags.get('s') ?? '*').toLowerCase()),
    testing: flags.includes('y'),
    strictIdentity: flags.includes('s'),
    notes: tags.get('n'),
  };
}

/**
 * Makes a key for node:crypto from a record.
 *
 * @throws {DkimError} MB_DKIM_RECORD_SYNTAX when the octets are not a key of the type in `k=`.
 */
export function publicKeyOf(record: KeyRecord): KeyObject {
  const { keyType, publicKey } = record;
  if (keyType === 'ed25519') {
    // RFC 8463 §4: the raw 32 octets.
    if (publicKey.length !== 32) throw recordError('An Ed25519 key has 32 octets.');
    return createPublicKey({
      key: Buffer.concat([ed25519SpkiPrefix, publicKey]),
      format: 'der',
      type: 'spki',
    });
  }
  if (keyType !== 'rsa') throw recordError('The key type in k= is unknown.');
  // RFC 6376 §3.6.1 says RSAPublicKey; domains publish SubjectPublicKeyInfo (erratum 3017). Both are accepted.
  const der = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength);
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      const key = createPublicKey({ key: der, format: 'der', type });
      if (key.asymmetricKeyType === 'rsa') return key;
    } catch {}
  }
  throw recordError('The octets in p= are not an RSA public key.');
}

function recordError(message: string): DkimError {
  return new DkimError('MB_DKIM_RECORD_SYNTAX', message, { kind: 'peer-misbehaved' });
}
