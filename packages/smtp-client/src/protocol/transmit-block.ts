const encoder = new TextEncoder();

/** Memory that blocks are cut out of. */
export interface Stretch {
  readonly octets: Uint8Array;
  /** Blocks that the transport has not taken yet. */
  users: number;
}

/** What goes to the transport in one write. */
export interface Taken {
  readonly octets: Uint8Array;
  readonly stretch: Stretch;
}

/** Stretches kept for the next blocks. */
const mostSpare = 16;

/**
 * Octets that are about to be handed to the transport in one write.
 *
 * Blocks are cut one behind the other out of stretches of memory, which are used again when the transport has taken all
 * of their blocks: neither small messages nor large ones cost an allocation per write.
 */
export class TransmitBlock {
  readonly #stretchOctets: number;
  readonly #leastOctets: number;
  readonly #spare: Stretch[] = [];
  #stretch: Stretch;
  #start = 0;
  /** The stretch; write behind `length` only. */
  octets: Uint8Array;
  /** Where the next octet goes. */
  length = 0;

  /** @param leastOctets  Room that a new block has at least. */
  constructor(stretchOctets: number, leastOctets: number) {
    this.#stretchOctets = stretchOctets;
    this.#leastOctets = leastOctets;
    this.#stretch = { octets: new Uint8Array(stretchOctets), users: 0 };
    this.octets = this.#stretch.octets;
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

  /** What was written; undefined when that is nothing. Give the stretch back with `release`. */
  take(): Taken | undefined {
    if (this.length === this.#start) return undefined;
    const stretch = this.#stretch;
    stretch.users += 1;
    const octets = stretch.octets.subarray(this.#start, this.length);
    this.#start = this.length;
    if (this.room < this.#leastOctets) {
      this.#stretch = this.#spare.pop() ?? { octets: new Uint8Array(this.#stretchOctets), users: 0 };
      this.octets = this.#stretch.octets;
      this.length = 0;
      this.#start = 0;
    }
    return { octets, stretch };
  }

  /** Forgets what was written since the last block was taken. */
  discard(): void {
    this.length = this.#start;
  }

  /** The transport has taken a block of this stretch. */
  release(stretch: Stretch): void {
    stretch.users -= 1;
    if (stretch.users > 0 || stretch === this.#stretch || this.#spare.length >= mostSpare) return;
    this.#spare.push(stretch);
  }
}
