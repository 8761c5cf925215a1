import { isDetached } from './argument.ts';
import { MimeError } from './errors.ts';
import { encodeUtf8 } from './utf8.ts';

/** The part of a web stream that is used. */
export interface WebStream {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(reason?: unknown): Promise<unknown>;
  };
}

/** Streamed content. */
export type ContentStream = AsyncIterable<Uint8Array | string> | WebStream;

/**
 * The content of an attachment: text, octets, a stream, or a function that opens a stream.
 *
 * With a stream, the message can be written only once. A function is called each time the message is written.
 */
export type ContentInput = string | Uint8Array | ArrayBuffer | ContentStream | (() => ContentStream);

/** Content in memory, or content to be opened. */
export type ContentSource = { readonly octets: Uint8Array; readonly text: boolean } | StreamSource;

/** Content to be opened. */
export interface StreamSource {
  /** Opens the content. Throws MB_MIME_CONTENT_CONSUMED the second time, unless `repeatable`. */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly repeatable: boolean;
  /** Number of octets, if the caller gave it. */
  readonly size?: number;
}

/**
 * Converts the content that a caller gave.
 *
 * @throws {MimeError} MB_MIME_CONTENT for other types; MB_MIME_CONTENT_LENGTH if the length differs from the given one.
 */
export function toContentSource(input: ContentInput, size?: number): ContentSource {
  const octets = toOctets(input);
  if (octets !== undefined) {
    if (size !== undefined && size !== octets.length) throw wrongLength(size);
    return { octets, text: typeof input === 'string' };
  }
  const sized = size === undefined ? {} : { size };
  if (typeof input === 'function')
    return { open: () => readStream(input(), size), repeatable: true, ...sized };
  if (!isStream(input)) throw notContent();
  let consumed = false;
  const open = () => {
    if (consumed) {
      throw new MimeError(
        'MB_MIME_CONTENT_CONSUMED',
        'A stream cannot be read again. Give a function that opens it, or octets.',
      );
    }
    consumed = true;
    return readStream(input, size);
  };
  return { open, repeatable: false, ...sized };
}

function toOctets(input: unknown): Uint8Array | undefined {
  if (typeof input === 'string') return encodeUtf8(input);
  const view = input instanceof ArrayBuffer ? new Uint8Array(input) : input;
  if (!ArrayBuffer.isView(view) || isDetached(view)) return undefined;
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function isStream(input: unknown): input is ContentStream {
  return (
    typeof input === 'object' && input !== null && (Symbol.asyncIterator in input || 'getReader' in input)
  );
}

function notContent(): MimeError {
  return new MimeError(
    'MB_MIME_CONTENT',
    'Content must be a string, a Uint8Array, an async iterable, a web stream, or a function that opens one.',
  );
}

function wrongLength(size: number): MimeError {
  return new MimeError('MB_MIME_CONTENT_LENGTH', `An attachment must have the ${size} octets of its size.`);
}

async function* readStream(stream: ContentStream, size: number | undefined): AsyncGenerator<Uint8Array> {
  if (!isStream(stream)) throw notContent();
  let length = 0;
  try {
    for await (const chunk of Symbol.asyncIterator in stream ? stream : readWebStream(stream)) {
      const octets = toOctets(chunk);
      if (octets === undefined) throw notContent();
      length += octets.length;
      if (size !== undefined && length > size) throw wrongLength(size);
      if (octets.length > 0) yield octets;
    }
  } catch (error) {
    if (MimeError.isInstance(error)) throw error;
    throw new MimeError('MB_MIME_CONTENT_FAILED', 'An attachment cannot be read; see cause.', {
      cause: error,
    });
  }
  if (size !== undefined && length < size) throw wrongLength(size);
}

async function* readWebStream(stream: WebStream): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) {
        ended = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}
