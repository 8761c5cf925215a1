/** One TLSA record (RFC 6698 §2.1). */
export interface TlsaRecord {
  /** 2 = trust anchor, 3 = end entity; 0 and 1 are unusable for SMTP (RFC 7672 §3.1.3). */
  readonly usage: number;
  /** 0 = whole certificate, 1 = public key. */
  readonly selector: number;
  /** 0 = the octets themselves, 1 = SHA-256, 2 = SHA-512. */
  readonly matchingType: number;
  readonly data: Uint8Array;
}

/** Whether a record is usable for SMTP (RFC 7672 §3.1). */
export function isUsableTlsa({ usage, selector, matchingType }: TlsaRecord): boolean {
  return (
    (usage === 2 || usage === 3) &&
    (selector === 0 || selector === 1) &&
    matchingType >= 0 &&
    matchingType <= 2
  );
}
