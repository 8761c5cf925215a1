import { printableJson } from '@mb/broker/printable-text';
import { colors as pc } from './colors.ts';
import { exitCodes } from './exit-code.ts';
import { labelled } from './terminal.ts';

/** Indented JSON of a value; octets in hexadecimal. */
export function toJson(value: unknown): string {
  const hex = (_key: string, item: unknown) =>
    item instanceof Uint8Array ? Buffer.from(item).toString('hex') : item;
  return `${printableJson(value, hex, 2)}\n`;
}

/** One line of JSON. */
export function jsonLine(value: unknown): string {
  return `${printableJson(value)}\n`;
}

/** Prints a value as JSON. */
export function printJson(value: unknown): void {
  print(toJson(value));
}

/** Writes text to standard output; does nothing after the output has failed. */
export function print(text: string): void {
  if (!lost) process.stdout.write(text);
}

let progressShown = false;

/** Whether the last line on the terminal shows progress, so that a notice must replace it. */
export function showsProgress(shown: boolean): void {
  progressShown = shown;
}

/** Writes a line to standard error, above the progress line if there is one. */
export function notice(text: string): void {
  if (progressShown && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  process.stderr.write(`${text}\n`);
}

/** Writes a warning to standard error. */
export function warn(text: string): void {
  notice(labelled('warning', pc.yellow, text));
}

/** Called once when standard output fails: a closed pipe (EPIPE), a full disk (ENOSPC). */
export type OutputLoss = (error: NodeJS.ErrnoException) => void;

let lost = false;
let onLoss: OutputLoss = exitAtOnce;

/** Ends the process: quietly when the reader of a pipe has ended, as in `mb … | head`. */
function exitAtOnce(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  notice(lossMessage(error));
  process.exit(process.exitCode || exitCodes.outputLost);
}

/** Says in one sentence why the output cannot be written. */
export function lossMessage({ code, message }: NodeJS.ErrnoException): string {
  return `mb: The output cannot be written${code === 'EPIPE' ? ': its reader has closed the pipe' : ` (${code ?? message})`}.`;
}

/** Calls `handle` when the output fails, instead of ending the process; for commands that change something. */
export function handleOutputLoss(handle: OutputLoss): void {
  onLoss = handle;
}

/** Handles errors of standard output and standard error, which would otherwise end the process. */
export function watchOutput(): void {
  let reported = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A full disk may have space again later.
    lost = error.code !== 'ENOSPC';
    if (reported) return;
    reported = true;
    onLoss(error);
  });
  // An error of standard error cannot be reported anywhere.
  process.stderr.on('error', () => {});
}
