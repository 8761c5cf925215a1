/** An ASN.1 value in DER. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Reads the first value; undefined if the octets are not DER. */
export function readDer(octets: Uint8Array): (DerValue & { readonly rest: Uint8Array }) | undefined {
  const [tag, first] = octets;
  if (tag === undefined || first === undefined) return undefined;
  let start = 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4 || octets.length < 2 + count) return undefined;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + octets[start++]!;
  }
  if (start + length > octets.length) return undefined;
  return { tag, content: octets.subarray(start, start + length), rest: octets.subarray(start + length) };
}

/** Reads the values of a SEQUENCE; undefined if the octets are anything else. */
export function readSequence(octets: Uint8Array): DerValue[] | undefined {
  const outer = readDer(octets);
  if (outer?.tag !== 0x30 || outer.rest.length > 0) return undefined;
  const values: DerValue[] = [];
  for (let rest = outer.content; rest.length > 0; ) {
    const value = readDer(rest);
    if (value === undefined) return undefined;
    values.push({ tag: value.tag, content: value.content });
    rest = value.rest;
  }
  return values;
}

/** Encodes a value. */
export function writeDer(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, { length }) => sum + length, 0);
  const head = [tag, ...lengthOctets(length)];
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const content of contents) {
    out.set(content, at);
    at += content.length;
  }
  return out;
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256);
  return [0x80 | octets.length, ...octets];
}
