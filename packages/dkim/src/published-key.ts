import { toAscii } from './domain-name.ts';
import { type KeyLookup, lookupKeys, type PublishedKey, type ResolveTxt } from './key-lookup.ts';
import { formatKeyRecord } from './key-pair.ts';
import { loadSigningKey, type PrivateKeyInput, passphraseRow, privateKeyRow } from './keys.ts';
import { callback, integer, type OptionTable, readOptions, required, text } from './option-table.ts';

/** Options of {@link checkPublishedKey}. */
export interface PublishedKeyOptions {
  readonly domain: string;
  readonly selector: string;
  readonly resolveTxt: ResolveTxt;
  /** The private key that the record must belong to; without it, only the record is checked. */
  readonly privateKey?: PrivateKeyInput | undefined;
  readonly passphrase?: string | Uint8Array | undefined;
  /** Timeout of the lookup in ms. Default 10,000. */
  readonly lookupTimeoutMs?: number | undefined;
}

/** The result of checking a published record. */
export interface PublishedKeyCheck {
  /** `match`: usable, and of the given private key. `unknown`: the DNS lookup failed. */
  readonly status: 'match' | 'mismatch' | 'missing' | 'revoked' | 'invalid' | 'unknown';
  /** What was found, and what to do. */
  readonly detail: string;
  /** Name of the TXT record. */
  readonly dnsName: string;
  /** The record to publish for the private key; absent if its public key is not known. */
  readonly expectedRecord?: string;
  readonly keyBits?: number;
  /** What works but should be changed. */
  readonly warnings: readonly string[];
}

/** What {@link PublishedKeyOptions} accepts. */
export const publishedKeyOptions = {
  domain: required(text('a domain')),
  selector: required(text('a selector')),
  resolveTxt: required(callback<ResolveTxt>()),
  privateKey: privateKeyRow,
  passphrase: passphraseRow,
  lookupTimeoutMs: integer(1, 600_000, { default: 10_000, unit: 'ms' }),
} satisfies OptionTable<PublishedKeyOptions>;

/**
 * Checks a published key record, and whether it belongs to a private key.
 *
 * RFC 6376 §3.6.
 *
 * @throws {DkimError} MB_DKIM_OPTION and the MB_DKIM_KEY_… codes. Problems of the record are results.
 * @example
 * const { status, detail } = await checkPublishedKey({ domain: 'example.com', selector: '2026', privateKey, resolveTxt });
 */
export async function checkPublishedKey(wanted: PublishedKeyOptions): Promise<PublishedKeyCheck> {
  const options = readOptions(wanted, publishedKeyOptions, 'checkPublishedKey: options');
  const dnsName = `${toAscii(options.selector, 'selector')}._domainkey.${toAscii(options.domain, 'domain')}`;
  const own =
    options.privateKey === undefined ? undefined : loadSigningKey(options.privateKey, options.passphrase);
  const expectedRecord = own?.publicKey && formatKeyRecord(own.publicKey);
  const lookup = await lookupKeys(dnsName, options.resolveTxt, options.lookupTimeoutMs);
  const facts = { dnsName, ...(expectedRecord !== undefined && { expectedRecord }) };
  if (lookup.keys.length === 0) return { ...facts, ...absent(lookup), warnings: [] };
  const found = lookup.keys.find(
    (one) => expectedRecord === undefined || formatKeyRecord(one.key) === expectedRecord,
  );
  if (found === undefined) {
    const detail =
      'The published key belongs to another private key; publish the expected record or sign with the other key.';
    return { ...facts, status: 'mismatch', detail, warnings: [] };
  }
  const detail =
    expectedRecord === undefined
      ? 'The record has a usable key.'
      : 'The published key belongs to the private key.';
  return { ...facts, status: 'match', detail, keyBits: found.bits, warnings: recordWarnings(found, lookup) };
}

function absent({ problem }: KeyLookup): Pick<PublishedKeyCheck, 'status' | 'detail'> {
  if (problem.status === 'temperror')
    return { status: 'unknown', detail: `${problem.detail} Try again later.` };
  if (problem.reason === 'key-missing')
    return { status: 'missing', detail: 'There is no record; publish the expected one.' };
  if (problem.reason === 'key-revoked') return { status: 'revoked', detail: problem.detail };
  return { status: 'invalid', detail: `The record is not a usable key record: ${problem.detail}` };
}

function recordWarnings({ record, bits }: PublishedKey, lookup: KeyLookup): string[] {
  const warnings: string[] = [];
  if (lookup.keys.length > 1)
    warnings.push('There are several key records at this name; verifiers may use any of them.');
  if (record.testing)
    warnings.push('t=y says that the domain is testing DKIM; remove it when signing works.');
  if (record.keyType === 'rsa' && bits < 1024)
    warnings.push(`Verifiers reject RSA keys of ${bits} bits; use 2048.`);
  else if (record.keyType === 'rsa' && bits < 2048)
    warnings.push(`An RSA key of ${bits} bits is weak; use 2048.`);
  if (record.hashAlgorithms !== undefined && !record.hashAlgorithms.includes('sha256')) {
    warnings.push('h= does not allow sha256: no signature with this key will verify.');
  }
  if (!record.services.includes('*') && !record.services.includes('email')) {
    warnings.push('s= does not allow e-mail: no signature with this key will verify.');
  }
  if (record.strictIdentity) warnings.push('t=s: an identity (i=) in a subdomain will not verify.');
  return warnings;
}
