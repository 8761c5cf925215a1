import { printableJson } from '@mb/broker/printable-text';
import { colors as pc } from './colors.ts';
import { exitCodes } from './exit-code.ts';
import { labelled } from './terminal.ts';

/** JSON of a value, for people and programs; octets in hexadecimal. */
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

/** Prints a text as it is; does nothing once the output is lost. */
export function print(text: string): void {
  if (!lost) process.stdout.write(text);
}

let progressShown = false;

/** Whether the last line on the terminal shows progress, so that a notice must replace it. */
export function showsProgress(shown: boolean): void {
  progressShown = shown;
}

/** Writes a line for people to standard error; a line of progress makes room for it and is drawn again below. */
export function notice(text: string): void {
  if (progressShown && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  process.stderr.write(`${text}\n`);
}

/** Tells people of what is possible but dangerous, on standard error. */
export function warn(text: string): void {
  notice(labelled('warning', pc.yellow, text));
}

/** Called once when standard output fails: a closed pipe (EPIPE), a full disk (ENOSPC). */
export type OutputLoss = (error: NodeJS.ErrnoException) => void;

let lost = false;
let onLoss: OutputLoss = endAtOnce;

/** `mb … | head` closes our output early, which is not an error of a command that only reads. */
function endAtOnce(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  notice(lossMessage(error));
  process.exit(process.exitCode || exitCodes.outputLost);
}

/** One sentence for standard error. */
export function lossMessage({ code, message }: NodeJS.ErrnoException): string {
  return `mb: The output cannot be written${code === 'EPIPE' ? ': its reader has closed the pipe' : ` (${code ?? message})`}.`;
}

/** Calls `handle` when the output is lost, instead of ending the process; for commands that change something. */
export function handleOutputLoss(handle: OutputLoss): void {
  onLoss = handle;
}

/** Handles errors of both outputs, so that none of them ends the process as an unhandled error. */
export function watchOutput(): void {
  let told = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A full disk may have room again.
    lost = error.code !== 'ENOSPC';
    if (told) return;
    told = true;
    onLoss(error);
  });
  // There is nowhere left to report it.
  process.stderr.on('error', () => {});
}
