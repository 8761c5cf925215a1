// `hash` is not imported by name: an older Node would fail on the import before the version check.
import crypto, { createHash, type Hash } from 'node:crypto';
import { type BareCr, BodyCanonicalizer } from './canon/body.ts';
import type { Canonicalization } from './canon/canonicalization.ts';
import { readBody, type SplitMessage } from './message.ts';

/** Shorter runs are buffered before they are hashed; longer ones are hashed in place. */
const gatherBelow = 1024;
const bufferBytes = 8192;
/** Shorter runs are copied octet by octet, which is faster than a call of `set`. */
const copyBelow = 48;

/** Maximum size of a whole body that is buffered completely and hashed by one call. */
const wholeBytes = 65_536;
/** The buffer for it, used within one call. Each bare line end grows by an octet, and a last CRLF may be added. */
let wholeBody: Buffer | undefined;

/** The hash of a canonical body. */
export interface BodyDigest {
  readonly digest: Buffer;
  /** Size of the canonical body in octets. */
  readonly totalBytes: number;
  /** Number of octets that were hashed: fewer than all if a limit (`l=`) says so. */
  readonly hashedBytes: number;
}

/** SHA-256 over a canonical body that arrives in chunks, up to `limit` octets (RFC 6376 §3.7, §3.4.5). */
export class BodyHash {
  readonly #canonicalizer: BodyCanonicalizer;
  readonly #limit: number;
  #hash: Hash | undefined;
  #buffer: Buffer | undefined;
  #buffered = 0;
  #total = 0;
  #state: 'reading' | 'gathering' | 'ending' = 'reading';
  #result: BodyDigest | undefined;
  #pending: PromiseLike<Buffer> | undefined;

  constructor(algorithm: Canonicalization, bareCr: BareCr, limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
    this.#canonicalizer = new BodyCanonicalizer(algorithm, bareCr, (chunk, from, to) =>
      this.#take(chunk, from, to),
    );
  }

  write(chunk: Uint8Array): void {
    this.#canonicalizer.write(chunk);
  }

  /** Hashes a whole body of at most {@link wholeBytes}. */
  writeWhole(body: Uint8Array): void {
    wholeBody ??= Buffer.allocUnsafeSlow(2 * wholeBytes + 2);
    this.#state = 'gathering';
    this.#buffer = wholeBody;
    this.#canonicalizer.write(body);
    this.#canonicalizer.end();
    this.#buffer = undefined;
    this.#result = this.#resultOf(crypto.hash('sha256', wholeBody.subarray(0, this.#buffered), 'buffer'));
  }

  /** Ends the body, and waits for its hash on platforms with asynchronous hashes. */
  async settle(): Promise<void> {
    this.#result ??= this.#finish();
    if (this.#pending) this.#result = { ...this.#result, digest: await this.#pending };
  }

  /** Ends the body; later calls return the same result. */
  digest(): BodyDigest {
    this.#result ??= this.#finish();
    return this.#result;
  }

  #finish(): BodyDigest {
    this.#state = 'ending';
    this.#canonicalizer.end();
    this.#flush();
    return this.#resultOf((this.#hash ?? createHash('sha256')).digest());
  }

  #resultOf(digest: Buffer): BodyDigest {
    if (!(digest instanceof Uint8Array)) this.#pending = digest as PromiseLike<Buffer>;
    return { digest, totalBytes: this.#total, hashedBytes: Math.min(this.#total, this.#limit) };
  }

  #take(chunk: Uint8Array, from: number, to: number): void {
    const left = this.#limit - this.#total;
    this.#total += to - from;
    if (left < to - from) {
      if (left <= 0) return;
      to = from + left;
    }
    if (this.#hashesInPlace(to - from)) {
      this.#flush();
      this.#update(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    } else {
      this.#gather(chunk, from, to);
    }
  }

  #hashesInPlace(length: number): boolean {
    if (this.#state === 'gathering') return false;
    // Nothing follows the last CRLF, so it need not be buffered alone.
    return length >= gatherBelow || (this.#state === 'ending' && this.#buffered === 0);
  }

  #gather(chunk: Uint8Array, from: number, to: number): void {
    const length = to - from;
    this.#buffer ??= Buffer.allocUnsafe(bufferBytes);
    if (this.#buffered + length > this.#buffer.length) this.#flush();
    if (length < copyBelow) {
      for (let at = from; at < to; at++) this.#buffer[this.#buffered++] = chunk[at]!;
    } else {
      this.#buffer.set(chunk.subarray(from, to), this.#buffered);
      this.#buffered += length;
    }
  }

  #flush(): void {
    if (this.#buffered === 0) return;
    this.#update(this.#buffer!.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  #update(octets: Uint8Array): void {
    this.#hash ??= createHash('sha256');
    this.#hash.update(octets);
  }
}

/** The body hashes of a message; equal ones are computed once. */
export class BodyHashSet {
  readonly #bareCr: BareCr;
  readonly #hashes = new Map<string, BodyHash>();

  constructor(bareCr: BareCr) {
    this.#bareCr = bareCr;
  }

  /** Returns the hash for a canonicalisation and a limit; call it before the body is written. */
  need(algorithm: Canonicalization, limit?: number): BodyHash {
    const key = `${algorithm} ${limit ?? ''}`;
    let body = this.#hashes.get(key);
    if (body === undefined) {
      body = new BodyHash(algorithm, this.#bareCr, limit);
      this.#hashes.set(key, body);
    }
    return body;
  }

  write(chunk: Uint8Array): void {
    for (const body of this.#hashes.values()) body.write(chunk);
  }

  /**
   * Hashes the body of a message.
   *
   * @throws {DkimError} MB_DKIM_MESSAGE_TYPE, MB_DKIM_ABORTED; errors of the message stream.
   */
  async read(message: SplitMessage, signal: AbortSignal | undefined): Promise<void> {
    if (this.#hashes.size === 0) return;
    if (message.rest !== undefined || message.bodyStart.length > wholeBytes) {
      await readBody(message, signal, (chunk) => this.write(chunk));
    } else {
      for (const body of this.#hashes.values()) body.writeWhole(message.bodyStart);
    }
    await this.settle();
  }
  /** Ends all bodies; {@link read} calls it. */
  async settle(): Promise<void> {
    for (const body of this.#hashes.values()) await body.settle();
  }
}
