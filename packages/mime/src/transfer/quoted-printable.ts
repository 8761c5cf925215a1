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
    this.#state = startOf(mode);
  }

  /** Takes more octets and returns the encoded octets that are certain. */
  push(chunk: Uint8Array): Uint8Array {
    return encodeOctets(this.#state, chunk, false);
  }

  /** Returns what the end of the content settles, after an optional last chunk; call it once. */
  finish(chunk: Uint8Array = new Uint8Array(0)): Uint8Array {
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
  readonly mode?: QuotedPrintableMode;
}

/**
 * Encodes a text or octets in quoted-printable (RFC 2045 §6.7).
 *
 * @param input  A text (written as UTF-8; a lone surrogate becomes U+FFFD) or octets.
 * @param options  How line breaks are taken.
 * @returns Lines of at most 76 characters.
 * @example encodeQuotedPrintable('café') // 'caf=C3=A9'
 */
export function encodeQuotedPrintable(input: string | Uint8Array, options?: QuotedPrintableOptions): string {
  let encoded = '';
  encodeBlocks(startOf(options?.mode, input), input, true, (piece) => {
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
 * @example encodeQuotedPrintableOctets('é') // Uint8Array [61, 67, 51, 61, 65, 57]: '=C3=A9'
 */
export function encodeQuotedPrintableOctets(
  input: string | Uint8Array,
  options?: QuotedPrintableOptions,
): Uint8Array {
  return encodeOctets(startOf(options?.mode, input), input, true);
}

/** The value of each hexadecimal digit in either case, 255 for other octets. */
const digits = /* @__PURE__ */ buildDigits();

function buildDigits(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let value = 0; value < 16; value++) {
    table[hexDigit(value)] = value;
    table[hexDigit(value) | 32] = value;
  }
  return table;
}

/** White space that may end a line is held back up to this length; a longer run is content. */
const MAX_HELD = 1000;

/** Copies content as it is, blanks with a literal behind them included; returns where that ends. */
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

/** Decodes `=XX` sequences, one after the other; returns where another octet stands. */
function decodeEscapes(chunk: Uint8Array, start: number, out: Uint8Array, offset: number): number {
  let i = start;
  let o = offset;
  while (i + 2 < chunk.length && chunk[i] === EQUALS) {
    const high = digits[chunk[i + 1]!]!;
    const low = digits[chunk[i + 2]!]!;
    if ((high | low) > 15) break;
    out[o++] = (high << 4) | low;
    i += 3;
  }
  return i;
}

/** Where the decoder stands: in content, in blanks that may end a line, or inside a sequence that `=` began. */
type DecoderState = 'content' | 'blanks' | 'equals' | 'digit' | 'soft-blanks' | 'soft-cr';

/**
 * Decodes a stream of quoted-printable; it never throws.
 *
 * It accepts lower-case digits, bare LF line breaks and white space after a soft break, drops white space at line
 * ends (RFC 2045 §6.7 rule 3), and leaves a `=` that starts no valid sequence as it is.
 */
export class QuotedPrintableDecoder {
  #state: DecoderState = 'content';
  /** The octets read since the state left `content`; they are content after all when the sequence breaks off. */
  #held: number[] = [];

  /** Takes more encoded octets and returns the content they complete. */
  push(chunk: Uint8Array): Uint8Array {
    const out = new Uint8Array(this.#held.length + chunk.length);
    const end = chunk.length;
    let o = 0;
    let i = 0;
    while (i < end) {
      if (this.#state === 'content') {
        const start = i;
        i = copyContent(chunk, i, out, o);
        o += i - start;
        const escapesFrom = i;
        i = decodeEscapes(chunk, i, out, o);
        o += (i - escapesFrom) / 3;
        if (i === start) {
          // Neither: what is here depends on what follows.
          const octet = chunk[i++]!;
          this.#hold(octet === EQUALS ? 'equals' : 'blanks', octet);
        }
        continue;
      }
      const octet = chunk[i]!;
      if (this.#step(octet)) {
        i += 1;
        if (this.#decoded >= 0) out[o++] = this.#takeDecoded();
      } else o = this.#release(out, o); // and look at the octet again, as content
    }
    return out.subarray(0, o);
  }

  /** Returns what the end settles; call it once. White space and a lone `=` at the end are dropped. */
  finish(): Uint8Array {
    const held = this.#state === 'digit' ? Uint8Array.from(this.#held) : new Uint8Array(0);
    this.#held = [];
    this.#state = 'content';
    return held;
  }

  #decoded = -1;

  #takeDecoded(): number {
    const octet = this.#decoded;
    this.#decoded = -1;
    return octet;
  }

  #hold(state: DecoderState, octet: number): void {
    this.#state = state;
    this.#held.push(octet);
  }

  #release(out: Uint8Array, o: number): number {
    out.set(this.#held, o);
    const end = o + this.#held.length;
    this.#drop();
    return end;
  }

  #drop(): void {
    this.#held = [];
    this.#state = 'content';
  }

  /** Takes an octet outside content; false when it does not continue the sequence. */
  #step(octet: number): boolean {
    const blank = isBlank(octet);
    if (this.#held.length > MAX_HELD) return false;
    switch (this.#state) {
      case 'blanks':
        if (blank) this.#held.push(octet);
        else if (octet === CR || octet === LF) {
          this.#drop(); // the blanks end a line
          this.#decoded = octet;
        } else return false;
        return true;
      case 'equals':
        if (digits[octet]! < 16) this.#hold('digit', octet);
        else if (blank) this.#hold('soft-blanks', octet);
        else if (octet === CR) this.#hold('soft-cr', octet);
        else if (octet === LF) this.#drop();
        else return false;
        return true;
      case 'digit':
        if (digits[octet]! > 15) return false;
        this.#decoded = (digits[this.#held[1]!]! << 4) | digits[octet]!;
        this.#drop();
        return true;
      case 'soft-blanks':
        if (blank) this.#held.push(octet);
        else if (octet === CR) this.#hold('soft-cr', octet);
        else if (octet === LF) this.#drop();
        else return false;
        return true;
      default: // soft-cr: the line is broken with or without its LF
        this.#drop();
        if (octet === LF) return true;
        return false;
    }
  }
}

/**
 * Decodes quoted-printable and never throws (RFC 2045 §6.7).
 *
 * @param input  The encoded text (ASCII; other characters are taken as UTF-8) or its octets.
 * @returns The content; sequences that are not valid stay as they are.
 * @example new TextDecoder().decode(decodeQuotedPrintable('caf=C3=A9')) // 'café'
 */
export function decodeQuotedPrintable(input: string | Uint8Array): Uint8Array {
  const decoder = new QuotedPrintableDecoder();
  const body = decoder.push(typeof input === 'string' ? encodeUtf8(input) : input);
  const end = decoder.finish();
  return end.length === 0 ? body : concatOctets([body, end]);
}
