import { setImmediate } from 'node:timers/promises';
import { refuseAborted, unlessAborted } from './abort.ts';
import type { BareCr } from './canon/body.ts';
import { DkimError, optionError } from './errors.ts';

/** A message as octets: an array, or a stream of chunks. */
export type MessageSource = Uint8Array | AsyncIterable<Uint8Array>;

/** A message split at the empty line. */
export interface SplitMessage {
  /** The header block with CRLF line ends, without the empty line. */
  readonly header: Uint8Array;
  /** The part of the body that has been read. */
  readonly bodyStart: Uint8Array;
  /** The remaining chunks; undefined if the whole message has been read. */
  readonly rest: AsyncIterator<Uint8Array> | undefined;
}

/** How to read a message. */
export interface ReadOptions {
  readonly bareCr: BareCr;
  readonly maxHeaderBytes: number;
  readonly signal: AbortSignal | undefined;
}

const lf = 0x0a;
const cr = 0x0d;

/** Number of octets to hash before yielding to the event loop. */
const sliceBytes = 1 << 20;

/**
 * Reads a message up to the empty line.
 *
 * @throws {DkimError} MB_DKIM_MESSAGE_TYPE, MB_DKIM_HEADER_TOO_LARGE, MB_DKIM_ABORTED.
 */
export async function splitMessage(message: MessageSource, options: ReadOptions): Promise<SplitMessage> {
  refuseAborted(options.signal);
  if (isOctets(message)) return splitOctets(message, options);
  if (!isStream(message)) {
    throw new DkimError(
      'MB_DKIM_MESSAGE_TYPE',
      'A message must be a Uint8Array that was not transferred, or an AsyncIterable of them; encode a string to octets first.',
    );
  }
  return splitStream(message[Symbol.asyncIterator](), options);
}

function splitOctets(message: Uint8Array, options: ReadOptions): SplitMessage {
  const end = new HeaderEnd(options.bareCr);
  end.find(message, true);
  refuseLongHeader(end.headerEnd, options);
  return {
    header: headerOf(message, end, options),
    bodyStart: message.subarray(end.bodyStart),
    rest: undefined,
  };
}

async function splitStream(chunks: AsyncIterator<Uint8Array>, options: ReadOptions): Promise<SplitMessage> {
  let buffer = new Uint8Array(0);
  let used = 0;
  const end = new HeaderEnd(options.bareCr);
  for (;;) {
    const chunk = await nextChunk(chunks, options.signal);
    const added = chunk?.length ?? 0;
    if (used + added > buffer.length) {
      const grown = new Uint8Array(Math.max(2 * buffer.length, used + added));
      grown.set(buffer.subarray(0, used));
      buffer = grown;
    }
    if (chunk !== undefined) buffer.set(chunk, used);
    used += added;
    if (end.find(buffer.subarray(0, used), chunk === undefined) || chunk === undefined) {
      refuseLongHeader(end.headerEnd, options);
      return {
        header: headerOf(buffer, end, options),
        bodyStart: buffer.subarray(end.bodyStart, used),
        rest: chunk === undefined ? undefined : chunks,
      };
    }
    if (used > options.maxHeaderBytes) {
      await chunks.return?.();
      refuseLongHeader(used, options);
    }
  }
}

function headerOf(
  message: Uint8Array,
  { headerEnd, onlyCrlf }: HeaderEnd,
  { bareCr }: ReadOptions,
): Uint8Array {
  const header = message.subarray(0, headerEnd);
  return onlyCrlf ? header : toCrlf(header, bareCr);
}

/**
 * Calls `write` with the chunks of the body, and yields to the event loop after every mebibyte.
 *
 * @throws {DkimError} MB_DKIM_MESSAGE_TYPE, MB_DKIM_ABORTED.
 */
export async function readBody(
  message: SplitMessage,
  signal: AbortSignal | undefined,
  write: (chunk: Uint8Array) => void,
): Promise<void> {
  let sinceTurn = await writeSlices(message.bodyStart, 0, signal, write);
  if (message.rest === undefined) return;
  for (;;) {
    const chunk = await nextChunk(message.rest, signal);
    if (chunk === undefined) return;
    sinceTurn = await writeSlices(chunk, sinceTurn, signal, write);
  }
}

async function writeSlices(
  chunk: Uint8Array,
  sinceTurn: number,
  signal: AbortSignal | undefined,
  write: (chunk: Uint8Array) => void,
): Promise<number> {
  for (let from = 0; from < chunk.length; from += sliceBytes) {
    if (sinceTurn >= sliceBytes) {
      await setImmediate();
      refuseAborted(signal);
      sinceTurn = 0;
    }
    const slice = chunk.length <= sliceBytes ? chunk : chunk.subarray(from, from + sliceBytes);
    write(slice);
    sinceTurn += slice.length;
  }
  return sinceTurn;
}

async function nextChunk(
  chunks: AsyncIterator<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const read = () => chunks.next();
  // After an abort the stream is closed without waiting for it.
  const next = await (signal === undefined ? read() : unlessAborted(signal, read, () => chunks.return?.()));
  if (next.done) return undefined;
  if (isOctets(next.value)) return next.value;
  await chunks.return?.();
  throw new DkimError(
    'MB_DKIM_MESSAGE_TYPE',
    'A message stream must yield Uint8Array chunks that were not transferred; do not set an encoding on the stream.',
  );
}

function refuseLongHeader(bytes: number, options: ReadOptions): void {
  if (bytes <= options.maxHeaderBytes) return;
  throw new DkimError(
    'MB_DKIM_HEADER_TOO_LARGE',
    `The header is longer than ${options.maxHeaderBytes} octets; raise maxHeaderBytes to accept it.`,
  );
}

/** Searches for the first empty line; each call continues where the last one stopped. */
class HeaderEnd {
  /** End of the header and start of the body: the end of the octets unless an empty line was found. */
  headerEnd = 0;
  bodyStart = 0;
  /** Whether every line end of the header is a CRLF. */
  onlyCrlf = true;
  readonly #bareCrEndsLine: boolean;
  #at = 0;
  #lineStart = 0;

  constructor(bareCr: BareCr) {
    this.#bareCrEndsLine = bareCr === 'line-end';
  }

  /** Whether the octets, which begin with those of the last call, have an empty line. */
  find(octets: Uint8Array, complete: boolean): boolean {
    for (; this.#at < octets.length; this.#at++) {
      const octet = octets[this.#at]!;
      if (octet > cr || (octet !== lf && octet !== cr)) continue;
      let next = this.#at + 1;
      if (octet === lf) {
        this.onlyCrlf = false;
      } else {
        if (next === octets.length && !complete) break;
        if (octets[next] === lf) next++;
        else if (!this.#bareCrEndsLine) continue;
        else this.onlyCrlf = false;
      }
      if (this.#at === this.#lineStart) {
        this.headerEnd = this.#at;
        this.bodyStart = next;
        return true;
      }
      this.#lineStart = next;
      this.#at = next - 1;
    }
    this.headerEnd = octets.length;
    this.bodyStart = octets.length;
    return false;
  }
}

/** Whether a value is a Uint8Array that was not transferred to another thread, which would make it empty. */
export function isOctets(value: unknown): value is Uint8Array {
  if (!(value instanceof Uint8Array)) return false;
  return value.length > 0 || (value.buffer as { readonly detached?: boolean }).detached !== true;
}

/** Whether a value is a stream. */
export function isStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof (value as Partial<AsyncIterable<Uint8Array>> | null)?.[Symbol.asyncIterator] === 'function';
}

/**
 * Converts every line end to CRLF; returns the same array when there is nothing to change.
 *
 * A signer hashes this form, and SMTP sends it (RFC 5321 §2.3.8). A bare LF is a line end, and so is a bare CR with
 * `line-end`.
 */
export function toCrlf(octets: Uint8Array, bareCr: BareCr = 'line-end'): Uint8Array {
  if (!isOctets(octets))
    throw new DkimError(
      'MB_DKIM_MESSAGE_TYPE',
      'toCrlf: octets must be a Uint8Array that was not transferred.',
    );
  if (bareCr !== 'line-end' && bareCr !== 'octet')
    throw optionError('toCrlf: bareCr must be "line-end" or "octet".');
  let missing = 0;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at];
    if (octet === lf && octets[at - 1] !== cr) missing++;
    else if (octet === cr && octets[at + 1] !== lf && bareCr === 'line-end') missing++;
  }
  if (missing === 0) return octets;
  const out = new Uint8Array(octets.length + missing);
  let to = 0;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at]!;
    if (octet === lf && octets[at - 1] !== cr) out[to++] = cr;
    out[to++] = octet;
    if (octet === cr && octets[at + 1] !== lf && bareCr === 'line-end') out[to++] = lf;
  }
  return out;
}
