import { createReadStream } from 'node:fs';
import { CliError } from '../errors.ts';
import { notice } from '../output.ts';

/** Maximum size of a file that is read into memory; a larger one was probably named by mistake. */
const maxInputBytes = 256 * 1024 * 1024;

/** Reads the file that a flag names; `-` is standard input. @throws {CliError} MB_CLI_FILE */
export async function readInput(flag: string, path: string): Promise<Buffer> {
  if (path === '-') return readStandardInput();
  try {
    return await gather(createReadStream(path));
  } catch (cause) {
    throw unreadable(flag, path, cause);
  }
}

async function gather(source: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of source) {
    size += piece.length;
    if (size > maxInputBytes) throw new Error(`it has more than ${maxInputBytes} octets`);
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

/** Says on a terminal that the command waits for input. */
export function noticeKeyboard(): void {
  if (process.stdin.isTTY)
    notice('Reading the message from the keyboard; end it with Ctrl-D on a line of its own.');
}

/** Reads standard input to its end. @throws {CliError} MB_CLI_FILE, also when it is empty. */
export async function readStandardInput(): Promise<Buffer> {
  noticeKeyboard();
  let octets: Buffer;
  try {
    octets = await gather(process.stdin);
  } catch (cause) {
    throw unreadable('standard input', '-', cause);
  }
  // When the program before the pipe fails, or a job has no input, no empty message must be sent.
  if (octets.length > 0) return octets;
  throw new CliError(
    'MB_CLI_FILE',
    'Standard input is empty. If another program writes it, check its errors; for an empty body give --text "".',
  );
}

/** Makes the error for a file that cannot be read. */
export function unreadable(flag: string, path: string, cause: unknown): CliError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'you have no permission to read it',
    EISDIR: 'it is a directory',
  };
  const reason = reasons[code ?? ''] ?? message;
  return new CliError('MB_CLI_FILE', `${flag}: cannot read ${path}: ${reason}.`, { cause });
}
