import { checkPublishedKey, DkimError, type ExternalKey, parseKeyRecord } from '@mb/dkim';
import type { AuthoritativeAnswer } from '@mb/dns';
import type { StoredDomainKey } from './domain-record.ts';
import type { KeySighting, Sighting } from './key-state.ts';

/** Asks all authoritative servers of a name; `lookupAuthoritative` of @mb/dns with its options. */
export type AskAuthoritative = <Type extends 'TXT' | 'MX' | 'CNAME'>(
  name: string,
  type: Type,
) => Promise<AuthoritativeAnswer<Type>>;

/** What the authoritative servers of a domain say about a key. */
export async function lookAtKey(
  domain: string,
  key: Pick<StoredDomainKey, 'selector' | 'algorithm' | 'publicKey'>,
  ask: AskAuthoritative,
): Promise<KeySighting> {
  const answer = await ask(`${key.selector}._domainkey.${domain}`, 'TXT');
  const negativeTtlMs = answer.negativeTtlSeconds * 1000;
  const { seen, detail } = await judge(domain, key, answer);
  return { seen, detail, negativeTtlMs };
}

async function judge(
  domain: string,
  { selector, algorithm, publicKey }: Pick<StoredDomainKey, 'selector' | 'algorithm' | 'publicKey'>,
  { status, reason, records }: AuthoritativeAnswer<'TXT'>,
): Promise<{ readonly seen: Sighting; readonly detail: string }> {
  if (status !== 'found') return { seen: status, detail: reason };
  // RFC 6376 §3.6.2.2: with several records the outcome is undefined.
  if (records.length > 1) {
    return {
      seen: 'contradictory',
      detail: `There are ${records.length} TXT records; keep only that of the key.`,
    };
  }
  const text = records[0]!.join('');
  // Only its public half is compared; nothing is signed.
  const privateKey: ExternalKey = { algorithm, publicKey, sign: () => new Uint8Array() };
  const check = await checkPublishedKey({ domain, selector, privateKey, resolveTxt: async () => [[text]] });
  const refusal = check.status === 'match' ? refusalOf(text) : check.detail;
  if (refusal !== undefined) return { seen: 'different', detail: refusal };
  return { seen: 'seen', detail: reason };
}

/** Why signatures with the key of a record would not verify although it is the right one. */
function refusalOf(text: string): string | undefined {
  try {
    const { hashAlgorithms, services } = parseKeyRecord(text);
    // RFC 6376 §3.6.1.
    if (hashAlgorithms && !hashAlgorithms.includes('sha256'))
      return 'h= of the record does not allow sha256.';
    if (!services.includes('*') && !services.includes('email'))
      return 's= of the record does not allow email.';
    return undefined;
  } catch (error) {
    if (!DkimError.isInstance(error)) throw error;
    return error.message;
  }
}
