/** Results of RFC 8601 §2.7.1. */
export type VerifyStatus = 'none' | 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' | 'permerror';

/** Why a signature got its status. The key-… reasons are about the DNS record. */
export type VerifyReason =
  /** pass: header and body are as signed. */
  | 'verified'
  /** none: there is no signature. */
  | 'not-signed'
  /** fail: the body, or its signed part, was changed. */
  | 'body-hash-mismatch'
  /** fail: a signed header field or the signature field was changed, or another key signed. */
  | 'signature-mismatch'
  | 'tag-syntax'
  | 'tag-duplicate'
  | 'tag-missing'
  | 'tag-value'
  | 'version-unknown'
  | 'algorithm-unknown'
  /** permerror: rsa-sha1, which RFC 8301 forbids to accept. */
  | 'algorithm-forbidden'
  | 'canonicalization-unknown'
  | 'query-unknown'
  /** permerror: h= does not list From. */
  | 'from-not-signed'
  /** permerror: i= is not in d= or below. */
  | 'identity-mismatch'
  /** permerror: x= is in the past. */
  | 'expired'
  /** permerror: l= says more octets than the body has. */
  | 'body-length-exceeded'
  /** permerror: no record at the selector. */
  | 'key-missing'
  /** permerror: p= is empty. */
  | 'key-revoked'
  | 'key-syntax'
  /** permerror: the record's k= is not the key type of a=. */
  | 'key-type-mismatch'
  /** permerror: the record's h= excludes SHA-256. */
  | 'key-hash-forbidden'
  /** permerror: the record's s= excludes e-mail. */
  | 'key-service-forbidden'
  /** permerror: the record says t=s and i= is in a subdomain. */
  | 'key-strict-identity'
  /** policy: an RSA key under the accepted size. */
  | 'key-too-short'
  /** temperror: DNS did not answer. */
  | 'key-lookup-failed'
  | 'key-lookup-timeout'
  /** policy: more signatures than are tried. */
  | 'too-many-signatures'
  /** permerror: the header is longer than the limit. */
  | 'header-too-large';

/** A status with its reason and a sentence for a human reader. */
export interface Verdict {
  readonly status: VerifyStatus;
  readonly reason: VerifyReason;
  readonly detail: string;
}

/** RFC 6376 §3.9 PERMFAIL for a signature that cannot be evaluated. */
export function permerror(reason: VerifyReason, detail: string): Verdict {
  return { status: 'permerror', reason, detail };
}
