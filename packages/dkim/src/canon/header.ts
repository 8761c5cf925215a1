import type { HeaderField } from '../header-scan.ts';
import type { Canonicalization } from './canonicalization.ts';

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const colon = 0x3a;

/** The maximum size of a canonical field with CRLF, in octets. */
export function canonicalFieldBound(field: HeaderField): number {
  return field.end - field.start + 2;
}

/**
 * Writes a field in canonical form, without CRLF; returns the offset after it.
 *
 * RFC 6376 §3.4.1, §3.4.2.
 */
export function writeCanonicalField(
  octets: Uint8Array,
  field: HeaderField,
  algorithm: Canonicalization,
  out: Uint8Array,
  at: number,
): number {
  if (algorithm === 'simple') {
    // RFC 6376 §3.4.1: the field unchanged.
    out.set(octets.subarray(field.start, field.end), at);
    return at + field.end - field.start;
  }
  // RFC 6376 §3.4.2: the name in lower case, without white space before the colon.
  for (let from = field.start; from < field.nameEnd; from++) {
    const octet = octets[from]!;
    out[at++] = octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet;
  }
  out[at++] = colon;
  return writeRelaxedValue(octets, field.colon + 1, field.end, out, at);
}

/** RFC 6376 §3.4.2: unfolds, replaces each run of white space by one SP, and removes it at both ends. */
function writeRelaxedValue(
  octets: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  const start = at;
  let gap = false;
  for (; from < to; from++) {
    const octet = octets[from]!;
    if (octet === space || octet === tab) {
      gap = true;
    } else if (octet === cr && octets[from + 1] === lf && from + 1 < to) {
      from++;
    } else {
      if (gap && at > start) out[at++] = space;
      gap = false;
      out[at++] = octet;
    }
  }
  return at;
}
