import { decodeUnlabelled, isUtf8 } from './charset.ts';
import type { Defect, DefectCode } from './defect.ts';
import { unfoldHeader } from './header-fold.ts';

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;

/** One header field as received. */
export class HeaderField {
  /** All octets of the field, line breaks included. */
  readonly raw: Uint8Array;
  /** The name as written; empty for a line that is no field. */
  readonly name: string;
  readonly #valueStart: number;
  #value: string | undefined;

  constructor(raw: Uint8Array) {
    const colon = raw.indexOf(COLON);
    const name = colon < 0 ? '' : decodeUnlabelled(raw.subarray(0, colon)).replace(/[ \t]+$/, '');
    this.raw = raw;
    this.name = /^[!-9;-~]+$/.test(name) ? name : '';
    this.#valueStart = colon + 1;
  }

  /** The value, unfolded and without white space at its ends; octets that are not UTF-8 are read as windows-1252. */
  get value(): string {
    this.#value ??= trimBlanks(unfoldHeader(decodeUnlabelled(this.raw.subarray(this.#valueStart))));
    return this.#value;
  }

  /** True when the field holds octets that are neither ASCII nor UTF-8 (RFC 6532). */
  get hasUnknownCharset(): boolean {
    return !isUtf8(this.raw);
  }
}

function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(unit: number): boolean {
  return unit === SPACE || unit === TAB || unit === CR || unit === LF;
}

/** The fields of a header in order, with their octets as received. */
export class HeaderBlock implements Iterable<HeaderField> {
  readonly fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[]) {
    this.fields = fields;
  }

  /** The value of the first field of this name in any case; undefined when there is none. */
  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.fields.find((field) => field.name.toLowerCase() === wanted)?.value;
  }

  /** The values of all fields of this name, in order. */
  getAll(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.fields.filter((field) => field.name.toLowerCase() === wanted).map((field) => field.value);
  }

  /** The fields in their order. */
  [Symbol.iterator](): Iterator<HeaderField> {
    return this.fields[Symbol.iterator]();
  }
}

/**
 * Splits the octets of a header into fields, raw octets kept, and never throws.
 *
 * @param octets  Header lines, with CRLF or LF ends, without the empty line.
 * @param maxFields  Fields beyond this number are left out and reported.
 * @returns The fields and what is wrong with them.
 * @example parseHeaderBlock(octets).headers.get('subject')
 */
export function parseHeaderBlock(
  octets: Uint8Array,
  maxFields = 1000,
): { headers: HeaderBlock; defects: readonly Omit<Defect, 'path'>[] } {
  const fields: HeaderField[] = [];
  const defects = new Set<DefectCode>();
  let start = 0;
  while (start < octets.length) {
    const end = endOfField(octets, start);
    if (fields.length >= maxFields) {
      defects.add('header-too-many-fields');
      break;
    }
    const field = new HeaderField(octets.subarray(start, end));
    if (field.name === '') defects.add('header-malformed');
    if (field.hasUnknownCharset) defects.add('header-charset');
    fields.push(field);
    start = end;
  }
  if (octets.includes(LF) && hasBareLf(octets)) defects.add('bare-lf');
  return { headers: new HeaderBlock(fields), defects: [...defects].map((code) => ({ code })) };
}

/** Behind the line break that no white space follows (RFC 5322 §2.2.3). */
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
