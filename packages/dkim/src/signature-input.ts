import type { Canonicalization } from './canon/canonicalization.ts';
import { canonicalFieldBound, writeCanonicalField } from './canon/header.ts';
import { type HeaderField, scanHeader } from './header-scan.ts';

/** A field, with the octets that contain it. */
export interface FieldOctets {
  readonly octets: Uint8Array;
  readonly field: HeaderField;
}

/**
 * Returns the data to sign: the selected fields with CRLF, then the signature field with an empty `b=` and without CRLF.
 *
 * RFC 6376 §3.7; RFC 8617 §5.1.1 for the seal.
 */
export function signatureInput(
  signed: readonly FieldOctets[],
  own: FieldOctets,
  algorithm: Canonicalization,
): Uint8Array {
  let bound = canonicalFieldBound(own.field);
  for (const { field } of signed) bound += canonicalFieldBound(field);
  const out = Buffer.allocUnsafe(bound);
  let at = 0;
  for (const { octets, field } of signed) {
    at = writeCanonicalField(octets, field, algorithm, out, at);
    out[at++] = 0x0d;
    out[at++] = 0x0a;
  }
  at = writeCanonicalField(own.octets, own.field, algorithm, out, at);
  return out.subarray(0, at);
}

/** A signature field in progress, as octets to hash. */
export function openField(text: string): FieldOctets {
  const octets = Buffer.from(text, 'latin1');
  const colon = text.indexOf(':');
  const name = text.slice(0, colon).toLowerCase();
  return { octets, field: { name, start: 0, nameEnd: colon, colon, end: octets.length } };
}

const semicolon = 0x3b;
const equals = 0x3d;
const letterB = 0x62;

/**
 * Returns a signature field without the value of its `b=`; all other octets are unchanged.
 *
 * RFC 6376 §3.7: the value is removed with all white space around it.
 */
export function withoutSignature({ octets, field }: FieldOctets): FieldOctets {
  let specStart = field.colon + 1;
  while (specStart < field.end) {
    const semicolonAt = octets.indexOf(semicolon, specStart);
    const specEnd = semicolonAt < 0 || semicolonAt > field.end ? field.end : semicolonAt;
    const equalsAt = octets.indexOf(equals, specStart);
    if (equalsAt >= 0 && equalsAt < specEnd && isTagB(octets, specStart, equalsAt)) {
      const cut = Buffer.concat([
        octets.subarray(field.start, equalsAt + 1),
        octets.subarray(specEnd, field.end),
      ]);
      return { octets: cut, field: scanHeader(cut)[0]! };
    }
    specStart = specEnd + 1;
  }
  return { octets, field };
}

/** Whether the octets are `b`, possibly with white space around it. */
function isTagB(octets: Uint8Array, from: number, to: number): boolean {
  let found = false;
  for (let at = from; at < to; at++) {
    const octet = octets[at]!;
    if (octet === 0x20 || octet === 0x09 || octet === 0x0d || octet === 0x0a) continue;
    if (octet !== letterB || found) return false;
    found = true;
  }
  return found;
}
