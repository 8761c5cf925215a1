import { checkOctets, checkOptions, type OptionTable, word } from '../argument.ts';
import { pooledCopy } from '../memory.ts';
import { concatOctets, decodeAscii, encodeUtf8 } from '../utf8.ts';
import {
  CR,
  type EncoderState,
  EQUALS,
  encodeBlocks,
  hexDigit,
  isBlank,
  LF,
  type QuotedPrintableMode,
  SPACE,
  startOf,
} from './fast/quoted-printable-block.ts';

export type { QuotedPrintableMode };

/**
 * Encodes a stream in quoted-printable (RFC 2045 §6.7); the output does not depend on how the input is cut.
 *
 * @example
 * const encoder = new QuotedPrintableEncoder('text')
 * sink.write(encoder.push(chunk))
 * sink.write(encoder.finish())
 */
export class QuotedPrintableEncoder {
  readonly #state: EncoderState;

  constructor(mode: QuotedPrintableMode) {
    quotedPrintableOptions.mode(mode, 'QuotedPrintableEncoder: mode');
    this.#state = startOf(mode);
  }

  /** Takes more octets and returns the encoded octets that are certain. */
  push(chunk: Uint8Array): Uint8Array {
    checkOctets(chunk, 'push: chunk');
    return encodeOctets(this.#state, chunk, false);
  }

  /** Returns what the end of the content settles, after an optional last chunk; call it once. */
  finish(chunk: Uint8Array = new Uint8Array(0)): Uint8Array {
    checkOctets(chunk, 'finish: chunk');
    return encodeOctets(this.#state, chunk, true);
  }
}

function encodeOctets(
  state: EncoderState,
  input: string | Uint8Array,
  final: boolean,
  copy: (piece: Uint8Array) => Uint8Array = (piece) => piece.slice(),
): Uint8Array {
  const pieces: Uint8Array[] = [];
  encodeBlocks(state, input, final, (piece) => pieces.push(copy(piece)));
  return concatOctets(pieces);
}

/** Encodes a text for a message that is being composed, with CRLF for every line break, into a pool of the runtime. */
export function quoteText(octets: Uint8Array): Uint8Array {
  return encodeOctets(startOf('text'), octets, true, pooledCopy);
}

/** How {@link encodeQuotedPrintable} and {@link encodeQuotedPrintableOctets} write. */
export interface QuotedPrintableOptions {
  /**
   * `text` writes CR, LF and CRLF as CRLF line breaks (the default for a string); `binary` writes them as `=0D` and
   * `=0A`, so that octets come back exactly (the default for octets).
   */
  readonly mode?: QuotedPrintableMode | undefined;
}

/** What {@link QuotedPrintableOptions} accept. */
export const quotedPrintableOptions = {
  mode: /* @__PURE__ */ word('text', 'binary'),
} satisfies OptionTable<QuotedPrintableOptions>;

function startOfCall(
  input: string | Uint8Array,
  options: QuotedPrintableOptions,
  where: string,
): EncoderState {
  if (typeof input !== 'string') checkOctets(input, `${where}: input`);
  checkOptions(options, quotedPrintableOptions, `${where}: options`);
  return startOf(options.mode, input);
}

/**
 * Encodes a text or octets in quoted-printable (RFC 2045 §6.7).
 *
 * @param input  A text (written as UTF-8; a lone surrogate becomes U+FFFD) or octets.
 * @param options  How line breaks are taken.
 * @returns Lines of at most 76 characters.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string or octets, and for another mode.
 * @example encodeQuotedPrintable('café') // 'caf=C3=A9'
 */
export function encodeQuotedPrintable(
  input: string | Uint8Array,
  options: QuotedPrintableOptions = {},
): string {
  let encoded = '';
  encodeBlocks(startOfCall(input, options, 'encodeQuotedPrintable'), input, true, (piece) => {
    encoded += decodeAscii(piece);
  });
  return encoded;
}

/**
 * {@link encodeQuotedPrintable} as octets, for a message or a socket: there is no string in between.
 *
 * @param input  A text (written as UTF-8; a lone surrogate becomes U+FFFD) or octets.
 * @param options  How line breaks are taken.
 * @returns Lines of at most 76 octets.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string or octets, and for another mode.
 * @example encodeQuotedPrintableOctets('é') // Uint8Array [61, 67, 51, 61, 65, 57]: '=C3=A9'
 */
export function encodeQuotedPrintableOctets(
  input: string | Uint8Array,
  options: QuotedPrintableOptions = {},
): Uint8Array {
  return encodeOctets(startOfCall(input, options, 'encodeQuotedPrintableOctets'), input, true);
}

const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/** The value of each hexadecimal digit in either case, 256 for other octets. */
const digits = /* @__PURE__ */ buildDigits();

function buildDigits(): Uint16Array {
  const table = new Uint16Array(256).fill(256);
  for (let value = 0; value < 16; value++) {
    table[hexDigit(value)] = value;
    table[hexDigit(value) | 32] = value;
  }
  return table;
}

/** The octet that two hexadecimal digits mean; over 255 for anything else. */
export function hexPair(octets: Uint8Array, at: number): number {
  return (digits[octets[at] ?? 0]! << 4) | digits[octets[at + 1] ?? 0]!;
}

/** White space that may end a line is held back up to this length; a longer run is content. */
const MAX_HELD = 1000;

/** Copies content as it is, blanks with a literal after them included; returns where that ends. */
function copyContent(chunk: Uint8Array, start: number, out: Uint8Array, offset: number): number {
  const end = chunk.length;
  let i = start;
  let o = offset;
  for (; i < end; i++) {
    const octet = chunk[i]!;
    if (octet === EQUALS) break;
    if (isBlank(octet) && (i + 1 === end || chunk[i + 1]! <= SPACE)) break;
    out[o++] = octet;
  }
  return i;
}

/**
 * Decodes a stream of quoted-printable; it never throws.
 *
 * It accepts lower-case digits, bare LF line breaks and white space after a soft break, drops white space at line
 * ends (RFC 2045 §6.7 rule 3), and leaves a `=` that starts no valid sequence as it is.
 */
export class QuotedPrintableDecoder {
  /** The start of a sequence, or blanks, whose meaning depends on what follows. */
  #held = EMPTY;

  /** Takes more encoded octets and returns the content they complete. */
  push(chunk: Uint8Array): Uint8Array {
    checkOctets(chunk, 'push: chunk');
    const input = this.#held.length === 0 ? chunk : concatOctets([this.#held, chunk]);
    const out = new Uint8Array(input.length);
    const end = input.length;
    this.#held = EMPTY;
    let o = 0;
    let i = 0;
    while (i < end) {
      const start = i;
      i = copyContent(input, i, out, o);
      o += i - start;
      while (input[i] === EQUALS) {
        const octet = hexPair(input, i + 1);
        if (octet > 255) break;
        out[o++] = octet;
        i += 3;
      }
      if (i > start) continue;
      // A `=` or blanks: the line may end here.
      const soft = input[i] === EQUALS ? 1 : 0;
      let next = i + soft;
      while (next < end && next - i < MAX_HELD && isBlank(input[next]!)) next += 1;
      const isCr = input[next] === CR;
      const digit = soft === 1 && next === i + 1 && digits[input[next] ?? 0]! < 16;
      if (next === end || (next + 1 === end && (digit || (isCr && soft === 1)))) {
        this.#held = input.slice(i);
        break;
      }
      if (isCr || input[next] === LF) i = next + soft + Number(soft === 1 && isCr && input[next + 1] === LF);
      else for (next = Math.max(next, i + 1); i < next; i++) out[o++] = input[i]!;
    }
    return out.subarray(0, o);
  }

  /** Returns what the end settles; call it once. White space and a lone `=` at the end are dropped. */
  finish(): Uint8Array {
    const held = this.#held;
    this.#held = EMPTY;
    // `=A` is no sequence, so it is content.
    return digits[held[1] ?? 0]! < 16 ? held : EMPTY;
  }
}

/**
 * Decodes quoted-printable (RFC 2045 §6.7), whatever the text is.
 *
 * @param input  The encoded text (ASCII; other characters are taken as UTF-8) or its octets.
 * @returns The content; sequences that are not valid stay as they are.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string or octets.
 * @example new TextDecoder().decode(decodeQuotedPrintable('caf=C3=A9')) // 'café'
 */
export function decodeQuotedPrintable(input: string | Uint8Array): Uint8Array {
  const decoder = new QuotedPrintableDecoder();
  const body = decoder.push(typeof input === 'string' ? encodeUtf8(input) : input);
  const end = decoder.finish();
  return end.length === 0 ? body : concatOctets([body, end]);
}
