import { concatOctets, decodeAscii, encodeUtf8 } from '../utf8.ts';

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const EQUALS = 61;
/** RFC 2045 §6.7 rule 5: 76 characters with the `=` of the soft line break. */
const LINE_ROOM = 75;

/** The character code of a hexadecimal digit, upper-case (RFC 2045 §6.7 rule 1). */
const hexDigit = (value: number): number => value + (value > 9 ? 55 : 48);

const LITERAL = 0;
const BLANK = 1;
const BREAK = 2;
const ESCAPED = 3;

/** What each octet is to the encoder: literal, blank, part of a line break, or to be written `=XX`. */
const kinds = /* @__PURE__ */ buildKinds();

function buildKinds(): Uint8Array {
  const table = new Uint8Array(256).fill(ESCAPED);
  for (let octet = 33; octet <= 126; octet++) table[octet] = LITERAL;
  table[EQUALS] = ESCAPED;
  table[SPACE] = BLANK;
  table[TAB] = BLANK;
  table[CR] = BREAK;
  table[LF] = BREAK;
  return table;
}

/** How an encoder takes line breaks: `text` writes CR, LF and CRLF as CRLF, `binary` writes them as `=0D` and `=0A`. */
export type QuotedPrintableMode = 'text' | 'binary';

/**
 * Encodes a stream in quoted-printable (RFC 2045 §6.7); the output does not depend on how the input is cut.
 *
 * @example
 * const encoder = new QuotedPrintableEncoder('text')
 * sink.write(encoder.push(chunk))
 * sink.write(encoder.finish())
 */
export class QuotedPrintableEncoder {
  readonly #binary: boolean;
  #column = 0;
  /** A blank, a CR or both at the end of the last chunk, whose writing depends on what follows. */
  #held: Uint8Array = new Uint8Array(0);

  constructor(mode: QuotedPrintableMode) {
    this.#binary = mode === 'binary';
  }

  /** Takes more octets and returns the encoded octets that are certain. */
  push(chunk: Uint8Array): Uint8Array {
    const input = this.#withHeld(chunk);
    let end = input.length;
    if (!this.#binary && input[end - 1] === CR) end -= 1;
    if (input[end - 1] === SPACE || input[end - 1] === TAB) end -= 1;
    this.#held = input.slice(end);
    return this.#encode(input.subarray(0, end), false);
  }

  /** Returns what the end of the content settles, after an optional last chunk; call it once. */
  finish(chunk: Uint8Array = new Uint8Array(0)): Uint8Array {
    return this.#encode(this.#withHeld(chunk), true);
  }

  #withHeld(chunk: Uint8Array): Uint8Array {
    if (this.#held.length === 0) return chunk;
    const input = new Uint8Array(this.#held.length + chunk.length);
    input.set(this.#held);
    input.set(chunk, this.#held.length);
    this.#held = new Uint8Array(0);
    return input;
  }

  #encode(input: Uint8Array, final: boolean): Uint8Array {
    const end = input.length;
    // Three characters an octet, three for a soft break after each 72 of them, and room for the widest stores.
    const out = new Uint8Array(end * 3 + Math.ceil(end / 24) * 3 + 8);
    const sink = new DataView(out.buffer);
    let column = this.#column;
    let o = 0;
    let i = 0;
    for (;;) {
      // Literals and blanks, as many as the line still takes.
      const start = i;
      i = copyLiterals(input, i, Math.min(end, i + LINE_ROOM - column), sink, o);
      o += i - start;
      column += i - start;
      if (i === end) break;
      const octet = input[i]!;
      const kind = kinds[octet]!;
      if (kind === BREAK && !this.#binary) {
        o = closeLine(out, sink, o, column);
        sink.setInt16(o, 0x0a0d, true);
        o += 2;
        column = 0;
        i += octet === CR && input[i + 1] === LF ? 2 : 1;
        continue;
      }
      if (column + (kind > BLANK ? 3 : 1) > LINE_ROOM) {
        o = writeSoftBreak(sink, o);
        column = 0;
      }
      if (kind <= BLANK) continue;
      // Escaped octets come in runs, as many as the line takes.
      const escapedFrom = i;
      i = escapeRun(input, i, Math.min(end, i + Math.floor((LINE_ROOM - column) / 3)), sink, o);
      o += (i - escapedFrom) * 3;
      column += (i - escapedFrom) * 3;
    }
    if (final) o = closeLine(out, sink, o, column);
    this.#column = column;
    return out.subarray(0, o);
  }
}

/** `=XX` for each octet, the `=` in the low octet, so that one 32-bit store writes all three. */
const escapes = /* @__PURE__ */ buildEscapes();

function buildEscapes(): Int32Array {
  return Int32Array.from(
    { length: 256 },
    (_, octet) => EQUALS | (hexDigit(octet >> 4) << 8) | (hexDigit(octet & 15) << 16),
  );
}

/** Copies literals and blanks up to `stop` and returns where the first other octet stands. */
function copyLiterals(
  input: Uint8Array,
  start: number,
  stop: number,
  sink: DataView,
  offset: number,
): number {
  let i = start;
  let o = offset;
  while (i + 4 <= stop) {
    const a = input[i]!;
    const b = input[i + 1]!;
    const c = input[i + 2]!;
    const d = input[i + 3]!;
    if ((kinds[a]! | kinds[b]! | kinds[c]! | kinds[d]!) > BLANK) break;
    sink.setInt32(o, a | (b << 8) | (c << 16) | (d << 24), true);
    o += 4;
    i += 4;
  }
  while (i < stop) {
    const octet = input[i]!;
    if (kinds[octet]! > BLANK) break;
    sink.setUint8(o++, octet);
    i += 1;
  }
  return i;
}

/** Writes the octet at `start` and those behind it that are escaped too, up to `stop`; returns where it ended. */
function escapeRun(input: Uint8Array, start: number, stop: number, sink: DataView, offset: number): number {
  let i = start;
  let o = offset;
  do {
    sink.setInt32(o, escapes[input[i]!]!, true); // four octets; the next store takes the last one back
    o += 3;
    i += 1;
  } while (i < stop && kinds[input[i]!] === ESCAPED);
  return i;
}

/** `=`, CR and LF, and one octet that the next store takes back. */
function writeSoftBreak(sink: DataView, o: number): number {
  sink.setInt32(o, 0x0a0d3d, true);
  return o + 3;
}

/** RFC 2045 §6.7 rule 3: a blank at the end of a line is encoded, since transports strip it. */
function closeLine(out: Uint8Array, sink: DataView, o: number, column: number): number {
  const last = column > 0 && o > 0 ? out[o - 1]! : 0;
  if (last !== SPACE && last !== TAB) return o;
  const start = column + 2 > LINE_ROOM ? writeSoftBreak(sink, o - 1) : o - 1;
  sink.setInt32(start, escapes[last]!, true);
  return start + 3;
}

/** Encodes octets at once; what compose uses. */
export function encodeQuotedPrintableOctets(input: Uint8Array, mode: QuotedPrintableMode): Uint8Array {
  return new QuotedPrintableEncoder(mode).finish(input);
}

/**
 * Encodes a text or octets in quoted-printable (RFC 2045 §6.7).
 *
 * @param input  A text (written as UTF-8; a lone surrogate becomes U+FFFD) or octets.
 * @param options.mode  `text` writes CR, LF and CRLF as CRLF line breaks (the default for a string); `binary`
 *   writes them as `=0D` and `=0A`, so that octets come back exactly (the default for octets).
 * @returns Lines of at most 76 characters.
 * @example encodeQuotedPrintable('café') // 'caf=C3=A9'
 */
export function encodeQuotedPrintable(
  input: string | Uint8Array,
  options?: { readonly mode?: QuotedPrintableMode },
): string {
  const text = typeof input === 'string';
  const mode = options?.mode ?? (text ? 'text' : 'binary');
  return decodeAscii(encodeQuotedPrintableOctets(text ? encodeUtf8(input) : input, mode));
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
    if ((octet === SPACE || octet === TAB) && (i + 1 === end || kinds[chunk[i + 1]!] !== LITERAL)) break;
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
    const blank = octet === SPACE || octet === TAB;
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
