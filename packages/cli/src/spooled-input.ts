import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError } from './errors.ts';
import { noticeKeyboard, unreadable } from './send/file.ts';

/** Octets that were read once and can be read again and again, always the same. */
export interface SpooledInput {
  readonly octets: Uint8Array | AsyncIterable<Uint8Array>;
  /** Number of octets. */
  readonly size: number;
  /** Removes what was put on the disk. */
  release(): Promise<void>;
}

/** Up to this many octets are kept in memory. */
const maxMemoryBytes = 1024 * 1024;
const readBytes = 256 * 1024;

/** A file, or standard input for `-`, as a stream. Failures are MB_CLI_FILE. */
export async function* openInput(flag: string, path: string): AsyncGenerator<Buffer> {
  if (path === '-') noticeKeyboard();
  try {
    for await (const chunk of path === '-' ? process.stdin : createReadStream(path)) yield chunk as Buffer;
  } catch (cause) {
    throw unreadable(flag, path, cause);
  }
}

/**
 * Keeps what a stream gives: little in memory, more in a file below `TMPDIR` that only this user can read and that has
 * no name while it is open. What is looked at and what is printed are then the same, whatever happens to the source.
 *
 * @throws {CliError} MB_CLI_FILE
 */
export async function spoolInput(source: AsyncIterable<Uint8Array>): Promise<SpooledInput> {
  const held: Uint8Array[] = [];
  let size = 0;
  let file: SpoolFile | undefined;
  try {
    for await (const chunk of source) {
      size += chunk.length;
      if (!file && size > maxMemoryBytes) {
        file = await SpoolFile.create();
        for (const early of held.splice(0)) await file.write(early);
      }
      if (file) await file.write(chunk);
      else held.push(chunk);
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

  private constructor(handle: FileHandle, folder: string) {
    this.#handle = handle;
    this.#folder = folder;
  }

  static async create(): Promise<SpoolFile> {
    try {
      // mkdtemp makes a folder of mode 0700 whose name cannot be guessed.
      const folder = await mkdtemp(join(tmpdir(), 'mb-input-'));
      const handle = await open(join(folder, 'input'), 'wx+', 0o600);
      // Nothing stays behind when the process is killed. Windows keeps the name until the file is closed.
      if (process.platform !== 'win32') await rm(folder, { recursive: true });
      return new SpoolFile(handle, folder);
    } catch (cause) {
      throw cannotSpool(cause);
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      await this.#handle.appendFile(chunk);
    } catch (cause) {
      throw cannotSpool(cause);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let at = 0; ; ) {
      const { buffer, bytesRead } = await this.#handle.read(new Uint8Array(readBytes), 0, readBytes, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async release(): Promise<void> {
    await this.#handle.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function cannotSpool(cause: unknown): CliError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new CliError('MB_CLI_FILE', `The input could not be kept in a file below ${tmpdir()}: ${said}.`, {
    cause,
  });
}
