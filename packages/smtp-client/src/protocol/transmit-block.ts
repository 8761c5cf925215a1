const encoder = new TextEncoder();

/**
 * Octets that are about to be handed to the transport in one write.
 *
 * Blocks are cut one behind the other out of larger stretches of memory, so that a small one costs no allocation of its
 * own; what was taken is never written to again.
 */
export class TransmitBlock {
  readonly #stretchOctets: number;
  readonly #leastOctets: number;
  #start = 0;
  /** The stretch; write behind `length` only. */
  octets: Uint8Array;
  /** Where the next octet goes. */
  length = 0;

  /** @param leastOctets  Room that a new block has at least. */
  constructor(stretchOctets: number, leastOctets: number) {
    this.#stretchOctets = stretchOctets;
    this.#leastOctets = leastOctets;
    this.octets = new Uint8Array(stretchOctets);
  }

  /** Octets that still fit. */
  get room(): number {
    return this.octets.length - this.length;
  }

  /** Appends a command and its CRLF; the caller has made sure that it fits. */
  line(text: string): void {
    const octets = this.octets;
    let at = this.length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) {
        at = this.length + encoder.encodeInto(text, octets.subarray(this.length)).written;
        break;
      }
      octets[at++] = code;
    }
    octets[at++] = 13;
    octets[at++] = 10;
    this.length = at;
  }

  /** Copies what fits of `source` from `from` on and says how many octets that were. */
  copy(source: Uint8Array, from: number, most: number): number {
    const count = Math.min(source.length - from, most, this.room);
    this.octets.set(count === source.length ? source : source.subarray(from, from + count), this.length);
    this.length += count;
    return count;
  }

  /** What was written; undefined when that is nothing. */
  take(): Uint8Array | undefined {
    const taken = this.length > this.#start ? this.octets.subarray(this.#start, this.length) : undefined;
    this.#start = this.length;
    if (this.room < this.#leastOctets) {
      this.octets = new Uint8Array(this.#stretchOctets);
      this.length = 0;
      this.#start = 0;
    }
    return taken;
  }
}
