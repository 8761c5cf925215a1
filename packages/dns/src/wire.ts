import packet, { type DecodedPacket, type OptAnswer, type Packet } from 'dns-packet';
import { DnsError } from './errors.ts';
import { parseIpAddress } from './ip-address.ts';
import type { RecordData, RecordType } from './record.ts';

/** A query (RFC 1035 §4.1.2), with the header bits that a stub resolver sets. */
export interface QueryMessage {
  /** 0 to 65535, unpredictable. */
  readonly id: number;
  /** As returned by `normalizeName`. */
  readonly name: string;
  readonly type: RecordType;
  /** CD of RFC 4035 §3.2.2: requests data even if it fails validation. */
  readonly checkingDisabled?: boolean;
  /** RFC 6891; false for servers that answer FORMERR to it. Default true. */
  readonly edns?: boolean;
  /** RD of RFC 1035 §4.1.1. Default true. */
  readonly recursionDesired?: boolean | undefined;
}

/** A resource record of class IN; {@link readData} reads its data. */
export interface ResourceRecord {
  readonly name: string;
  /** Mnemonic of the type, such as `MX`. */
  readonly type: string;
  readonly ttlSeconds: number;
  /** As dns-packet decodes it; see {@link readData}. */
  readonly data: unknown;
}

/** The parts of a response that a stub resolver reads. */
export interface ResponseMessage {
  readonly id: number;
  readonly truncated: boolean;
  /** AA of RFC 1035 §4.1.1. */
  readonly authoritative: boolean;
  /** AD of RFC 4035 §3.2.3. */
  readonly authenticData: boolean;
  /** RFC 1035 §4.1.1 with the upper bits of RFC 6891 §6.1.3. */
  readonly responseCode: number;
  readonly question: { readonly name: string; readonly type: string } | undefined;
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Codes of RFC 8914. */
  readonly extendedErrors: readonly number[];
}

/** Maximum size of a UDP answer, which avoids fragmentation; longer answers use TCP. */
const udpPayloadSize = 1232;
/** RFC 8767 §4: a TTL with the top bit set is a large positive number; every TTL is capped. */
const maxTtlSeconds = 604_800;
const extendedErrorOption = 15;
const edns: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** Encodes a query of class IN; AD is set by RFC 6840 §5.7. */
export function encodeQuery({ id, name, type, ...query }: QueryMessage): Uint8Array {
  const recursion = query.recursionDesired === false ? 0 : packet.RECURSION_DESIRED;
  const flags = recursion | packet.AUTHENTIC_DATA;
  const encoded = packet.encode({
    type: 'query',
    id,
    flags: query.checkingDisabled ? flags | packet.CHECKING_DISABLED : flags,
    questions: [{ name: unescapeName(name), type, class: 'IN' }],
    additionals: query.edns === false ? [] : [edns],
  });
  return new Uint8Array(encoded);
}

/**
 * Decodes a response.
 *
 * @throws {DnsError} MB_DNS_MESSAGE_MALFORMED for anything that is not a well-formed response to one query, such as a query,
 *   several questions, wrong counts or lengths, and malformed names.
 */
export function decodeResponse(octets: Uint8Array): ResponseMessage {
  const message = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  if (message.length < 12) throw malformed('it is shorter than a header');
  const flags = message.readUInt16BE(2);
  if ((flags & 0x8000) === 0) throw malformed('it is a query');
  if ((flags & 0x7800) !== 0) throw malformed('its operation is not QUERY');
  const truncated = (flags & packet.TRUNCATED_RESPONSE) !== 0;
  // RFC 2181 §9: the query is repeated over TCP, so the records of a truncated answer are ignored.
  const decoded = decodePacket(truncated ? withoutRecords(message) : message);
  // If a length is wrong, the decoder does not end at the end of the message.
  if (!truncated && packet.decode.bytes !== message.length)
    throw malformed('its lengths do not fit its octets');
  const questions = decoded.questions ?? [];
  if (questions.length > 1) throw malformed('it has more than one question');
  const opt = decoded.additionals?.find((record): record is OptAnswer => record.type === 'OPT');
  return {
    id: message.readUInt16BE(0),
    truncated,
    authoritative: (flags & packet.AUTHORITATIVE_ANSWER) !== 0,
    authenticData: (flags & packet.AUTHENTIC_DATA) !== 0,
    // RFC 6891 §6.1.3: the upper eight bits are in the OPT record's TTL.
    responseCode: (flags & 0x0f) | ((opt?.extendedRcode ?? 0) << 4),
    question: questions[0] && { name: escapeName(questions[0].name), type: questions[0].type },
    answers: toRecords(decoded.answers),
    authorities: toRecords(decoded.authorities),
    extendedErrors: opt ? readExtendedErrors(opt) : [],
  };
}

function decodePacket(message: Buffer): DecodedPacket {
  try {
    return packet.decode(message);
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : 'it cannot be decoded');
  }
}

/** The message without its records, the last of which may be incomplete. */
function withoutRecords(message: Buffer): Buffer {
  return Buffer.concat([message.subarray(0, 6), Buffer.alloc(6), message.subarray(12)]);
}

function toRecords(records: Packet['answers']): ResourceRecord[] {
  return (records ?? []).flatMap((record) => {
    // Skip pseudo-records and records of other classes.
    if (record.type === 'OPT' || !('class' in record) || record.class !== 'IN') return [];
    const ttlSeconds = Math.min(record.ttl ?? 0, maxTtlSeconds);
    return [{ name: escapeName(record.name), type: record.type, ttlSeconds, data: record.data }];
  });
}

function readExtendedErrors({ options }: OptAnswer): number[] {
  return (options ?? []).flatMap((option) => {
    const { code, data } = option as { code: number; data?: Buffer };
    // RFC 8914 §2: the first two octets are the INFO-CODE.
    return Number(code) === extendedErrorOption && data && data.length >= 2 ? [data.readUInt16BE(0)] : [];
  });
}

const plainName = /^[\x20-\x7e]*$/;

/**
 * RFC 1035 §5.1: writes octets of a name that are not printable ASCII as `\DDD`. A name may have any octets (RFC 2181
 * §11), and line breaks and escape sequences must not reach a log or a terminal.
 */
function escapeName(name: string): string {
  if (plainName.test(name)) return name;
  let text = '';
  for (const octet of Buffer.from(name, 'utf8')) {
    text += octet < 0x20 || octet > 0x7e ? `\\${String(octet).padStart(3, '0')}` : String.fromCharCode(octet);
  }
  return text;
}

/** Restores the control octets of a name, which the target of an alias may have. */
function unescapeName(name: string): string {
  if (!name.includes('\\')) return name;
  return name.replace(/\\(0[0-2]\d|03[01]|127)/g, (_, digits: string) => String.fromCharCode(Number(digits)));
}

type Reader<T extends RecordType> = (data: never) => RecordData[T];

const readers: { readonly [T in RecordType]: Reader<T> } = {
  A: (data: string) => data,
  // RFC 5952 §4
  AAAA: (data: string) => parseIpAddress(data).toString(),
  CNAME: escapeName,
  NS: escapeName,
  PTR: escapeName,
  MX: ({ preference, exchange }: { preference: number; exchange: string }) => ({
    preference,
    exchange: escapeName(exchange),
  }),
  SOA: (data: RecordData['SOA']) => ({
    ...data,
    mname: escapeName(data.mname),
    rname: escapeName(data.rname),
  }),
  SRV: ({ priority, weight, port, target }: RecordData['SRV']) => ({
    priority,
    weight,
    port,
    target: escapeName(target),
  }),
  TLSA: ({ usage, selector, matchingType, certificate }: RecordData['TLSA'] & { certificate: Buffer }) => ({
    usage,
    selector,
    matchingType,
    data: new Uint8Array(certificate),
  }),
  // RFC 1035 §3.3.14: character-strings are octets.
  TXT: (data: readonly Buffer[]) => data.map((segment) => segment.toString('latin1')),
};

/** Reads the data of a record, in the form of {@link RecordData}. */
export function readData<T extends RecordType>(type: T, { data }: ResourceRecord): RecordData[T] {
  return readers[type](data as never);
}

function malformed(what: string): DnsError {
  return new DnsError('MB_DNS_MESSAGE_MALFORMED', `The DNS answer is malformed: ${what}.`);
}
