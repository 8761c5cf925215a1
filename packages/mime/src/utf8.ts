const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder();

/** Buffer for short texts: the engine encodes faster into an existing array. */
const scratch = /* @__PURE__ */ new Uint8Array(49_152);

/** Returns the UTF-8 octets of a text; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const octets = borrowUtf8(text);
  return octets.buffer === scratch.buffer ? octets.slice() : octets;
}

/** Returns the UTF-8 octets of a text in an array that the next call may overwrite. */
export function borrowUtf8(text: string): Uint8Array {
  if (text.length * 3 > scratch.length) return encoder.encode(text);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}

/** Writes the UTF-8 octets of `text` at `offset` of `out`, which has room for them; returns the offset after them. */
export function writeUtf8(text: string, out: Uint8Array, offset: number): number {
  return offset + encoder.encodeInto(text, offset === 0 ? out : out.subarray(offset)).written;
}

/** The text of octets that are known to be ASCII. */
export function decodeAscii(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The number of octets of a text in UTF-8. */
export function utf8Length(text: string): number {
  return isAscii(text) ? text.length : borrowUtf8(text).length;
}

/** True when every code unit of the text is ASCII. */
export function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/** Concatenates arrays; a single array is returned itself, without a copy. */
export function concatOctets(arrays: readonly Uint8Array[]): Uint8Array {
  if (arrays.length === 1) return arrays[0]!;
  let length = 0;
  for (const array of arrays) length += array.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const array of arrays) {
    out.set(array, offset);
    offset += array.length;
  }
  return out;
}
