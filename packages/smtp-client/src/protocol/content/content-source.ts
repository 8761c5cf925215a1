/** Octets of streamed content that are not written yet. */
export class ContentSource {
  #chunks: Uint8Array[] = [];
  #octets = 0;
  #ended = false;
  /** Whether the session has asked for octets and got none yet. */
  asked = false;
  /** Whether content was provided, even if it was empty. */
  begun = false;

  get ended(): boolean {
    return this.#ended;
  }

  /** Octets waiting to be written. */
  get octets(): number {
    return this.#octets;
  }

  push(chunk: Uint8Array): void {
    this.begun = true;
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#octets += chunk.length;
  }

  end(): void {
    this.begun = true;
    this.#ended = true;
  }

  /** The first chunk with unused octets. */
  get first(): Uint8Array | undefined {
    return this.#chunks[0];
  }

  /** Marks octets of the first chunk as used. */
  use(count: number): void {
    const first = this.#chunks[0]!;
    this.#octets -= count;
    if (count === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
  }
}
