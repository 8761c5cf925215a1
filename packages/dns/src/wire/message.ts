import { type RecordType, recordTypeNumbers } from '../record.ts';
import { decodeName, encodeName, malformed } from './name.ts';
import type { RdataSlice } from './rdata.ts';

/** What one query asks (RFC 1035 §4.1.2), with the header bits that matter to a stub resolver. */
export interface QueryMessage {
  /** 0 to 65535, unpredictable. */
  readonly id: number;
  /** Presentation form. */
  readonly name: string;
  readonly type: RecordType;
  /** RFC 4035 §3.2.2: ask for data even when it fails validation. */
  readonly checkingDisabled?: boolean;
  /** RFC 6891; left out for servers that answer FORMERR to it. Default true. */
  readonly edns?: boolean;
}

/** One resource record; its data is decoded when it is wanted. */
export interface ResourceRecord {
  readonly name: string;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly rdata: RdataSlice;
}

/** An answer, as far as a stub resolver reads it. */
export interface ResponseMessage {
  readonly id: number;
  readonly truncated: boolean;
  /** AD of RFC 4035 §3.2.3. */
  readonly authenticData: boolean;
  /** RFC 1035 §4.1.1 with the upper bits of RFC 6891 §6.1.3. */
  readonly responseCode: number;
  readonly question: { readonly name: string; readonly type: number } | undefined;
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Codes of RFC 8914. */
  readonly extendedErrors: readonly number[];
}

const classIn = 1;
const typeOpt = 41;
const optionExtendedError = 15;

/** The size that passes everywhere without fragments; longer answers come by TCP. */
const udpPayloadBytes = 1232;

/** Encodes a query for the Internet class with recursion desired and, by RFC 6840 §5.7, AD set. */
export function encodeQuery(query: QueryMessage): Uint8Array {
  const name = encodeName(query.name);
  const edns = query.edns ?? true;
  const message = new Uint8Array(12 + name.length + 4 + (edns ? 11 : 0));
  const view = new DataView(message.buffer);
  view.setUint16(0, query.id);
  view.setUint16(2, 0x0120 | (query.checkingDisabled ? 0x10 : 0));
  view.setUint16(4, 1);
  message.set(name, 12);
  const at = 12 + name.length;
  view.setUint16(at, recordTypeNumbers[query.type]);
  view.setUint16(at + 2, classIn);
  if (edns) {
    // RFC 6891 §6.1.2: root name, type OPT, class = payload size, no extended bits, no options.
    view.setUint16(10, 1);
    view.setUint16(at + 5, typeOpt);
    view.setUint16(at + 7, udpPayloadBytes);
  }
  return message;
}

/**
 * Decodes an answer in one pass over its octets.
 *
 * @throws {DnsError} MB_DNS_MESSAGE_MALFORMED for anything that is not a well-formed answer to one
 *   query: a query, several questions, counts or lengths that do not fit the octets, broken names.
 */
export function decodeResponse(message: Uint8Array): ResponseMessage {
  if (message.length < 12) throw malformed('it is shorter than a header');
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const flags = view.getUint16(2);
  if ((flags & 0x8000) === 0) throw malformed('it is a query');
  if ((flags & 0x7800) !== 0) throw malformed('its operation is not QUERY');
  const truncated = (flags & 0x0200) !== 0;
  const reader = new SectionReader(message, view, 12);
  const question = reader.question(view.getUint16(4));
  const head = {
    id: view.getUint16(0),
    truncated,
    authenticData: (flags & 0x20) !== 0,
    question,
  };
  // RFC 2181 §9: a truncated answer is asked again over TCP, so what is in it does not matter.
  if (truncated) {
    return { ...head, responseCode: flags & 0x0f, answers: [], authorities: [], extendedErrors: [] };
  }
  const answers = reader.records(view.getUint16(6));
  const authorities = reader.records(view.getUint16(8));
  reader.records(view.getUint16(10));
  const opt = reader.opt;
  return {
    ...head,
    // RFC 6891 §6.1.3: the upper eight bits stand in the OPT record's TTL.
    responseCode: (flags & 0x0f) | (opt === undefined ? 0 : opt.extendedCode << 4),
    answers,
    authorities,
    extendedErrors: opt?.extendedErrors ?? [],
  };
}

interface OptRecord {
  readonly extendedCode: number;
  readonly extendedErrors: readonly number[];
}

class SectionReader {
  readonly #message: Uint8Array;
  readonly #view: DataView;
  #at: number;
  opt: OptRecord | undefined;

  constructor(message: Uint8Array, view: DataView, at: number) {
    this.#message = message;
    this.#view = view;
    this.#at = at;
  }

  question(count: number): ResponseMessage['question'] {
    if (count > 1) throw malformed('it has more than one question');
    if (count === 0) return undefined;
    const { name, end } = decodeName(this.#message, this.#at);
    if (end + 4 > this.#message.length) throw malformed('its question is cut off');
    if (this.#view.getUint16(end + 2) !== classIn) throw malformed('its question is not of class IN');
    this.#at = end + 4;
    return { name, type: this.#view.getUint16(end) };
  }

  /** Reads `count` records; those of other classes and OPT are not among the result. */
  records(count: number): ResourceRecord[] {
    const records: ResourceRecord[] = [];
    for (let i = 0; i < count; i++) {
      const { name, end } = decodeName(this.#message, this.#at);
      if (end + 10 > this.#message.length) throw malformed('a record is cut off');
      const type = this.#view.getUint16(end);
      const start = end + 10;
      const rdata = { message: this.#message, start, end: start + this.#view.getUint16(end + 8) };
      if (rdata.end > this.#message.length)
        throw malformed("a record's data runs past the end of the message");
      this.#at = rdata.end;
      if (type === typeOpt) this.opt = readOpt(this.#view.getUint32(end + 4), rdata);
      else if (this.#view.getUint16(end + 2) === classIn) {
        records.push({ name, type, ttlSeconds: readTtl(this.#view.getUint32(end + 4)), rdata });
      }
    }
    return records;
  }
}

/** RFC 8767 §4: a TTL with the top bit set is a large positive number; it is capped like any other. */
const maxTtlSeconds = 604_800;

function readTtl(value: number): number {
  return Math.min(value, maxTtlSeconds);
}

function readOpt(ttlField: number, { message, start, end }: RdataSlice): OptRecord {
  const extendedErrors: number[] = [];
  for (let at = start; at + 4 <= end; ) {
    const code = (message[at]! << 8) | message[at + 1]!;
    const next = at + 4 + ((message[at + 2]! << 8) | message[at + 3]!);
    if (next > end) throw malformed('an EDNS option runs past its record');
    // RFC 8914 §2: the first two octets are the INFO-CODE.
    if (code === optionExtendedError && next - at >= 6) {
      extendedErrors.push((message[at + 4]! << 8) | message[at + 5]!);
    }
    at = next;
  }
  return { extendedCode: ttlField >>> 24, extendedErrors };
}
