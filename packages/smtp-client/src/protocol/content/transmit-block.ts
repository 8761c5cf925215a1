const encoder = new TextEncoder();

/** Memory that blocks are cut out of. */
export interface Slab {
  readonly octets: Uint8Array;
  /** Blocks that the transport has not taken yet. */
  users: number;
  /** Whether further blocks are cut out of it. */
  current: boolean;
}

/** What goes to the transport in one write. */
export interface Taken {
  readonly octets: Uint8Array;
  readonly stretch: Slab;
}

const stretchOctets = 65_536;
/** Room that a new block has at least. */
const leastOctets = 16_384;
/** Stretches kept for the next blocks. */
const mostSpare = 16;
const spare: Slab[] = [];

function openStretch(): Slab {
  const stretch = spare.pop() ?? { octets: new Uint8Array(stretchOctets), users: 0, current: true };
  stretch.current = true;
  return stretch;
}

/** The transport has taken a block of this stretch, and its memory may be written again. */
export function releaseStretch(stretch: Slab): void {
  stretch.users -= 1;
  if (stretch.users === 0 && !stretch.current && spare.length < mostSpare) spare.push(stretch);
}

/** Free blocks; one is enough for all sessions unless their hooks call each other. */
const idle: TransmitBlock[] = [];

/** Lets `fill` write a block and takes it; what was written before `fill` threw is forgotten. */
export function writeBlock(fill: (block: TransmitBlock) => boolean): Taken | undefined {
  const block = idle.pop() ?? new TransmitBlock();
  try {
    return fill(block) ? block.take() : undefined;
  } finally {
    block.discard();
    idle.push(block);
  }
}

/**
 * Octets that are about to be handed to the transport in one write.
 *
 * Blocks are cut one after the other out of stretches of memory. A stretch is used again when the transport has taken
 * all of its blocks, so that no write costs an allocation.
 */
export class TransmitBlock {
  #stretch = openStretch();
  #start = 0;
  /** The stretch; write after `length` only. */
  octets = this.#stretch.octets;
  /** Where the next octet goes. */
  length = 0;

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
  take(): Taken | undefined {
    if (this.length === this.#start) return undefined;
    const stretch = this.#stretch;
    stretch.users += 1;
    const octets = stretch.octets.subarray(this.#start, this.length);
    this.#start = this.length;
    if (this.room < leastOctets) {
      stretch.current = false;
      this.#stretch = openStretch();
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
}
