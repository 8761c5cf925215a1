import type { Duplex } from 'node:stream';

/** Number of buffered octets at which the stream is paused until something is read. */
const HIGH_WATER_BYTES = 256 * 1024;

/** Maximum length of a line. A longer one ends the reading, so that memory is bounded. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Reads a connection by pieces or by lines, independently of how the network cuts the octets. */
export class OctetReader {
  #stream: Duplex;
  #pieces: Buffer[] = [];
  #buffered = 0;
  #ended = false;
  #stopped = false;
  #wake: (() => void) | undefined;
  readonly #onOctets: (octets: Buffer) => void;
  readonly #onData = (octets: Buffer) => {
    this.#onOctets(octets);
    this.#pieces.push(octets);
    this.#buffered += octets.length;
    if (this.#buffered >= HIGH_WATER_BYTES) this.#stream.pause();
    this.#wake?.();
  };

  /** @param onOctets  Called with each piece when it arrives. */
  constructor(stream: Duplex, onOctets: (octets: Buffer) => void) {
    this.#stream = stream;
    this.#onOctets = onOctets;
    stream.on('data', this.#onData);
  }

  /** Returns the next piece, of any length; undefined at the end. */
  async piece(): Promise<Buffer | undefined> {
    while (this.#buffered === 0) {
      if (this.#ended) return undefined;
      if (!this.#stopped) this.#stream.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const piece = this.#pieces.shift()!;
    this.#buffered -= piece.length;
    return piece;
  }

  /** Puts octets back, to be read next. */
  unread(octets: Buffer): void {
    if (octets.length === 0) return;
    this.#pieces.unshift(octets);
    this.#buffered += octets.length;
  }

  /**
   * Returns the next line without its line end; undefined at the end of the stream, or if the line is over 1 MiB.
   *
   * @param lenient  Whether a bare LF ends a line too.
   */
  async line(lenient: boolean): Promise<Buffer | undefined> {
    const ending = lenient ? '\n' : '\r\n';
    let line: Buffer = Buffer.alloc(0);
    for (;;) {
      const piece = await this.piece();
      if (piece === undefined) return undefined;
      const from = Math.max(0, line.length - 1);
      line = line.length === 0 ? piece : Buffer.concat([line, piece]);
      const end = line.indexOf(ending, from);
      if (end < 0 && line.length > MAX_LINE_BYTES) return undefined;
      if (end < 0) continue;
      this.unread(line.subarray(end + ending.length));
      const text = line.subarray(0, end);
      return lenient && text.at(-1) === 0x0d ? text.subarray(0, -1) : text;
    }
  }

  /** Removes and returns the octets that arrived and were not read. */
  drain(): Buffer {
    const octets = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#buffered = 0;
    return octets;
  }

  /** Continues with another stream over the same connection, for TLS. */
  replace(stream: Duplex): void {
    this.detach();
    this.#stream = stream;
    stream.on('data', this.#onData);
  }

  /** Stops listening to the stream, so that another reader can use it. */
  detach(): void {
    this.#stream.off('data', this.#onData);
  }

  /** Stops reading from the network. */
  stop(): void {
    this.#stopped = true;
    this.#stream.pause();
  }

  /** Marks the end: no more octets will arrive. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}
