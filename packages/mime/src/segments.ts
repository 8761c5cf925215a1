import { notSevenBit, unfitLines } from './body.ts';
import { MimeError } from './errors.ts';
import type { Segment } from './part-tree.ts';
import { Base64Encoder, base64Length, encodeBase64Into } from './transfer/base64.ts';
import { LineCheck } from './transfer/survey.ts';
import { concatOctets, encodeUtf8, writeUtf8 } from './utf8.ts';

/**
 * Octets of content in one chunk of base64, 112 lines. Chunks are small, since the engine frees them late: with
 * 64 KiB the peak of memory is three times as high.
 */
const BASE64_BLOCK = 6384;
/** Small segments are joined into chunks of about this size. */
const CHUNK = 8192;

/** All segments in one array. `size` is their length where it is known. */
export async function writeSegments(
  segments: readonly Segment[],
  size: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (size === undefined || segments.some((segment) => typeof segment === 'object' && 'stream' in segment)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of { [Symbol.asyncIterator]: () => segmentChunks(segments, signal) })
      chunks.push(chunk);
    return concatOctets(chunks);
  }
  if (signal?.aborted === true) throw aborted(signal);
  const [first] = segments;
  if (segments.length === 1 && typeof first === 'string') return encodeUtf8(first);
  const out = new Uint8Array(size);
  let offset = 0;
  for (const segment of segments) offset = writeSegment(segment, out, offset);
  return out;
}

function writeSegment(segment: Segment, out: Uint8Array, offset: number): number {
  if (typeof segment === 'string') return writeUtf8(segment, out, offset);
  if (segment instanceof Uint8Array) {
    out.set(segment, offset);
    return offset + segment.length;
  }
  if ('base64' in segment) return encodeBase64Into(segment.base64, out, offset);
  throw new MimeError('MB_MIME_CONTENT', 'A stream cannot be written at once.', { kind: 'internal' });
}

/** The segments chunk by chunk, in constant memory. */
export async function* segmentChunks(
  segments: readonly Segment[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let small: Uint8Array[] = [];
  let smallLength = 0;
  for (const segment of segments) {
    for await (const chunk of abortable(chunksOf(segment), signal)) {
      small.push(chunk);
      smallLength += chunk.length;
      if (smallLength >= CHUNK) {
        yield concatOctets(small);
        small = [];
        smallLength = 0;
      }
    }
  }
  if (smallLength > 0) yield concatOctets(small);
}

/** Passes chunks on until the signal aborts, also while a stream keeps its next chunk waiting. */
async function* abortable(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (signal === undefined) {
    yield* chunks;
    return;
  }
  const iterator =
    Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  let stop = () => {};
  const abort = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(signal));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  abort.catch(() => undefined); // nobody may be waiting when it comes
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), abort]);
      if (done === true) return;
      yield value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    // Not awaited: a stream that hangs would hang here, too.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function aborted(signal: AbortSignal): MimeError {
  return new MimeError('MB_MIME_ABORTED', 'The composition was aborted by its signal.', {
    cause: signal.reason,
    kind: 'aborted',
  });
}

function chunksOf(segment: Segment): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (typeof segment === 'string') return [encodeUtf8(segment)];
  if (segment instanceof Uint8Array) return [segment];
  if ('base64' in segment) return base64Chunks(segment.base64);
  const stream = segment.stream.open();
  return segment.as === 'base64' ? base64Stream(stream) : lineStream(stream, segment.sevenBit);
}

function* base64Chunks(octets: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < octets.length; start += BASE64_BLOCK) {
    const block = octets.subarray(start, start + BASE64_BLOCK);
    const more = start + BASE64_BLOCK < octets.length;
    const length = base64Length(block.length);
    const out = new Uint8Array(length + (more ? 2 : 0));
    encodeBase64Into(block, out, 0);
    if (more) {
      out[length] = 13;
      out[length + 1] = 10;
    }
    yield out;
  }
}

async function* base64Stream(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new Base64Encoder();
  for await (const chunk of stream) {
    for (let start = 0; start < chunk.length; start += BASE64_BLOCK) {
      const lines = encoder.push(chunk.subarray(start, start + BASE64_BLOCK));
      if (lines.length > 0) yield lines;
    }
  }
  const end = encoder.finish();
  if (end.length > 0) yield end;
}

/** Passes lines on as they are, once they are known to be fit for it. */
async function* lineStream(stream: AsyncIterable<Uint8Array>, sevenBit: boolean): AsyncGenerator<Uint8Array> {
  const check = new LineCheck();
  for await (const chunk of stream) {
    check.push(chunk);
    if (sevenBit && check.eightBit) throw notSevenBit();
    if (check.binary) throw unfitLines();
    yield chunk;
  }
  check.finish();
  if (check.binary) throw unfitLines();
}
