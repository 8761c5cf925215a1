import type { Canonicalization } from './canonicalization.ts';
import { blockBytes, canonicalUpTo, loadBlock } from './fast/scan.ts';

/** What a CR without LF is: the end of a line (what a sender makes of it), or an octet like any other. */
export type BareCr = 'line-end' | 'octet';

/** Takes the octets `from … to` of `chunk`, which is only valid during the call. */
export type OctetSink = (chunk: Uint8Array, from: number, to: number) => void;

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;

/** Number of octets of a run that are read one by one before the rest is scanned. */
const scanAfterBytes = 64;

const spaceOctet = Uint8Array.of(space);
const crOctet = Uint8Array.of(cr);
const lineEndBlock = new Uint8Array(2048).fill(lf).map((octet, index) => (index % 2 === 0 ? cr : octet));

/** Canonicalises a body that arrives in chunks, in constant memory and in one pass.
 *
 *  The body is seen as content octets with gaps between them; a gap is line ends and (relaxed) white space.
 *  A gap is kept as two facts, the number of line ends and whether white space follows the last one, so that
 *  a gap at the end of the body costs nothing however long it is. Content and gaps that are canonical
 *  already are handed on together as one run of the input, without a copy.
 *
 *  RFC 6376 §3.4.3 (simple) and §3.4.4 (relaxed). A bare LF is a line end always, a bare CR as asked.
 */
export class BodyCanonicalizer {
  readonly #relaxed: boolean;
  readonly #bareCrEndsLine: boolean;
  readonly #sink: OctetSink;
  #hasContent = false;
  /** Line ends since the last content octet. */
  #lineEnds = 0;
  /** White space since the last content octet or line end (relaxed only). */
  #whiteSpace = false;
  /** The octet before was a CR; whether it is half of a CRLF, the next octet tells. */
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

  /** A place up to which the octets from `at`, which is content, are canonical already; the last of them is content too. */
  #runEnd(block: Uint8Array, at: number): number {
    const runEnd = this.#relaxed ? relaxedRunEnd : simpleRunEnd;
    // Where much has to change, runs are short, and a call of the scan costs more than it saves.
    const near = Math.min(at + scanAfterBytes, block.length);
    const end = runEnd(block, at, near);
    if (end < near || end === block.length) return end;
    let from = canonicalUpTo(end, block.length, this.#relaxed ? 'relaxed' : 'simple');
    // Back to after the last content octet: what is a gap there may go on beyond the block.
    while (from > end && (this.#relaxed ? isGap(block[from - 1]!) : isLineEnd(block[from - 1]!))) from--;
    return runEnd(block, from, block.length);
  }

  end(): void {
    if (this.#afterCr) this.#resolveBareCr();
    // RFC 6376 §3.4.3, §3.4.4: empty lines at the end go, a missing last CRLF is added;
    // an empty body is one CRLF in simple and nothing at all in relaxed.
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

/** Where the octets from `at` to `length` stop being relaxed-canonical already; `at` is on or right after content. */
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

/** The same for simple, where white space is content. */
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

/** Where the CRLF pairs that start at `at` end. */
function afterLineEnds(chunk: Uint8Array, at: number): number {
  while (chunk[at] === cr && chunk[at + 1] === lf) at += 2;
  return at;
}
