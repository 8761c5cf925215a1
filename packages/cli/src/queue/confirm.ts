import { createInterface } from 'node:readline/promises';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import { notice } from '../output.ts';

/**
 * Asks on the terminal whether to continue.
 *
 * @param question  A sentence that says what will change.
 * @param yes  Whether `--yes` was given; then it does not ask.
 * @throws {CliError} MB_CLI_USAGE where there is no terminal to ask on.
 */
export async function confirm(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CliError(
      'MB_CLI_USAGE',
      `${question} There is no terminal to confirm it; add --yes. Nothing was changed.`,
    );
  }
  // On standard error, so that standard output has only JSON with --json.
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D answer no.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([terminal.question(`${question} Continue? [y/N] `), closed]);
    if (/^y(?:es)?$/i.test(answer.trim())) return true;
  } finally {
    terminal.close();
  }
  notice('Nothing was changed.');
  process.exitCode = exitCodes.interrupted;
  return false;
}
