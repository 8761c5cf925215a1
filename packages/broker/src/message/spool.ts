import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerError } from '../errors.ts';
import { matching, type OptionTable, readOptions, required, signal } from '../option-table.ts';
import type { Octets } from './octets.ts';

/** Octets that were read once and can be read again and again, always the same. */
export interface Spooled {
  readonly octets: Octets;
  readonly size: number;
  /** Removes what was put on the disk. */
  release(): Promise<void>;
}

/** How much is spooled, and when it ends. */
export interface SpoolOptions {
  /** More octets than this are MB_BROKER_MESSAGE_TOO_LARGE. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** What `SpoolOptions` accepts. @internal */
export const spoolOptions = {
  maxBytes: required(
    matching<number>('a number of octets above 0', (value) => typeof value === 'number' && value > 0),
  ),
  signal: signal(),
} satisfies OptionTable<SpoolOptions>;

/** Up to this many octets are kept in memory. */
const maxMemoryBytes = 1024 * 1024;
const readBytes = 256 * 1024;

/**
 * Reads a stream once and keeps it: small ones in memory, others in a file below the system's folder for temporary
 * files, which only this user can read and which has no name any more once it is open.
 *
 * What is checked, signed and sent is then the same, whatever happens to the source meanwhile.
 *
 * @throws {BrokerError} MB_BROKER_OPTION, MB_BROKER_MESSAGE_TOO_LARGE, MB_BROKER_CONTENT_FAILED, MB_BROKER_SPOOL
 */
export async function spool(source: AsyncIterable<Uint8Array>, options: SpoolOptions): Promise<Spooled> {
  const { maxBytes, signal } = readOptions(options, spoolOptions, 'spool: options');
  const held: Uint8Array[] = [];
  let size = 0;
  let file: SpoolFile | undefined;
  try {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      if (!file && size > maxMemoryBytes) {
        file = await SpoolFile.create();
        for (const early of held.splice(0)) await file.write(early);
      }
      if (file) await file.write(chunk);
      // The source may use its buffer again.
      else held.push(new Uint8Array(chunk));
    }
  } catch (error) {
    await file?.release();
    throw error;
  }
  if (!file) return { octets: Buffer.concat(held), size, release: async () => {} };
  const kept = file;
  return { octets: kept, size, release: () => kept.release() };
}

/** A file without a name that is read from its start as often as needed. */
class SpoolFile implements AsyncIterable<Uint8Array> {
  readonly #handle: FileHandle;
  readonly #folder: string;
  #size = 0;
  #released = false;

  private constructor(handle: FileHandle, folder: string) {
    this.#handle = handle;
    this.#folder = folder;
  }

  static async create(): Promise<SpoolFile> {
    let folder: string | undefined;
    try {
      // mkdtemp makes a folder of mode 0700 whose name cannot be guessed.
      folder = await mkdtemp(join(tmpdir(), 'mb-spool-'));
      const handle = await open(join(folder, 'message'), 'wx+', 0o600);
      // Nothing stays behind when the process is killed. Windows keeps the name until the file is closed.
      if (process.platform !== 'win32') await rm(folder, { recursive: true });
      return new SpoolFile(handle, folder);
    } catch (cause) {
      // A disk that is full or fails must not fill with folders.
      if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {});
      throw spoolFailed(cause);
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      await this.#handle.appendFile(chunk);
      this.#size += chunk.length;
    } catch (cause) {
      throw spoolFailed(cause);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < this.#size; ) {
      const buffer = new Uint8Array(Math.min(readBytes, this.#size - at));
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, at).catch((cause: unknown) => {
        throw spoolFailed(cause);
      });
      if (bytesRead === 0) throw spoolFailed(new Error('the file is shorter than what was written'));
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#handle.close().catch(() => {});
    await rm(this.#folder, { recursive: true, force: true }).catch(() => {});
  }
}

function tooLarge(maxBytes: number): BrokerError {
  return new BrokerError(
    'MB_BROKER_MESSAGE_TOO_LARGE',
    'invalid-input',
    `The message has more than ${maxBytes} octets.`,
  );
}

function spoolFailed(cause: unknown): BrokerError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new BrokerError(
    'MB_BROKER_SPOOL',
    'internal',
    `The message could not be kept in a temporary file: ${said}. Nothing was sent; check the disk of TMPDIR.`,
    { cause, retryable: true },
  );
}
