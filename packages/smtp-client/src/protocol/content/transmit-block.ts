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
  readonly slab: Slab;
}

const slabOctets = 65_536;
/** Room that a new block has at least. */
const leastOctets = 16_384;
/** Slabs kept for the next blocks. */
const mostSpare = 16;
const spare: Slab[] = [];

function openSlab(): Slab {
  const slab = spare.pop() ?? { octets: new Uint8Array(slabOctets), users: 0, current: true };
  slab.current = true;
  return slab;
}

/** The transport has taken a block of this slab, and its memory may be written again. */
export function releaseSlab(slab: Slab): void {
  slab.users -= 1;
  if (slab.users === 0 && !slab.current && spare.length < mostSpare) spare.push(slab);
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
 * Blocks are cut one after the other out of slabs of memory. A slab is used again when the transport has taken
 * all of its blocks, so that no write costs an allocation.
 */
export class TransmitBlock {
  #slab = openSlab();
  #start = 0;
  /** The slab; write after `length` only. */
  octets = this.#slab.octets;
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
    const slab = this.#slab;
    slab.users += 1;
    const octets = slab.octets.subarray(this.#start, this.length);
    this.#start = this.length;
    if (this.room < leastOctets) {
      slab.current = false;
      this.#slab = openSlab();
      this.octets = this.#slab.octets;
      this.length = 0;
      this.#start = 0;
    }
    return { octets, slab };
  }

  /** Forgets what was written since the last block was taken. */
  discard(): void {
    this.length = this.#start;
  }
}
