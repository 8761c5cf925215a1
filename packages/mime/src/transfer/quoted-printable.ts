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
 * Encodes a stream in quoted-printable (RFC 2045 §6.7). The output does not depend on how the input is cut into chunks.
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

  /** Encodes more octets and returns the output that does not depend on later input. */
  push(chunk: Uint8Array): Uint8Array {
    checkOctets(chunk, 'push: chunk');
    return encodeOctets(this.#state, chunk, false);
  }

  /** Encodes an optional last chunk and returns the rest of the output; call it once. */
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

/** Encodes UTF-8 text for a composed message, with CRLF line breaks; the result may share a pool of the runtime. */
export function quoteText(octets: Uint8Array): Uint8Array {
  return encodeOctets(startOf('text'), octets, true, pooledCopy);
}

/** Options of {@link encodeQuotedPrintable} and {@link encodeQuotedPrintableOctets}. */
export interface QuotedPrintableOptions {
  /**
   * `text`, the default for a string, writes CR, LF and CRLF as CRLF line breaks. `binary`, the default for octets,
   * writes CR and LF as `=0D` and `=0A`, so that decoding returns the same octets.
   */
  readonly mode?: QuotedPrintableMode | undefined;
}

/** The checks of {@link QuotedPrintableOptions}. */
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
 * @param options  How line breaks are encoded.
 * @returns Lines of at most 76 characters.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string or octets, and for an invalid mode.
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
 * As {@link encodeQuotedPrintable}, but returns octets, for a message or a socket, without creating a string.
 *
 * @param input  A text (written as UTF-8; a lone surrogate becomes U+FFFD) or octets.
 * @param options  How line breaks are encoded.
 * @returns Lines of at most 76 octets.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string or octets, and for an invalid mode.
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

/** Returns the value of two hexadecimal digits; over 255 for anything else. */
export function hexPair(octets: Uint8Array, at: number): number {
  return (digits[octets[at] ?? 0]! << 4) | digits[octets[at + 1] ?? 0]!;
}

/** Maximum length of white space that is held back as a possible line end; a longer run is content. */
const MAX_HELD = 1000;

/** Copies literal octets, and blanks that are followed by one; returns the offset after them. */
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
 * Decodes a stream of quoted-printable (RFC 2045 §6.7). Malformed input never throws.
 *
 * It accepts lower-case digits, bare LF line breaks and white space after a soft line break, removes white space at
 * line ends (rule 3), and keeps a `=` that does not start a valid sequence.
 */
export class QuotedPrintableDecoder {
  /** The start of a sequence, or blanks, whose meaning depends on the next octets. */
  #held = EMPTY;

  /** Decodes more octets and returns the content that they complete. */
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

  /** Returns the rest of the content; call it once. White space and a lone `=` at the end are removed. */
  finish(): Uint8Array {
    const held = this.#held;
    this.#held = EMPTY;
    // `=A` is not a valid sequence, so it is content.
    return digits[held[1] ?? 0]! < 16 ? held : EMPTY;
  }
}

/**
 * Decodes quoted-printable (RFC 2045 §6.7). Malformed input never throws.
 *
 * @param input  The encoded text (ASCII; other characters are taken as UTF-8) or its octets.
 * @returns The content; invalid sequences are kept.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string or octets.
 * @example new TextDecoder().decode(decodeQuotedPrintable('caf=C3=A9')) // 'café'
 */
export function decodeQuotedPrintable(input: string | Uint8Array): Uint8Array {
  const decoder = new QuotedPrintableDecoder();
  const body = decoder.push(typeof input === 'string' ? encodeUtf8(input) : input);
  const end = decoder.finish();
  return end.length === 0 ? body : concatOctets([body, end]);
}
