/** A mail exchanger. */
export interface MailHost {
  /** The name in MX, for TLS and MTA-STS; for an address literal the address. */
  readonly name: string;
  /** The end of the CNAME chain, or `name` (RFC 7672 §2.2.3). */
  readonly canonicalName: string;
  /** 0 unless the route is from MX records. */
  readonly preference: number;
  /** At least one. Families alternate, so that a broken family cannot use up all attempts. */
  readonly addresses: readonly HostAddress[];
  /** Whether DNSSEC authenticated the address records (RFC 7672 §2.2.2). */
  readonly authentic: boolean;
}

/** An address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** A host that is not used. */
export interface SkippedHost {
  readonly name: string;
  readonly preference: number;
  /** One sentence. */
  readonly reason: string;
}
