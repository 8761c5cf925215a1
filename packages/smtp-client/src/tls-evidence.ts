/** How a connection is secured and what happens when it cannot be. */
export type TlsLevel =
  /** Never TLS. */
  | 'none'
  /** TLS where offered, with any certificate; plain text on a new connection when it fails (RFC 7435). */
  | 'opportunistic'
  /** TLS with any certificate, or no delivery (RFC 7672 §2.2 with no usable record). */
  | 'required'
  /** TLS with a certificate of a known authority for the host's name (RFC 8461 §4.1, smarthosts). */
  | 'verified'
  /** TLS with a certificate that a TLSA record names (RFC 7672 §3). */
  | 'dane';

/** Result types of RFC 8460 §4.3; those about policies are set by the caller that looked them up. */
export type TlsResultType =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'
  | 'tlsa-invalid'
  | 'dnssec-invalid'
  | 'dane-required'
  | 'sts-policy-fetch-error'
  | 'sts-policy-invalid'
  | 'sts-webpki-invalid';

/** What went wrong with TLS, as data. */
export interface TlsFailure {
  readonly type: TlsResultType;
  /** The reason in words, with OpenSSL's code in parentheses where it comes from OpenSSL. */
  readonly detail: string;
}

/** What is known about the security of a connection, for reports and policy. */
export interface TlsEvidence {
  /** Whether octets were encrypted at all. */
  readonly secure: boolean;
  /** The level that was asked for. */
  readonly level: TlsLevel;
  /** e.g. `TLSv1.3` */
  readonly protocol?: string;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher?: string;
  /** What the certificate was verified by; with `none`, `error` holds the reason. */
  readonly verifiedBy: 'none' | 'pkix' | 'dane-ee' | 'dane-ta';
  /** DNS names in the peer's certificate; its common name does not count (RFC 9525 §6.3). */
  readonly peerNames?: readonly string[];
  /** SHA-256 of the peer's certificate in hexadecimal pairs with colons. */
  readonly fingerprint?: string;
  readonly issuer?: string;
  /** RFC 5280 validity, as Node prints it. */
  readonly validFrom?: string;
  readonly validTo?: string;
  /** Why TLS was not used, or why the certificate was not verified. */
  readonly error?: string;
  /** The same as data (RFC 8460 §4.3), also where the level allowed to go on. */
  readonly failure?: TlsFailure;
}
