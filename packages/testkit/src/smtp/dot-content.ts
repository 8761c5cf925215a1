const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** Finds the end of data in content that arrives in pieces. */
export class DotScanner {
  /** The last octets before the current piece; at first the CRLF of the DATA command, which counts as a line end. */
  #tail = Buffer.from('\r\n');
  readonly #endings: readonly Buffer[];

  /** @param lenient  Whether `LF . LF` and `LF . CRLF` end the data too, as on servers open to SMTP smuggling. */
  constructor(lenient: boolean) {
    const endings = lenient ? ['\r\n.\r\n', '\n.\r\n', '\n.\n'] : ['\r\n.\r\n'];
    this.#endings = endings.map((ending) => Buffer.from(ending));
  }

  /** Returns the offset in `piece` after the end of data; undefined if the end is not in it. */
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

/** Removes the end of data, and the first dot of each line that begins with one (RFC 5321 §4.5.2). */
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
