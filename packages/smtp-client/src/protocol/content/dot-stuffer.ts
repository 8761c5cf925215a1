import { type Findings, mostDots } from '../fast/word-scan.ts';
import { findIn } from './content-scan.ts';

const CR = 13;
const LF = 10;
const DOT = 46;
/** Minimum length of a piece that is scanned; shorter ones are written octet by octet. */
const worthScanning = 64;

/** The number of octets read, and of octets written. */
interface Progress {
  readonly read: number;
  readonly written: number;
}

/**
 * Converts line ends to CRLF and stuffs dots, chunk by chunk.
 *
 * Every CR, LF or CRLF leaves as CRLF (RFC 5321 §2.3.8) and, when `stuffing`, a line that begins with a dot gets
 * another one (RFC 5321 §4.5.2). The boundaries of chunks make no difference. Since no lone CR or LF is written, no reader
 * can find an end of data within the content.
 *
 * @example
 * const stuffer = new DotStuffer(true);
 * const { read, written } = stuffer.write(source, 0, target, 0);
 */
export class DotStuffer {
  readonly #stuffing: boolean;
  #afterCr = false;
  #lineStart = true;
  /** The OR of all octets so far; over 127 if one had its high bit set. */
  bits = 0;

  constructor(stuffing: boolean) {
    this.#stuffing = stuffing;
  }

  /** Writes as much of `source` from `from` as fits into `target` from `at`. An octet becomes at most three. */
  write(source: Uint8Array, from: number, target: Uint8Array, at: number): Progress {
    const piece = source.subarray(from, from + Math.max(0, target.length - at));
    if (piece.length >= worthScanning) {
      const findings = findIn(piece);
      if (findings.lacking === 0 && findings.dots.length <= mostDots)
        return this.#copy(piece, findings, target, at);
    }
    return this.#writeEach(source, from, target, at);
  }

  /** Copies a piece whose line ends are all CRLF, from dot to dot. */
  #copy(piece: Uint8Array, { dots, eightBit }: Findings, target: Uint8Array, at: number): Progress {
    const stuffed = this.#stuffing ? dots : [];
    let read = 0;
    let out = at;
    for (const dot of [...stuffed, piece.length]) {
      const count = Math.min(dot - read, target.length - out);
      target.set(piece.subarray(read, read + count), out);
      read += count;
      out += count;
      if (read < dot || dot === piece.length || target.length - out < 2) break;
      if (dot > 0 || this.#lineStart) target[out++] = DOT;
    }
    // Do not split a line end.
    if (piece[read - 1] === CR) {
      read -= 1;
      out -= 1;
    }
    this.#afterCr = false;
    this.#lineStart = piece[read - 1] === LF;
    if (eightBit) this.bits |= 128;
    return { read, written: out - at };
  }

  #writeEach(source: Uint8Array, from: number, target: Uint8Array, at: number): Progress {
    const last = target.length - 3;
    const stuffing = this.#stuffing;
    let afterCr = this.#afterCr;
    let lineStart = this.#lineStart;
    let bits = this.bits;
    let read = from;
    let out = at;
    while (read < source.length && out <= last) {
      const octet = source[read++]!;
      bits |= octet;
      if (octet > CR || (octet !== CR && octet !== LF)) {
        if (lineStart && octet === DOT && stuffing) target[out++] = DOT;
        target[out++] = octet;
        afterCr = false;
        lineStart = false;
      } else if (octet === LF && afterCr) {
        afterCr = false;
      } else {
        target[out++] = CR;
        target[out++] = LF;
        afterCr = octet === CR;
        lineStart = true;
      }
    }
    this.#afterCr = afterCr;
    this.#lineStart = lineStart;
    this.bits = bits;
    return { read: read - from, written: out - at };
  }

  /** Whether the last line still lacks its CRLF. */
  get openLine(): boolean {
    return !this.#lineStart;
  }
}

/** Returns `chunk` with CRLF line ends, without stuffed dots. */
export function convertText(stuffer: DotStuffer, chunk: Uint8Array): Uint8Array {
  const target = new Uint8Array(chunk.length * 2 + 3);
  const { written } = stuffer.write(chunk, 0, target, 0);
  return target.subarray(0, written);
}
