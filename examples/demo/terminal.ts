import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours on a terminal; plain text when piped or with NO_COLOR. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

export function heading(text: string): void {
  console.log(`\n${paint('bold', text)}`);
}

/** A name and its meaning, in two columns. */
export function row(name: string, value: string): void {
  console.log(`  ${paint('dim', name.padEnd(11))}${value.replaceAll('\n', `\n${' '.repeat(13)}`)}`);
}

/** `pass` in green, anything else in red. */
export function verdict(result: string): string {
  return paint(result === 'pass' ? 'green' : 'red', result.toUpperCase());
}

/** Shows on a terminal what takes its time; the line goes away when it is done. */
export async function during<Result>(what: string, work: Promise<Result>): Promise<Result> {
  if (!process.stdout.isTTY) return work;
  process.stdout.write(paint('dim', `… ${what}`));
  try {
    return await work;
  } finally {
    process.stdout.write('\r\x1b[K');
  }
}

/** Cuts a line to the width of the terminal, so that it stays one line. */
export function fit(text: string, indent = 0): string {
  const room = (process.stdout.columns ?? 100) - indent;
  return text.length <= room ? text : `${text.slice(0, Math.max(1, room - 1))}…`;
}
