/** How much TLS a connection needs. */
export type TlsLevel =
  /** No TLS. */
  | 'none'
  /** TLS if offered, with any certificate; clear text on a new connection if TLS fails (RFC 7435). */
  | 'opportunistic'
  /** TLS with any certificate, or no delivery (RFC 7672 §2.2 without a usable record). */
  | 'required'
  /** TLS with a certificate for the host's name from a trusted authority (RFC 8461 §4.1, relays). */
  | 'verified'
  /** TLS with a certificate that matches a TLSA record (RFC 7672 §3). */
  | 'dane';

/** Result types of RFC 8460 §4.3; the caller that looked up a policy sets those about policies. */
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
  /** The reason, with OpenSSL's code in parentheses if it comes from OpenSSL. */
  readonly detail: string;
}

/** What is known about the security of a connection, for reports and policy. */
export interface TlsEvidence {
  /** Whether the connection is encrypted. */
  readonly secure: boolean;
  /** The requested level. */
  readonly level: TlsLevel;
  /** e.g. `TLSv1.3` */
  readonly protocol?: string;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher?: string;
  /** How the certificate was verified; for `none`, `error` has the reason. */
  readonly verifiedBy: 'none' | 'pkix' | 'dane-ee' | 'dane-ta';
  /** DNS names in the subjectAltName of the peer's certificate (RFC 9525 §6.3). */
  readonly peerNames?: readonly string[];
  /** SHA-256 of the peer's certificate in hexadecimal pairs with colons. */
  readonly fingerprint?: string;
  readonly issuer?: string;
  /** RFC 5280 validity, as Node prints it. */
  readonly validFrom?: string;
  readonly validTo?: string;
  /** Why TLS was not used, or why the certificate was not verified. */
  readonly error?: string;
  /** The same as data (RFC 8460 §4.3), even if the level allowed the connection. */
  readonly failure?: TlsFailure;
}
