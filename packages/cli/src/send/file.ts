import { readFile } from 'node:fs/promises';
import { CliError } from '../errors.ts';
import { notice } from '../output.ts';

/** Reads what a flag names; `-` is standard input. */
export async function readInput(flag: string, path: string): Promise<Buffer> {
  if (path === '-') return readStandardInput();
  try {
    return await readFile(path);
  } catch (cause) {
    throw unreadable(flag, path, cause);
  }
}

/** Reads standard input to its end. */
export async function readStandardInput(): Promise<Buffer> {
  if (process.stdin.isTTY)
    notice('Reading the body from the keyboard; end it with Ctrl-D on a line of its own.');
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** The error for a file that cannot be read, in words. */
export function unreadable(flag: string, path: string, cause: unknown): CliError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'you may not read it',
    EISDIR: 'it is a directory',
  };
  const reason = reasons[code ?? ''] ?? message;
  return new CliError('MB_CLI_FILE', `${flag}: cannot read ${path}: ${reason}.`, { cause });
}
