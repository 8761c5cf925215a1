import { createReadStream } from 'node:fs';
import { type Spooled, spool } from '@mb/broker/spool';
import { CliError, isCodedError } from './errors.ts';
import { noticeKeyboard, unreadable } from './send/file.ts';

/** Reads a file, or standard input for `-`, as a stream. @throws {CliError} MB_CLI_FILE */
export async function* openInput(flag: string, path: string): AsyncGenerator<Buffer> {
  if (path === '-') noticeKeyboard();
  try {
    for await (const chunk of path === '-' ? process.stdin : createReadStream(path)) yield chunk as Buffer;
  } catch (cause) {
    throw unreadable(flag, path, cause);
  }
}

/**
 * Stores a stream so that it can be read several times; see `spool()` of @mb/broker.
 *
 * @throws {CliError} MB_CLI_FILE
 */
export async function spoolInput(source: AsyncIterable<Uint8Array>): Promise<Spooled> {
  try {
    return await spool(source, { maxBytes: Number.POSITIVE_INFINITY });
  } catch (cause) {
    if (!isCodedError(cause) || cause.code !== 'MB_BROKER_SPOOL') throw cause;
    throw new CliError('MB_CLI_FILE', cause.message, { cause });
  }
}
