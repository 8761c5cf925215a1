import { createHash, type Hash } from 'node:crypto';
import { type BareCr, BodyCanonicalizer, type Canonicalization } from './canon/body.ts';

/** Runs shorter than this are gathered before they are hashed; longer ones are hashed where they stand. */
const gatherBelow = 1024;
const bufferBytes = 8192;
/** Runs shorter than this are copied octet by octet, which is faster than the call that copies them at once. */
const copyBelow = 48;

/** The result of hashing one canonical body. */
export interface BodyDigest {
  readonly digest: Buffer;
  /** Octets of the whole canonical body. */
  readonly totalBytes: number;
  /** Octets that went into the digest: less than all of them only where a limit (`l=`) says so. */
  readonly hashedBytes: number;
}

/** SHA-256 over a canonical body that arrives in chunks, up to `limit` octets (RFC 6376 §3.7, §3.4.5). */
export class BodyHash {
  readonly #canonicalizer: BodyCanonicalizer;
  readonly #hash: Hash = createHash('sha256');
  readonly #limit: number;
  #buffer: Buffer | undefined;
  #buffered = 0;
  #total = 0;
  #result: BodyDigest | undefined;

  constructor(algorithm: Canonicalization, bareCr: BareCr, limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
    this.#canonicalizer = new BodyCanonicalizer(algorithm, bareCr, (chunk, from, to) =>
      this.#take(chunk, from, to),
    );
  }

  write(chunk: Uint8Array): void {
    this.#canonicalizer.write(chunk);
  }

  /** Ends the body; later calls give the same result. */
  digest(): BodyDigest {
    this.#result ??= this.#finish();
    return this.#result;
  }

  #finish(): BodyDigest {
    this.#canonicalizer.end();
    this.#flush();
    return {
      digest: this.#hash.digest(),
      totalBytes: this.#total,
      hashedBytes: Math.min(this.#total, this.#limit),
    };
  }

  #take(chunk: Uint8Array, from: number, to: number): void {
    const left = this.#limit - this.#total;
    this.#total += to - from;
    if (left < to - from) {
      if (left <= 0) return;
      to = from + left;
    }
    const length = to - from;
    if (length >= gatherBelow) {
      this.#flush();
      this.#hash.update(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
      return;
    }
    this.#buffer ??= Buffer.allocUnsafe(bufferBytes);
    if (this.#buffered + length > bufferBytes) this.#flush();
    if (length < copyBelow) {
      for (let at = from; at < to; at++) this.#buffer[this.#buffered++] = chunk[at]!;
    } else {
      this.#buffer.set(chunk.subarray(from, to), this.#buffered);
      this.#buffered += length;
    }
  }

  #flush(): void {
    if (this.#buffered === 0) return;
    this.#hash.update(this.#buffer!.subarray(0, this.#buffered));
    this.#buffered = 0;
  }
}

/** The body hashes that one message needs: each different one is computed once. */
export class BodyHashSet {
  readonly #bareCr: BareCr;
  readonly #hashes = new Map<string, BodyHash>();

  constructor(bareCr: BareCr) {
    this.#bareCr = bareCr;
  }

  get size(): number {
    return this.#hashes.size;
  }

  /** The hash for a canonicalisation and a limit; ask for it before the body is written. */
  need(algorithm: Canonicalization, limit?: number): BodyHash {
    const key = `${algorithm} ${limit ?? ''}`;
    let hash = this.#hashes.get(key);
    if (hash === undefined) {
      hash = new BodyHash(algorithm, this.#bareCr, limit);
      this.#hashes.set(key, hash);
    }
    return hash;
  }

  write(chunk: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.write(chunk);
  }
}
