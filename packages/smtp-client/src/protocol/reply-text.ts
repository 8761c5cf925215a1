/** One line of a reply behind its code. */
export interface ReplyText {
  /** Decoded from UTF-8; control characters are replaced. */
  readonly text: string;
  /** What looks like an enhanced status code at its beginning (RFC 2034 §4), whatever its class. */
  readonly status: string | undefined;
}

/** Lines kept; a power of two. */
const slots = 16;
const longestKept = 128;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const statusPattern = /^[245]\.\d{1,3}\.\d{1,3}(?=[ \t]|$)/;
const controls = /[\u0000-\u0008\u000a-\u001f\u007f]/g;

/**
 * Decodes the text of replies. A server says the same few lines all day long, so the last ones are kept and, when their
 * octets come again, neither decoded nor looked at once more.
 *
 * @example
 * new ReplyTexts().read(new TextEncoder().encode('2.1.5 ok'), 0, 8) // { text: '2.1.5 ok', status: '2.1.5' }
 */
export class ReplyTexts {
  readonly #kept: (ReplyText | undefined)[] = new Array(slots).fill(undefined);

  /** The text in `octets` from `start` to `end`. */
  read(octets: Uint8Array, start: number, end: number): ReplyText {
    let hash = 0;
    const few = Math.min(end, start + longestKept);
    for (let index = start; index < few; index++) hash = (hash * 31 + octets[index]!) | 0;
    const slot = hash & (slots - 1);
    const kept = this.#kept[slot];
    if (kept !== undefined && isText(kept.text, octets, start, end)) return kept;
    const fresh = decodeText(octets, start, end);
    // A text of as many characters as octets has one for each; so it can be compared without being decoded.
    if (end - start <= longestKept && fresh.text.length === end - start) this.#kept[slot] = fresh;
    return fresh;
  }
}

function isText(text: string, octets: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== octets[start + index]) return false;
  }
  return true;
}

function decodeText(octets: Uint8Array, start: number, end: number): ReplyText {
  const text = decoder.decode(octets.subarray(start, end)).replace(controls, '\ufffd');
  return { text, status: statusPattern.exec(text)?.[0] };
}
