import type { Canonicalization } from './canonicalization.ts';
import { blockBytes, canonicalUpTo, loadBlock } from './fast/scan.ts';

/** How to treat a CR without LF: as a line end, as senders convert it, or as an ordinary octet. */
export type BareCr = 'line-end' | 'octet';

/** Receives the octets `from … to` of `chunk`, which is valid only during the call. */
export type OctetSink = (chunk: Uint8Array, from: number, to: number) => void;

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;

/** Number of octets of a run to read one by one before scanning the rest. */
const scanAfterBytes = 64;

const spaceOctet = Uint8Array.of(space);
const crOctet = Uint8Array.of(cr);
const lineEndBlock = new Uint8Array(2048).fill(lf).map((octet, index) => (index % 2 === 0 ? cr : octet));

/**
 * Canonicalises a body that arrives in chunks, in constant memory and one pass.
 *
 * It treats the body as content octets with gaps between them; a gap is line ends and (relaxed) white space. A gap is stored
 * as the number of line ends and whether white space follows the last one, so that a long gap at the end needs no memory.
 * Content and gaps that are already canonical go to the sink together, as one run of the input without a copy.
 *
 * RFC 6376 §3.4.3 (simple) and §3.4.4 (relaxed). A bare LF is always a line end, a bare CR depends on `bareCr`.
 */
export class BodyCanonicalizer {
  readonly #relaxed: boolean;
  readonly #bareCrEndsLine: boolean;
  readonly #sink: OctetSink;
  #hasContent = false;
  /** Number of line ends since the last content octet. */
  #lineEnds = 0;
  /** Whether there was white space since the last content octet or line end (relaxed only). */
  #whiteSpace = false;
  /** Whether the last octet was a CR; the next octet decides whether it belongs to a CRLF. */
  #afterCr = false;

  constructor(algorithm: Canonicalization, bareCr: BareCr, sink: OctetSink) {
    this.#relaxed = algorithm === 'relaxed';
    this.#bareCrEndsLine = bareCr === 'line-end';
    this.#sink = sink;
  }

  write(chunk: Uint8Array): void {
    if (chunk.length <= blockBytes) {
      this.#writeBlock(chunk);
      return;
    }
    for (let from = 0; from < chunk.length; from += blockBytes) {
      this.#writeBlock(chunk.subarray(from, from + blockBytes));
    }
  }

  #writeBlock(block: Uint8Array): void {
    if (block.length > scanAfterBytes) loadBlock(block);
    let at = 0;
    for (;;) {
      at = this.#readGap(block, at);
      if (at === block.length) return;
      this.#flushGap();
      const end = this.#runEnd(block, at);
      this.#sink(block, at, end);
      at = end;
    }
  }

  /**
   * Returns an offset up to which the octets from the content octet `at` are canonical; the last of them is content
   * too.
   */
  #runEnd(block: Uint8Array, at: number): number {
    const runEnd = this.#relaxed ? relaxedRunEnd : simpleRunEnd;
    // In a body with many changes the runs are short, and a call of the scan costs more than it saves.
    const near = Math.min(at + scanAfterBytes, block.length);
    const end = runEnd(block, at, near);
    if (end < near || end === block.length) return end;
    let from = canonicalUpTo(end, block.length, this.#relaxed ? 'relaxed' : 'simple');
    // Go back to the last content octet: a gap at the end may continue in the next block.
    while (from > end && (this.#relaxed ? isGap(block[from - 1]!) : isLineEnd(block[from - 1]!))) from--;
    return runEnd(block, from, block.length);
  }

  end(): void {
    if (this.#afterCr) this.#resolveBareCr();
    // RFC 6376 §3.4.3, §3.4.4: empty lines at the end are removed, a missing last CRLF is added;
    // an empty body becomes one CRLF in simple and nothing in relaxed.
    if (this.#hasContent || !this.#relaxed) this.#sink(lineEndBlock, 0, 2);
  }

  /** Reads line ends and white space from `at`; returns the index of the next content octet. */
  #readGap(chunk: Uint8Array, at: number): number {
    for (; at < chunk.length; at++) {
      const octet = chunk[at];
      if (this.#afterCr) {
        if (octet === lf) {
          this.#afterCr = false;
          this.#endLine();
          continue;
        }
        this.#resolveBareCr();
      }
      if (octet === cr) this.#afterCr = true;
      else if (octet === lf) this.#endLine();
      else if (this.#relaxed && (octet === space || octet === tab)) this.#whiteSpace = true;
      else return at;
    }
    return at;
  }

  #endLine(): void {
    this.#lineEnds++;
    this.#whiteSpace = false;
  }

  #resolveBareCr(): void {
    this.#afterCr = false;
    if (this.#bareCrEndsLine) {
      this.#endLine();
    } else {
      this.#flushGap();
      this.#sink(crOctet, 0, 1);
    }
  }

  #flushGap(): void {
    for (let left = this.#lineEnds * 2; left > 0; left -= lineEndBlock.length) {
      this.#sink(lineEndBlock, 0, Math.min(left, lineEndBlock.length));
    }
    if (this.#whiteSpace) this.#sink(spaceOctet, 0, 1);
    this.#lineEnds = 0;
    this.#whiteSpace = false;
    this.#hasContent = true;
  }
}

/** Returns where the octets from `at` to `length` stop being relaxed-canonical; `at` is at or right after content. */
function relaxedRunEnd(chunk: Uint8Array, at: number, length: number): number {
  while (at < length) {
    const octet = chunk[at]!;
    if (octet > space) {
      at++;
    } else if (octet === space) {
      if (at + 1 >= length || isGap(chunk[at + 1]!)) return at;
      at += 2;
    } else if (octet === cr) {
      const next = afterLineEnds(chunk, at);
      if (next >= length || next === at || isGap(chunk[next]!)) return at;
      at = next + 1;
    } else if (octet === lf || octet === tab) {
      return at;
    } else {
      at++;
    }
  }
  return length;
}

/** Like {@link relaxedRunEnd} for simple, in which white space is content. */
function simpleRunEnd(chunk: Uint8Array, at: number, length: number): number {
  while (at < length) {
    const octet = chunk[at]!;
    if (octet > cr) {
      at++;
    } else if (octet === cr) {
      const next = afterLineEnds(chunk, at);
      if (next >= length || next === at || isLineEnd(chunk[next]!)) return at;
      at = next + 1;
    } else if (octet === lf) {
      return at;
    } else {
      at++;
    }
  }
  return length;
}

function isGap(octet: number): boolean {
  return octet === space || octet === cr || octet === lf || octet === tab;
}

function isLineEnd(octet: number): boolean {
  return octet === cr || octet === lf;
}

/** Returns the end of the CRLF pairs that start at `at`. */
function afterLineEnds(chunk: Uint8Array, at: number): number {
  while (chunk[at] === cr && chunk[at + 1] === lf) at += 2;
  return at;
}
