import { DnsError } from '../errors.ts';

/** RFC 1035 §3.1: 255 octets on the wire, length octets and the root included. */
const maxNameOctets = 255;
const maxLabelOctets = 63;
/** A name has at most 127 labels, so an honest one needs no more pointers than that. */
const maxPointers = 127;

const dot = 0x2e;
const backslash = 0x5c;

/**
 * Encodes a name in presentation form as labels; `\.` and `\DDD` are escapes (RFC 1035 §5.1), a
 * trailing dot is optional, `.` is the root.
 *
 * @throws {DnsError} MB_DNS_NAME_INVALID for an empty label, a label over 63 or a name over 255 octets.
 */
export function encodeName(name: string): Uint8Array {
  if (name === '.') return new Uint8Array(1);
  if (name === '') throw invalidName(name, 'it is empty');
  const wire = new Uint8Array(maxNameOctets);
  let labelAt = 0;
  let length = 1;
  const closeLabel = () => {
    const labelLength = length - labelAt - 1;
    if (labelLength === 0 || labelLength > maxLabelOctets) {
      throw invalidName(name, 'each label has 1 to 63 octets');
    }
    wire[labelAt] = labelLength;
    labelAt = length;
    length += 1;
  };
  for (let i = 0; i < name.length; i++) {
    let octet = name.charCodeAt(i);
    if (octet === dot) {
      closeLabel();
      continue;
    }
    if (octet > 0x7e) throw invalidName(name, 'write an international name as A-labels, an octet as \\DDD');
    if (octet === backslash) {
      const escaped = readEscape(name, i);
      octet = escaped.octet;
      i = escaped.last;
    }
    if (length >= maxNameOctets - 1) throw invalidName(name, 'a name has at most 255 octets');
    wire[length++] = octet;
  }
  if (length > labelAt + 1) closeLabel();
  // labelAt is now the place of the root label, which is zero already.
  return wire.subarray(0, labelAt + 1);
}

/** RFC 1035 §5.1: `\X` is the character X, `\DDD` the octet of that decimal value. */
function readEscape(name: string, at: number): { octet: number; last: number } {
  const digits = /^[0-9]{3}/.exec(name.slice(at + 1, at + 4))?.[0];
  if (digits !== undefined) {
    if (Number(digits) > 255) throw invalidName(name, 'an octet has at most the value 255');
    return { octet: Number(digits), last: at + 3 };
  }
  if (at + 1 >= name.length) throw invalidName(name, 'it ends in a lone backslash');
  const octet = name.charCodeAt(at + 1);
  if (octet > 0x7e) throw invalidName(name, 'only ASCII can stand behind a backslash');
  return { octet, last: at + 1 };
}

function invalidName(name: string, why: string): DnsError {
  return new DnsError('MB_DNS_NAME_INVALID', `"${name.slice(0, 80)}" is not a domain name: ${why}.`);
}

/**
 * Decodes the name at `offset`, following compression pointers (RFC 1035 §4.1.4).
 *
 * A dot or a backslash inside a label, and every octet that is not printable ASCII, comes out
 * escaped, so that two different names never look the same.
 *
 * @returns the name without trailing dot (`.` for the root), and the offset behind it.
 * @throws {DnsError} MB_DNS_MESSAGE_MALFORMED for a pointer that does not go back, or a name that
 *   leaves the message or the limits.
 */
export function decodeName(message: Uint8Array, offset: number): { name: string; end: number } {
  let name = '';
  let octets = 1;
  let pointers = 0;
  let end = -1;
  let at = offset;
  let floor = offset;
  for (;;) {
    const length = message[at];
    if (length === undefined) throw malformed('a name runs past the end of the message');
    if (length === 0) break;
    if (length >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined) throw malformed('a name runs past the end of the message');
      if (end < 0) end = at + 2;
      at = ((length & 0x3f) << 8) | low;
      // RFC 1035 §4.1.4: a pointer goes to a prior occurrence, so each must lie before the last.
      if (at >= floor || ++pointers > maxPointers) throw malformed('a compression pointer does not go back');
      floor = at;
      continue;
    }
    if (length > maxLabelOctets) throw malformed('a label has a reserved type');
    octets += length + 1;
    if (octets > maxNameOctets) throw malformed('a name is longer than 255 octets');
    if (at + 1 + length > message.length) throw malformed('a label runs past the end of the message');
    if (name !== '') name += '.';
    for (let i = at + 1; i <= at + length; i++) name += presentOctet(message[i]!);
    at += length + 1;
  }
  return { name: name === '' ? '.' : name, end: end < 0 ? at + 1 : end };
}

function presentOctet(octet: number): string {
  if (octet === dot || octet === backslash) return `\\${String.fromCharCode(octet)}`;
  if (octet > 0x20 && octet < 0x7f) return String.fromCharCode(octet);
  return `\\${String(octet).padStart(3, '0')}`;
}

/** The error for an answer that breaks the wire format. */
export function malformed(what: string): DnsError {
  return new DnsError('MB_DNS_MESSAGE_MALFORMED', `The DNS answer is malformed: ${what}.`);
}
