const encoder = new TextEncoder();

/** Octets that are about to be handed to the transport in one write. */
export class TransmitBlock {
  readonly octets: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.octets = new Uint8Array(capacity);
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

  /** What was written, as octets of its own; the block is empty afterwards. */
  take(): Uint8Array | undefined {
    if (this.length === 0) return undefined;
    const taken = this.octets.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}
