/** A header field, as offsets into the octets of its header block. */
export interface HeaderField {
  /** In lower case; empty for a line that is not a field. */
  readonly name: string;
  readonly start: number;
  /** End of the name; white space may follow before the colon. */
  readonly nameEnd: number;
  readonly colon: number;
  /** End of the field, before its CRLF. */
  readonly end: number;
}

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const colonOctet = 0x3a;

/**
 * Finds the fields of a header block with CRLF line ends, in order.
 *
 * A line without a colon, or a continuation before any field, becomes a field with an empty name.
 * RFC 5322 §2.2, with the obsolete white space before the colon (§4.5).
 */
export function scanHeader(octets: Uint8Array): HeaderField[] {
  const fields: HeaderField[] = [];
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  let start = 0;
  while (start < octets.length) {
    const end = fieldEnd(text, start);
    fields.push(readField(text, start, end));
    start = end + 2;
  }
  return fields;
}

/** Returns the end of the field that starts at `start`: the first CRLF without white space after it. */
function fieldEnd(text: Buffer, start: number): number {
  let from = start;
  for (;;) {
    const at = text.indexOf(lf, from);
    if (at < 0) return text.length;
    const next = text[at + 1];
    if (text[at - 1] === cr && at > start && next !== space && next !== tab) return at - 1;
    from = at + 1;
  }
}

function readField(text: Buffer, start: number, end: number): HeaderField {
  let nameEnd = start;
  while (nameEnd < end && isNameOctet(text[nameEnd]!)) nameEnd++;
  let colon = nameEnd;
  while (colon < end && (text[colon] === space || text[colon] === tab)) colon++;
  if (nameEnd === start || colon === end || text[colon] !== colonOctet) {
    return { name: '', start, nameEnd: start, colon: start, end };
  }
  return { name: text.toString('latin1', start, nameEnd).toLowerCase(), start, nameEnd, colon, end };
}

/** RFC 5322 §2.2: a field name is printable US-ASCII without the colon. */
function isNameOctet(octet: number): boolean {
  return octet > space && octet < 0x7f && octet !== colonOctet;
}
