import dnsPacket, { type Answer, type DecodedPacket, type Packet } from 'dns-packet';
import type { DnsFailure } from './failure.ts';
import type { LookupResult } from './lookup.ts';

const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

/** Maximum size of a UDP response to a query without EDNS (RFC 1035 §4.2.1). */
const PLAIN_UDP_BYTES = 512;

export interface ResponseLimits {
  readonly transport: 'udp' | 'tcp';
  /** Maximum size of a datagram, even if the client accepts more. */
  readonly maxUdpBytes: number;
}

/** Returns the EDNS record of a query; undefined if it has none. */
export function ednsOf(query: DecodedPacket): (Answer & { type: 'OPT' }) | undefined {
  return query.additionals?.find((record): record is Answer & { type: 'OPT' } => record.type === 'OPT');
}

/** Whether the client asked for security data (DO) or for the AD flag. RFC 6840 §5.7. */
export function wantsAuthentic(query: DecodedPacket): boolean {
  return query.flag_ad || (ednsOf(query)?.flag_do ?? false);
}

/** Encodes the right response; if it does not fit into a datagram, a response with the TC flag and without records. */
export function encodeResponse(
  query: DecodedPacket,
  result: LookupResult & { readonly speaksForZone: boolean },
  limits: ResponseLimits,
): Buffer {
  const authentic = result.authentic && wantsAuthentic(query) ? dnsPacket.AUTHENTIC_DATA : 0;
  // RFC 1035 §4.1.1.
  const isAnswer = result.rcode === 'NOERROR' || result.rcode === 'NXDOMAIN';
  const flags = authentic | (result.speaksForZone && isAnswer ? dnsPacket.AUTHORITATIVE_ANSWER : 0);
  const full = encode(query, RCODES[result.rcode] | flags, result);
  if (limits.transport === 'tcp') return full;
  const offered = ednsOf(query)?.udpPayloadSize ?? PLAIN_UDP_BYTES;
  // RFC 6891 §6.2.3: values below 512 count as 512.
  const room = Math.min(limits.maxUdpBytes, Math.max(offered, PLAIN_UDP_BYTES));
  // RFC 2181 §9: a client ignores a truncated answer and asks again over TCP.
  return full.length <= room ? full : encode(query, RCODES[result.rcode] | dnsPacket.TRUNCATED_RESPONSE);
}

/** Encodes a failure; undefined if nothing is sent. */
export function encodeFailure(
  query: DecodedPacket,
  failure: Exclude<DnsFailure, object>,
  truth: Buffer,
  transport: 'udp' | 'tcp',
): Buffer | undefined {
  switch (failure) {
    case 'drop':
    case 'close':
      return undefined;
    case 'garbage':
      return Buffer.from('this is not a DNS message, whatever the port says');
    case 'cut':
      return truth.subarray(0, Math.max(1, truth.length >>> 1));
    case 'wrong-id': {
      const other = Buffer.from(truth);
      other.writeUInt16BE((truth.readUInt16BE(0) + 1) & 0xffff, 0);
      return other;
    }
    case 'wrong-question':
      return encode({ ...query, questions: [{ name: 'something.else.test', type: 'A' }] }, 0);
    case 'truncated':
      return transport === 'tcp' ? truth : encode(query, dnsPacket.TRUNCATED_RESPONSE);
    default:
      return encode(query, RCODES[failure]);
  }
}

function encode(query: DecodedPacket, flags: number, sections: Partial<LookupResult> = {}): Buffer {
  const echoed = query.flag_rd ? dnsPacket.RECURSION_DESIRED : 0;
  const checking = query.flag_cd ? dnsPacket.CHECKING_DISABLED : 0;
  const additionals: Answer[] = ednsOf(query) ? [edns()] : [];
  const packet: Packet = {
    type: 'response',
    id: query.id ?? 0,
    flags: dnsPacket.RECURSION_AVAILABLE | echoed | checking | flags,
    questions: query.questions ?? [],
    answers: sections.answers ?? [],
    authorities: sections.authorities ?? [],
    additionals,
  };
  return dnsPacket.encode(packet);
}

function edns(): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1232,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
}
