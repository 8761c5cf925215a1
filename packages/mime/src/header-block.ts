import { checkOctets, checkText, integer, wrongArgument } from './argument.ts';
import { decodeUnlabelled, decodeUtf8 } from './charset.ts';
import type { Defect, DefectCode } from './defect.ts';
import { wordSet } from './errors.ts';
import { unfold } from './header-fold.ts';
import { hasDuplicateParameter } from './parameter.ts';

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;

/** One header field as received. */
export class HeaderField {
  /** All octets of the field, including line breaks. */
  readonly raw: Uint8Array;
  /** The name as written; empty if the line is not a valid field. */
  readonly name: string;
  readonly #valueStart: number;
  #value: string | undefined;

  constructor(raw: Uint8Array) {
    checkOctets(raw, 'HeaderField: raw');
    const colon = raw.indexOf(COLON);
    let end = Math.max(colon, 0);
    while (raw[end - 1] === SPACE || raw[end - 1] === TAB) end -= 1; // RFC 5322 §4.5
    let name = '';
    for (let i = 0; i < end; i++) name += String.fromCharCode(raw[i]!);
    this.raw = raw;
    this.name = /^[!-9;-~]+$/.test(name) ? name : '';
    this.#valueStart = colon + 1;
  }

  /** The value, unfolded and trimmed; read as windows-1252 if it is not valid UTF-8. */
  get value(): string {
    if (this.#value === undefined) {
      let start = this.#valueStart;
      let end = this.raw.length;
      while (isBlank(this.raw[start])) start += 1;
      while (end > start && isBlank(this.raw[end - 1])) end -= 1;
      this.#value = unfold(decodeUnlabelled(this.raw.subarray(start, end)));
    }
    return this.#value;
  }

  /** True when the field holds octets that are neither ASCII nor UTF-8 (RFC 6532). */
  get hasUnknownCharset(): boolean {
    return decodeUtf8(this.raw) === undefined;
  }
}

/** True for space, tab, CR and LF. */
export function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB || octet === CR || octet === LF;
}

/** True for a line that can be part of a header: a field, the continuation of one, or the empty line. */
export function isHeaderLine(line: Uint8Array): boolean {
  if (isBlank(line[0])) return true;
  let at = 0;
  while (line[at]! > SPACE && line[at]! < 127 && line[at] !== COLON) at += 1;
  const named = at > 0;
  while (line[at] === SPACE || line[at] === TAB) at += 1;
  return named && line[at] === COLON;
}

/** The fields of a header in their order, with the octets as received. */
export class HeaderBlock implements Iterable<HeaderField> {
  readonly fields: readonly HeaderField[];
  /** The fields by lower-case name; created by the first access. */
  #byName: Map<string, HeaderField[]> | undefined;

  constructor(fields: readonly HeaderField[]) {
    if (!Array.isArray(fields)) throw wrongArgument('HeaderBlock: fields', 'an array');
    this.fields = fields;
  }

  /** The value of the first field with this name, in any case; undefined if there is none. */
  get(name: string): string | undefined {
    return this.#named(name)[0]?.value;
  }

  /** The values of all fields with this name, in order. */
  getAll(name: string): string[] {
    return this.#named(name).map((field) => field.value);
  }

  #named(name: string): readonly HeaderField[] {
    checkText(name, 'name');
    if (this.#byName === undefined) {
      this.#byName = new Map();
      for (const field of this.fields) {
        const key = field.name.toLowerCase();
        const same = this.#byName.get(key);
        if (same === undefined) this.#byName.set(key, [field]);
        else same.push(field);
      }
    }
    return this.#byName.get(name.toLowerCase()) ?? [];
  }

  /** The fields in their order. */
  [Symbol.iterator](): Iterator<HeaderField> {
    return this.fields[Symbol.iterator]();
  }
}

/** Fields that may appear only once (RFC 5322 §3.6, RFC 2045 §3, RFC 2183 §2); readers differ on which one counts. */
const SINGLETONS = /* @__PURE__ */ wordSet(
  'date from sender reply-to to cc bcc message-id in-reply-to references subject mime-version content-type content-transfer-encoding content-id content-description content-disposition',
);

/** The fields of a header, and their defects. */
export interface HeaderReading {
  readonly headers: HeaderBlock;
  readonly defects: readonly Omit<Defect, 'path'>[];
}

/**
 * Splits the octets of a header into fields (RFC 5322 §2.2); each keeps its raw octets.
 *
 * @param octets  Header lines, with CRLF or LF line ends, without the empty line.
 * @param maxFields  Maximum number of fields; the rest is left out and reported as a defect. Default 10,000.
 * @returns The fields and their defects.
 * @throws {MimeError} MB_MIME_OPTION for arguments of other types.
 * @example parseHeaderBlock(octets).headers.get('subject')
 */
export function parseHeaderBlock(octets: Uint8Array, maxFields = 10_000): HeaderReading {
  checkOctets(octets, 'parseHeaderBlock: octets');
  fieldCount(maxFields, 'parseHeaderBlock', 'maxFields');
  return readHeaderBlock(octets, maxFields);
}

const fieldCount = /* @__PURE__ */ integer(0);

/** {@link parseHeaderBlock} for arguments that were checked. */
export function readHeaderBlock(octets: Uint8Array, maxFields: number): HeaderReading {
  const fields: HeaderField[] = [];
  const defects = new Set<DefectCode>();
  const seen = new Set<string>();
  const isClean = decodeUtf8(octets) !== undefined;
  let start = 0;
  while (start < octets.length) {
    const end = endOfField(octets, start);
    if (fields.length >= maxFields) {
      defects.add('header-too-many-fields');
      break;
    }
    const field = new HeaderField(octets.subarray(start, end));
    if (field.name === '') defects.add('header-malformed');
    if (!isClean && field.hasUnknownCharset) defects.add('header-charset');
    const key = field.name.toLowerCase();
    if (SINGLETONS.has(key)) {
      if (seen.has(key)) defects.add('header-duplicate');
      seen.add(key);
      if (/^content-(?:type|disposition)$/.test(key) && hasDuplicateParameter(field.value))
        defects.add('parameter-duplicate');
    }
    fields.push(field);
    start = end;
  }
  if (octets.includes(LF) && hasBareLf(octets)) defects.add('bare-lf');
  return { headers: new HeaderBlock(fields), defects: [...defects].map((code) => ({ code })) };
}

/** Returns the offset after the first line break that is not followed by white space (RFC 5322 §2.2.3). */
function endOfField(octets: Uint8Array, start: number): number {
  for (let at = start; ; ) {
    const lf = octets.indexOf(LF, at);
    if (lf < 0) return octets.length;
    const next = octets[lf + 1];
    if (next !== SPACE && next !== TAB) return lf + 1;
    at = lf + 1;
  }
}

function hasBareLf(octets: Uint8Array): boolean {
  for (let lf = octets.indexOf(LF); lf >= 0; lf = octets.indexOf(LF, lf + 1))
    if (octets[lf - 1] !== CR) return true;
  return false;
}
