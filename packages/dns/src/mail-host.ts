/** One mail exchanger. */
export interface MailHost {
  /** The name as MX, for TLS names and MTA-STS; a literal is its address. */
  readonly name: string;
  /** End of the name's CNAME chain; `name` when there is none (RFC 7672 §2.2.3). */
  readonly canonicalName: string;
  /** 0 unless the route came by MX. */
  readonly preference: number;
  /** At least one; families alternate, so that a broken one cannot use up all tries. */
  readonly addresses: readonly HostAddress[];
  /** DNSSEC proved the address records (RFC 7672 §2.2.2). */
  readonly authentic: boolean;
}

/** One address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** A host left out. */
export interface SkippedHost {
  readonly name: string;
  readonly preference: number;
  /** One sentence. */
  readonly reason: string;
}
