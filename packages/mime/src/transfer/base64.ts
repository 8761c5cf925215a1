import { checkOctets, checkOptions, integer, type OptionTable, wrongArgument } from '../argument.ts';
import { unfilledArray } from '../memory.ts';
import { concatOctets, decodeAscii, writeUtf8 } from '../utf8.ts';
import { ALPHABET, base64Length, encodeBlocks, LINE_LENGTH } from './fast/base64-lines.ts';

const OCTETS_PER_LINE = 57;
const CR = 13;
const LF = 10;
const PAD = 61;

export { base64Length };

/**
 * Writes base64 lines, CRLF between them and none at the end, and returns the offset after them.
 * `lineLength` is a multiple of 4; 0 means one line.
 */
export function encodeBase64Into(
  input: Uint8Array,
  out: Uint8Array,
  offset: number,
  lineLength: number = LINE_LENGTH,
): number {
  let o = offset;
  encodeBlocks(input, lineLength, (lines) => {
    out.set(lines, o);
    o += lines.length;
  });
  return o;
}

/** As {@link encodeBase64Into}, but each block goes through a string: V8 then collects the memory sooner. */
export function encodeBase64ThroughStrings(input: Uint8Array, out: Uint8Array, offset: number): number {
  let o = offset;
  encodeBlocks(input, LINE_LENGTH, (lines) => {
    o = writeUtf8(decodeAscii(lines), out, o);
  });
  return o;
}

/** Options of {@link encodeBase64} and {@link encodeBase64Octets}. */
export interface Base64Options {
  /** Characters per line: a multiple of 4 up to 996, or 0 for one line; default 76. */
  readonly lineLength?: number | undefined;
}

/** The checks of {@link Base64Options}. */
export const base64Options = {
  lineLength: /* @__PURE__ */ integer(0, 996),
} satisfies OptionTable<Base64Options>;

function readLineLength(options: Base64Options): number {
  checkOptions(options, base64Options, 'encodeBase64: options');
  const { lineLength = LINE_LENGTH } = options;
  if (lineLength % 4 !== 0) throw wrongArgument('encodeBase64: options.lineLength', 'a multiple of 4');
  return lineLength;
}

/**
 * Encodes octets in base64 (RFC 2045 §6.8).
 *
 * @param input  Any octets; empty input gives an empty string.
 * @param options  The length of the lines.
 * @returns Lines with CRLF between them and no line break at the end.
 * @throws {MimeError} MB_MIME_OPTION for an invalid line length, and for input that is not octets.
 * @example encodeBase64(new Uint8Array([104, 105])) // 'aGk='
 */
export function encodeBase64(input: Uint8Array, options: Base64Options = {}): string {
  checkOctets(input, 'encodeBase64: input');
  let encoded = '';
  encodeBlocks(input, readLineLength(options), (lines) => {
    encoded += decodeAscii(lines);
  });
  return encoded;
}

/**
 * As {@link encodeBase64}, but returns octets, for a message or a socket, without creating a string.
 *
 * @param input  Any octets; empty input gives an empty array.
 * @param options  The length of the lines.
 * @returns Lines with CRLF between them and no line break at the end.
 * @throws {MimeError} MB_MIME_OPTION for an invalid line length, and for input that is not octets.
 * @example encodeBase64Octets(new Uint8Array([104, 105])) // Uint8Array [97, 71, 107, 61]: 'aGk='
 */
export function encodeBase64Octets(input: Uint8Array, options: Base64Options = {}): Uint8Array {
  checkOctets(input, 'encodeBase64Octets: input');
  const lineLength = readLineLength(options);
  const out = unfilledArray(base64Length(input.length, lineLength));
  encodeBase64Into(input, out, 0, lineLength);
  return out;
}

/**
 * Encodes a stream of octets in base64 with lines of 76 characters (RFC 2045 §6.8). The output does not depend on how
 * the input is cut into chunks.
 *
 * @example
 * const encoder = new Base64Encoder()
 * for await (const chunk of source) sink.write(encoder.push(chunk))
 * sink.write(encoder.finish())
 */
export class Base64Encoder {
  /** The content of an incomplete line. */
  readonly #line = new Uint8Array(OCTETS_PER_LINE);
  #filled = 0;
  #started = false;

  /** Encodes more content and returns the complete lines. */
  push(chunk: Uint8Array): Uint8Array {
    checkOctets(chunk, 'push: chunk');
    const lines = Math.floor((this.#filled + chunk.length) / OCTETS_PER_LINE);
    if (lines === 0) {
      this.#line.set(chunk, this.#filled);
      this.#filled += chunk.length;
      return new Uint8Array(0);
    }
    const out = new Uint8Array(lines * (LINE_LENGTH + 2) - (this.#started ? 0 : 2));
    let o = 0;
    let i = 0;
    if (this.#filled > 0) {
      i = OCTETS_PER_LINE - this.#filled;
      this.#line.set(chunk.subarray(0, i), this.#filled);
      o = this.#write(this.#line, out, o);
    }
    const end = chunk.length - ((chunk.length - i) % OCTETS_PER_LINE);
    if (end > i) this.#write(chunk.subarray(i, end), out, o);
    this.#line.set(chunk.subarray(end));
    this.#filled = chunk.length - end;
    return out;
  }

  /** Returns the last line; call it once. */
  finish(): Uint8Array {
    if (this.#filled === 0) return new Uint8Array(0);
    const rest = this.#line.subarray(0, this.#filled);
    this.#filled = 0;
    const out = new Uint8Array(base64Length(rest.length) + (this.#started ? 2 : 0));
    this.#write(rest, out, 0);
    return out;
  }

  #write(input: Uint8Array, out: Uint8Array, offset: number): number {
    let o = offset;
    if (this.#started) {
      out[o++] = CR;
      out[o++] = LF;
    }
    this.#started = true;
    return encodeBase64Into(input, out, o);
  }
}

/** Table values of octets outside the alphabet, and of the padding. */
const JUNK = -1;
const PADDING = -2;
/** The bits of each letter at each of the four places of a group; negative for other octets. */
const bits = /* @__PURE__ */ buildBits();

function buildBits(): Int32Array {
  const table = new Int32Array(1024).fill(JUNK);
  for (let i = 0; i < 256; i++)
    table[(i & 3) * 256 + ALPHABET.charCodeAt(i >> 2)] = (i >> 2) << (18 - (i & 3) * 6);
  for (let place = 0; place < 4; place++) table[place * 256 + PAD] = PADDING;
  return table;
}

/**
 * Decodes a stream of base64. Characters outside the alphabet are skipped (RFC 2045 §6.8), missing padding is accepted,
 * and a new group starts after padding. Malformed input never throws.
 */
export class Base64Decoder {
  /** The bits of an incomplete group, and the number of its letters. */
  #bits = 0;
  #count = 0;

  /** Decodes more characters, given as octets, and returns the content that they complete. */
  push(chunk: Uint8Array): Uint8Array {
    checkOctets(chunk, 'push: chunk');
    const out = new Uint8Array(Math.ceil((chunk.length * 3) / 4) + 3);
    let o = 0;
    for (let i = 0; i < chunk.length; i++) {
      if (this.#count === 0) {
        const start = i;
        i = decodeGroups(chunk, i, out, o);
        o += ((i - start) / 4) * 3;
        if (i >= chunk.length) break;
      }
      const letter = bits[768 + chunk[i]!]!;
      if (letter === JUNK) continue;
      if (letter === PADDING) for (const octet of this.finish()) out[o++] = octet;
      else {
        this.#bits = (this.#bits << 6) | letter;
        this.#count += 1;
        if (this.#count === 4) {
          out[o++] = this.#bits >> 16;
          out[o++] = this.#bits >> 8;
          out[o++] = this.#bits;
          this.#count = 0;
          this.#bits = 0;
        }
      }
    }
    return out.subarray(0, o);
  }

  /** Returns the last octets if the input ended without padding; call it once. */
  finish(): Uint8Array {
    const group = this.#bits << (24 - this.#count * 6);
    const octets = Uint8Array.of(group >> 16, group >> 8).subarray(0, Math.max(this.#count - 1, 0));
    this.#bits = 0;
    this.#count = 0;
    return octets;
  }
}

/** Decodes groups of four letters; returns the offset of the first four octets that are not such a group. */
function decodeGroups(chunk: Uint8Array, start: number, out: Uint8Array, offset: number): number {
  const last = chunk.length - 4;
  let i = start;
  let o = offset;
  for (; i <= last; i += 4) {
    const group =
      bits[chunk[i]!]! | bits[256 + chunk[i + 1]!]! | bits[512 + chunk[i + 2]!]! | bits[768 + chunk[i + 3]!]!;
    if (group < 0) break;
    out[o] = group >> 16;
    out[o + 1] = group >> 8;
    out[o + 2] = group;
    o += 3;
  }
  return i;
}

/**
 * Decodes base64. Characters outside the alphabet are skipped (RFC 2045 §6.8), and missing padding is accepted.
 *
 * @param input  The encoded text, or its octets.
 * @returns The decoded octets.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string or octets.
 * @example decodeBase64('aGk=') // Uint8Array [104, 105]
 */
export function decodeBase64(input: string | Uint8Array): Uint8Array {
  const decoder = new Base64Decoder();
  const body = decoder.push(typeof input === 'string' ? latin1Octets(input) : input);
  const end = decoder.finish();
  return end.length === 0 ? body : concatOctets([body, end]);
}

/** Returns one octet per code unit; a unit over 255 becomes `?`, which is not in the alphabet. */
function latin1Octets(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    out[i] = unit > 0xff ? 63 : unit;
  }
  return out;
}
