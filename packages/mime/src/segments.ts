import { notSevenBit, unfitLines } from './body.ts';
import { MimeError } from './errors.ts';
import { unfilledArray } from './memory.ts';
import { isStream, type Segment, type StreamSegment } from './part-tree.ts';
import { Base64Encoder, encodeBase64Into, encodeBase64ThroughStrings } from './transfer/base64.ts';
import { MAX_LINE_OCTETS } from './transfer/survey.ts';
import { concatOctets, encodeUtf8, writeUtf8 } from './utf8.ts';

const CR = 13;
const LF = 10;

/**
 * Octets of content in one chunk of base64, 56 lines. Chunks are small, since the engine frees them late: with 64 KiB,
 * the peak of memory above that of the idle process is three times as high.
 */
const BASE64_BLOCK = 3192;
/** Small segments are joined into chunks of about this size. */
const CHUNK = 4096;
/** Maximum message size for which base64 is written through strings: docs/decisions/base64-through-strings.md. */
const THROUGH_STRINGS = 1_048_576;
/** Octets of a stream after which timers and sockets of the process are served. */
const TURN_OCTETS = 262_144;

/** Writes all segments to one array. `size` is their total length, if known. */
export async function writeSegments(
  segments: readonly Segment[],
  size: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (size === undefined || segments.some(isStream)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of segmentChunks(segments, signal)) chunks.push(chunk);
    return concatOctets(chunks);
  }
  if (signal?.aborted === true) throw aborted(signal);
  const out = unfilledArray(size);
  let offset = 0;
  const writeBase64 = size > THROUGH_STRINGS ? encodeBase64Into : encodeBase64ThroughStrings;
  for (const segment of segments) {
    if (typeof segment === 'string') offset = writeUtf8(segment, out, offset);
    else if ('base64' in segment) offset = writeBase64(segment.base64, out, offset);
    else if (!isStream(segment)) {
      out.set(segment, offset);
      offset += segment.length;
    }
  }
  // If the buffer of a segment has shrunk, the rest of the array is uninitialized memory, which must not be sent.
  return out.fill(0, offset);
}

/** Yields the segments in chunks, in constant memory. */
export async function* segmentChunks(
  segments: readonly Segment[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let small: Uint8Array[] = [];
  let smallLength = 0;
  const join = () => {
    const chunk = concatOctets(small);
    small = [];
    smallLength = 0;
    return chunk;
  };
  for (const segment of segments) {
    if (isStream(segment)) {
      if (smallLength > 0) yield join();
      const source = segment.stream.open();
      const writer = segment.as === 'base64' ? new Base64Blocks() : new CheckedLines(segment.sevenBit);
      let octets = 0;
      // No further generator in between: each would cost several promises per chunk.
      for await (const chunk of signal === undefined ? source : abortable(source, signal)) {
        for (const block of writer.push(chunk)) yield block;
        octets += chunk.length;
        if (octets < TURN_OCTETS) continue;
        octets = 0;
        await nextTurn?.();
      }
      const end = writer.finish();
      if (end.length > 0) yield end;
      continue;
    }
    for (const chunk of chunksOf(segment)) {
      if (signal?.aborted === true) throw aborted(signal);
      small.push(chunk);
      smallLength += chunk.length;
      if (smallLength >= CHUNK) yield join();
    }
  }
  if (smallLength > 0) yield join();
}

/**
 * Lets timers and sockets be served, if the platform has `setImmediate`. Otherwise a source that never waits, such as a
 * generator, would block them, and their queues would grow.
 */
const nextTurn = /* @__PURE__ */ (() => {
  const { setImmediate } = globalThis as { readonly setImmediate?: (callback: () => void) => unknown };
  return setImmediate && (() => new Promise<void>((resolve) => void setImmediate(resolve)));
})();

/** Yields chunks until the signal aborts, even while the next chunk of the stream is pending. */
async function* abortable(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let stop = () => {};
  const abort = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(signal));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  abort.catch(() => undefined); // prevents an unhandled rejection
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), abort]);
      if (done === true) return;
      yield value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    // Not awaited, since a stream that hangs might not end.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function aborted(signal: AbortSignal): MimeError {
  return new MimeError('MB_MIME_ABORTED', 'The composition was aborted by its signal.', {
    cause: signal.reason,
    kind: 'aborted',
  });
}

function chunksOf(segment: Exclude<Segment, StreamSegment>): Iterable<Uint8Array> {
  if (typeof segment === 'string') return [encodeUtf8(segment)];
  if (!(segment instanceof Uint8Array)) return base64Chunks(segment.base64);
  // A view is copied, so that a caller that keeps the chunk does not keep the whole buffer.
  return [segment.length < segment.buffer.byteLength ? segment.slice() : segment];
}

function* base64Chunks(octets: Uint8Array): Generator<Uint8Array> {
  const blocks = new Base64Blocks();
  yield* blocks.push(octets);
  yield blocks.finish();
}

/** Encodes octets in base64, block by block. */
class Base64Blocks {
  readonly #encoder = new Base64Encoder();

  *push(chunk: Uint8Array): Generator<Uint8Array> {
    for (let start = 0; start < chunk.length; start += BASE64_BLOCK) {
      const lines = this.#encoder.push(chunk.subarray(start, start + BASE64_BLOCK));
      if (lines.length > 0) yield lines;
    }
  }

  finish(): Uint8Array {
    return this.#encoder.finish();
  }
}

/** Passes on the lines of a stream unchanged; throws for content that is not 7bit or 8bit (RFC 2045 §2.7, §2.8). */
class CheckedLines {
  readonly #sevenBit: boolean;
  #column = 0;
  #afterCr = false;

  constructor(sevenBit: boolean) {
    this.#sevenBit = sevenBit;
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    for (const octet of chunk) {
      if (octet >= 0x80 && this.#sevenBit) throw notSevenBit();
      this.#column = octet === LF ? 0 : this.#column + Number(octet !== CR);
      if ((octet === LF) !== this.#afterCr || octet === 0 || this.#column > MAX_LINE_OCTETS)
        throw unfitLines();
      this.#afterCr = octet === CR;
    }
    return [chunk];
  }

  finish(): Uint8Array {
    if (this.#afterCr) throw unfitLines();
    return new Uint8Array(0);
  }
}
