/** Results of RFC 8601 §2.7.1. */
export type VerifyStatus = 'none' | 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' | 'permerror';

/** The reason of a status. The key-… reasons concern the DNS record. */
export type VerifyReason =
  /** pass: the signature verifies. */
  | 'verified'
  /** none: there is no signature. */
  | 'not-signed'
  /** fail: the body, or its signed part, was changed. */
  | 'body-hash-mismatch'
  /** fail: a signed header field or the signature field was changed, or another key was used. */
  | 'signature-mismatch'
  | 'tag-syntax'
  | 'tag-duplicate'
  | 'tag-missing'
  | 'tag-value'
  | 'version-unknown'
  | 'algorithm-unknown'
  /** permerror: rsa-sha1, which RFC 8301 forbids. */
  | 'algorithm-forbidden'
  | 'canonicalization-unknown'
  | 'query-unknown'
  /** permerror: h= does not list From. */
  | 'from-not-signed'
  /** permerror: i= is not in d= or below. */
  | 'identity-mismatch'
  /** permerror: x= is in the past. */
  | 'expired'
  /** permerror: l= is larger than the body. */
  | 'body-length-exceeded'
  /** permerror: no record at the selector. */
  | 'key-missing'
  /** permerror: p= is empty. */
  | 'key-revoked'
  | 'key-syntax'
  /** permerror: k= of the record is not the key type of a=. */
  | 'key-type-mismatch'
  /** permerror: h= of the record excludes SHA-256. */
  | 'key-hash-forbidden'
  /** permerror: s= of the record excludes e-mail. */
  | 'key-service-forbidden'
  /** permerror: the record has t=s, and i= is in a subdomain. */
  | 'key-strict-identity'
  /** policy: the RSA key is too short. */
  | 'key-too-short'
  /** temperror: DNS did not answer. */
  | 'key-lookup-failed'
  | 'key-lookup-timeout'
  /** policy: the message has more signatures than are verified. */
  | 'too-many-signatures'
  /** permerror: the header is longer than the limit. */
  | 'header-too-large';

/** A status with its reason, and a sentence for users. */
export interface Verdict {
  readonly status: VerifyStatus;
  readonly reason: VerifyReason;
  readonly detail: string;
}

/** The verdict PERMFAIL of RFC 6376 §3.9, for a signature that cannot be evaluated. */
export function permerror(reason: VerifyReason, detail: string): Verdict {
  return { status: 'permerror', reason, detail };
}
