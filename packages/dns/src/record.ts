/** An MX record (RFC 5321 §5.1). */
export interface MxRecord {
  /** Lower is tried first. */
  readonly preference: number;
  /** Host name without trailing dot; `.` means that the domain accepts no mail (RFC 7505). */
  readonly exchange: string;
}

/** An SOA record (RFC 1035 §3.3.13); times in seconds. */
export interface SoaRecord {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** An SRV record (RFC 2782). */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** A TLSA record (RFC 6698 §2.1). */
export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Uint8Array;
}

/** The records of an answer, by record type. */
export interface RecordData {
  /** IPv4 address, dotted. */
  readonly A: string;
  /** IPv6 address in the form of RFC 5952. */
  readonly AAAA: string;
  readonly CNAME: string;
  readonly MX: MxRecord;
  readonly NS: string;
  readonly PTR: string;
  readonly SOA: SoaRecord;
  readonly SRV: SrvRecord;
  readonly TLSA: TlsaRecord;
  /** The character-strings of one record; each character is one octet (U+0000 to U+00FF). */
  readonly TXT: readonly string[];
}

/** A record type that can be looked up. */
export type RecordType = keyof RecordData;
