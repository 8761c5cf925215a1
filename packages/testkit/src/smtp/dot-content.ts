const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** Finds the end of data in content that comes in pieces. */
export class DotScanner {
  /** The last octets before the piece at hand: the CRLF of the DATA command counts as a line's end. */
  #tail = Buffer.from('\r\n');
  readonly #endings: readonly Buffer[];

  /** @param lenient  Also ends at `LF . LF` and `LF . CRLF`, as servers do that message smuggling works on. */
  constructor(lenient: boolean) {
    const endings = lenient ? ['\r\n.\r\n', '\n.\r\n', '\n.\n'] : ['\r\n.\r\n'];
    this.#endings = endings.map((ending) => Buffer.from(ending));
  }

  /** How many octets of `piece` belong to the content with its end; undefined when the end is not in it. */
  scan(piece: Buffer): number | undefined {
    const joined = Buffer.concat([this.#tail, piece]);
    let end: number | undefined;
    for (const ending of this.#endings) {
      const at = joined.indexOf(ending);
      if (at >= 0 && (end === undefined || at + ending.length < end)) end = at + ending.length;
    }
    if (end !== undefined) return end - this.#tail.length;
    this.#tail = joined.subarray(-4);
    return undefined;
  }
}

/** RFC 5321 §4.5.2: drops the end of data, and the first dot of a line that begins with one. */
export function unstuff(wire: Buffer, lenient: boolean): Buffer {
  const end = wire.lastIndexOf(DOT);
  const content = Buffer.allocUnsafe(end);
  let length = 0;
  let lineStart = true;
  for (let at = 0; at < end; at++) {
    const octet = wire[at]!;
    if (!(lineStart && octet === DOT)) content[length++] = octet;
    lineStart = octet === LF && (lenient || wire[at - 1] === CR);
  }
  return content.subarray(0, length);
}
