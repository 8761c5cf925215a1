import type { BodyHash } from './body-hash.ts';
import type { KeyLookup, PublishedKey } from './key-lookup.ts';
import { isSignatureBy } from './keys.ts';
import type { Signature } from './signature.ts';
import { permerror, type Verdict } from './verdict.ts';

/** The policy of the verifier. */
export interface CheckPolicy {
  /** Epoch ms. */
  readonly nowMs: number;
  readonly minRsaBits: number;
}

/** A verdict with the key that was used. */
export interface KeyedVerdict extends Verdict {
  readonly published: PublishedKey | undefined;
}

/** RFC 6376 §3.5, tag x=: the verdict for an expired signature. */
export function expiry(signature: Signature, nowMs: number): Verdict | undefined {
  if (signature.expiresAt === undefined || signature.expiresAt * 1000 > nowMs) return undefined;
  return permerror('expired', 'The signature has expired (x=).');
}

/** RFC 6376 §6.1.3, step 3: checks the body hash; undefined if it matches. */
export function checkBody(signature: Signature, body: BodyHash): Verdict | undefined {
  const { digest, totalBytes } = body.digest();
  if (signature.bodyLength !== undefined && signature.bodyLength > totalBytes) {
    return permerror(
      'body-length-exceeded',
      `l= signs ${signature.bodyLength} octets, the body has ${totalBytes}.`,
    );
  }
  if (digest.equals(signature.bodyHash)) return undefined;
  return {
    status: 'fail',
    reason: 'body-hash-mismatch',
    detail: 'The body was changed after it was signed.',
  };
}

/**
 * RFC 6376 §6.1.2 and §6.1.3: verifies a signature with the published keys.
 *
 * It passes if one of the keys verifies it; otherwise the verdict is that of a key that could have been used.
 */
export async function checkSignature(
  signature: Signature,
  data: Uint8Array,
  lookup: KeyLookup,
  policy: CheckPolicy,
): Promise<KeyedVerdict> {
  let best: KeyedVerdict = { ...lookup.problem, published: undefined };
  for (const published of lookup.keys) {
    const problem = keyProblem(signature, published, policy);
    if (problem !== undefined) {
      if (best.published === undefined) best = { ...problem, published };
      continue;
    }
    if (await isSignatureBy(published.key, signature.algorithm, data, signature.signature)) {
      return { status: 'pass', reason: 'verified', detail: 'The signature verifies.', published };
    }
    const detail = 'A signed header field was changed, or another key made the signature.';
    best = { status: 'fail', reason: 'signature-mismatch', detail, published };
  }
  return best;
}

/** The verdict if a published key must not be used for a signature (RFC 6376 §6.1.2, RFC 8301 §3.2). */
function keyProblem(
  signature: Signature,
  { record, bits }: PublishedKey,
  policy: CheckPolicy,
): Verdict | undefined {
  if (`${record.keyType}-sha256` !== signature.algorithm) {
    return permerror(
      'key-type-mismatch',
      `The record has a ${record.keyType} key, but a= is ${signature.algorithm}.`,
    );
  }
  if (record.hashAlgorithms !== undefined && !record.hashAlgorithms.includes('sha256')) {
    return permerror('key-hash-forbidden', 'The record does not allow SHA-256 (h=).');
  }
  if (!record.services.includes('*') && !record.services.includes('email')) {
    return permerror('key-service-forbidden', 'The record does not allow e-mail (s=).');
  }
  // RFC 6376 §3.6.1, flag s.
  if (record.strictIdentity && signature.identityDomain !== signature.domain) {
    return permerror('key-strict-identity', 'The record requires the same domain in i= and d= (t=s).');
  }
  if (record.keyType === 'rsa' && bits < policy.minRsaBits) {
    // RFC 8301 §3.2: signatures with RSA keys under 1024 bits MUST NOT be considered valid.
    const detail = `The RSA key has ${bits} bits, less than ${policy.minRsaBits}.`;
    return { status: 'policy', reason: 'key-too-short', detail };
  }
  return undefined;
}
