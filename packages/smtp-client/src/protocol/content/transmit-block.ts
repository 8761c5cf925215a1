const encoder = new TextEncoder();

/** Memory from which blocks are allocated. */
export interface Slab {
  readonly octets: Uint8Array;
  /** Number of blocks that the transport has not written yet. */
  users: number;
  /** Whether more blocks will be allocated from it. */
  current: boolean;
}

/** The octets of one write. */
export interface Taken {
  readonly octets: Uint8Array;
  readonly slab: Slab;
}

const slabOctets = 65_536;
/** Minimum size of a new block. */
const leastOctets = 16_384;
/** Maximum number of free slabs to keep. */
const mostSpare = 16;
const spare: Slab[] = [];

function openSlab(): Slab {
  const slab = spare.pop() ?? { octets: new Uint8Array(slabOctets), users: 0, current: true };
  slab.current = true;
  return slab;
}

/** Releases a block of a slab after the transport has written it, so that the slab can be reused. */
export function releaseSlab(slab: Slab): void {
  slab.users -= 1;
  if (slab.users === 0 && !slab.current && spare.length < mostSpare) spare.push(slab);
}

/** Free blocks; all sessions share one, unless their hooks call each other. */
const idle: TransmitBlock[] = [];

/** Calls `fill` to write a block, and returns the block; discards it if `fill` throws. */
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
 * A block of octets for one write to the transport.
 *
 * Blocks are allocated one after the other from slabs. A slab is reused when the transport has written all of its blocks,
 * so that a write needs no allocation.
 */
export class TransmitBlock {
  #slab = openSlab();
  #start = 0;
  /** The slab; write after `length` only. */
  octets = this.#slab.octets;
  /** The offset of the next octet. */
  length = 0;

  /** The number of octets that still fit. */
  get room(): number {
    return this.octets.length - this.length;
  }

  /** Appends a command and CRLF; the caller has checked that they fit. */
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

  /** Copies as much of `source` from `from` as fits, up to `most`; returns the number of octets. */
  copy(source: Uint8Array, from: number, most: number): number {
    const count = Math.min(source.length - from, most, this.room);
    this.octets.set(count === source.length ? source : source.subarray(from, from + count), this.length);
    this.length += count;
    return count;
  }

  /** Returns what was written since the last call; undefined when nothing was. */
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

  /** Discards what was written since the last `take`. */
  discard(): void {
    this.length = this.#start;
  }
}
