import type { KeyObject } from 'node:crypto';
import { DkimError } from './errors.ts';
import { type KeyRecord, parseKeyRecord, publicKeyOf } from './key-record.ts';
import { keyBits } from './keys.ts';
import { permerror, type Verdict } from './verdict.ts';

/**
 * Looks up TXT records: `resolveTxt` of node:dns/promises, or a function with the same signature.
 *
 * It rejects with an error whose `code` is ENOTFOUND or ENODATA when there is no record; any other rejection is temporary.
 */
export type ResolveTxt = (name: string) => Promise<string[][]>;

/** A key record with its parsed key. */
export interface PublishedKey {
  readonly record: KeyRecord;
  readonly key: KeyObject;
  /** Size of the key: an RSA modulus in bits, 256 for Ed25519. */
  readonly bits: number;
}

/** The usable keys of a selector; without any, `problem` says why. */
export interface KeyLookup {
  readonly keys: readonly PublishedKey[];
  readonly problem: Verdict;
}

/** Maximum number of records tried per name; RFC 6376 §3.6.2.2 leaves their use to the verifier. */
const maxRecords = 4;
/** Maximum length of a record: enough for an RSA key of 16,384 bits with all tags. */
const maxRecordLength = 8192;
const rememberedKeys = 128;

const lookupFailed: Verdict = {
  status: 'temperror',
  reason: 'key-lookup-failed',
  detail: 'The DNS lookup of the key failed temporarily.',
};
const keyMissing = permerror('key-missing', 'There is no key record at the selector.');

/**
 * Looks up the keys of one selector. Never rejects.
 *
 * @param timeoutMs  Time after which the lookup counts as a temporary failure.
 */
export async function lookupKeys(
  name: string,
  resolveTxt: ResolveTxt,
  timeoutMs: number,
): Promise<KeyLookup> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, 'timeout');
  });
  try {
    const answer = await Promise.race([Promise.resolve(resolveTxt(name)), timeout]);
    if (answer === 'timeout') {
      const detail = `The DNS lookup of the key took longer than ${timeoutMs} ms.`;
      return { keys: [], problem: { status: 'temperror', reason: 'key-lookup-timeout', detail } };
    }
    return readAnswer(answer);
  } catch (error) {
    return { keys: [], problem: isAbsence(error) ? keyMissing : lookupFailed };
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 6376 §6.1.2: no record is a permanent failure; a lookup without an answer is not. */
function isAbsence(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === 'ENOTFOUND' || code === 'ENODATA';
}

function readAnswer(answer: string[][]): KeyLookup {
  const keys: PublishedKey[] = [];
  let problem = keyMissing;
  for (const strings of answer.slice(0, maxRecords)) {
    // RFC 6376 §3.6.2.2: the strings of a record are joined without anything between them.
    const text = strings.join('');
    try {
      keys.push(readKey(text));
    } catch (error) {
      if (!DkimError.isInstance(error)) throw error;
      // What is no key record at all must not hide why a real one is unusable.
      if (problem === keyMissing || text.startsWith('v=DKIM1')) problem = recordProblem(error);
    }
  }
  return { keys, problem };
}

class RevokedKey extends DkimError {
  constructor() {
    super('MB_DKIM_RECORD_SYNTAX', 'The key is revoked: p= is empty.', { kind: 'peer-misbehaved' });
  }
}

function recordProblem(error: DkimError): Verdict {
  return permerror(error instanceof RevokedKey ? 'key-revoked' : 'key-syntax', error.message);
}

/** Keys by record text: the same few records come again and again, and parsing a key costs more than using it. */
const remembered = new Map<string, PublishedKey>();

function readKey(text: string): PublishedKey {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  if (text.length > maxRecordLength) {
    throw new DkimError('MB_DKIM_RECORD_SYNTAX', 'The record is too long for a key.', {
      kind: 'peer-misbehaved',
    });
  }
  const record = parseKeyRecord(text);
  // RFC 6376 §3.6.1: an empty p= means that the key has been revoked.
  if (record.publicKey.length === 0) throw new RevokedKey();
  const key = publicKeyOf(record);
  const found = { record, key, bits: keyBits(key) };
  if (remembered.size >= rememberedKeys) remembered.delete(remembered.keys().next().value!);
  remembered.set(text, found);
  return found;
}
