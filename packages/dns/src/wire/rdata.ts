import ipaddr from 'ipaddr.js';
import type { RecordData, RecordType, SoaRecord } from '../record.ts';
import { decodeName, malformed } from './name.ts';

/** The octets of one record inside a message; names in them may point back into it. */
export interface RdataSlice {
  readonly message: Uint8Array;
  readonly start: number;
  readonly end: number;
}

type RdataDecoder<T extends RecordType> = (slice: RdataSlice) => RecordData[T];

const decoders: { readonly [T in RecordType]: RdataDecoder<T> } = {
  A: decodeA,
  AAAA: decodeAaaa,
  CNAME: (slice) => decodeOnlyName(slice, 0),
  NS: (slice) => decodeOnlyName(slice, 0),
  PTR: (slice) => decodeOnlyName(slice, 0),
  MX: (slice) => ({ preference: uint16(slice, 0), exchange: decodeOnlyName(slice, 2) }),
  SOA: decodeSoa,
  SRV: (slice) => ({
    priority: uint16(slice, 0),
    weight: uint16(slice, 2),
    port: uint16(slice, 4),
    target: decodeOnlyName(slice, 6),
  }),
  TLSA: decodeTlsa,
  TXT: decodeTxt,
};

/**
 * Decodes the data of one record; every octet of the slice must be used.
 *
 * @throws {DnsError} MB_DNS_MESSAGE_MALFORMED when the data does not have the shape of its type.
 */
export function decodeRdata<T extends RecordType>(type: T, slice: RdataSlice): RecordData[T] {
  return decoders[type](slice);
}

function decodeA({ message, start, end }: RdataSlice): string {
  if (end - start !== 4) throw malformed('an A record has not 4 octets');
  return `${message[start]}.${message[start + 1]}.${message[start + 2]}.${message[start + 3]}`;
}

function decodeAaaa({ message, start, end }: RdataSlice): string {
  if (end - start !== 16) throw malformed('an AAAA record has not 16 octets');
  return ipaddr.fromByteArray([...message.subarray(start, end)]).toString();
}

function decodeOnlyName({ message, start, end }: RdataSlice, skip: number): string {
  if (start + skip >= end) throw malformed('a record is too short for its name');
  const name = decodeName(message, start + skip);
  if (name.end !== end) throw malformed('a record does not end with its name');
  return name.name;
}

// RFC 1035 §3.3.13.
function decodeSoa({ message, start, end }: RdataSlice): SoaRecord {
  const mname = decodeName(message, start);
  const rname = decodeName(message, mname.end);
  if (end - rname.end !== 20) throw malformed('an SOA record has not five numbers');
  const view = new DataView(message.buffer, message.byteOffset + rname.end, 20);
  return {
    mname: mname.name,
    rname: rname.name,
    serial: view.getUint32(0),
    refresh: view.getUint32(4),
    retry: view.getUint32(8),
    expire: view.getUint32(12),
    minimum: view.getUint32(16),
  };
}

// RFC 6698 §2.1.
function decodeTlsa({ message, start, end }: RdataSlice): RecordData['TLSA'] {
  if (end - start < 3) throw malformed('a TLSA record is shorter than 3 octets');
  return {
    usage: message[start]!,
    selector: message[start + 1]!,
    matchingType: message[start + 2]!,
    data: new Uint8Array(message.subarray(start + 3, end)),
  };
}

// RFC 1035 §3.3.14: one or more character-strings, each with its length in front.
function decodeTxt({ message, start, end }: RdataSlice): readonly string[] {
  const segments: string[] = [];
  for (let at = start; at < end; ) {
    const next = at + 1 + message[at]!;
    if (next > end) throw malformed('a TXT segment runs past its record');
    segments.push(latin1(message, at + 1, next));
    at = next;
  }
  return segments;
}

function latin1(message: Uint8Array, start: number, end: number): string {
  return Buffer.from(message.buffer, message.byteOffset + start, end - start).toString('latin1');
}

function uint16({ message, start, end }: RdataSlice, offset: number): number {
  const at = start + offset;
  if (at + 2 > end) throw malformed('a record is too short');
  return (message[at]! << 8) | message[at + 1]!;
}
