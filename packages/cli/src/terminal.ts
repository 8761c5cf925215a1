import { printableText } from '@mb/broker';
import { redact } from './redact.ts';

/** Columns of the terminal on a stream; 80 when it is none. */
export function terminalWidth(stream: { readonly columns?: number } = process.stdout): number {
  return stream.columns ?? 80;
}

/** Breaks text at spaces so that each line, indented by `indent`, fits; a longer word stays whole. */
export function wrap(text: string, indent: string, width = terminalWidth()): string {
  const room = Math.max(20, width - indent.length);
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > room) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.map((line) => indent + line).join('\n');
}

/**
 * Makes foreign text fit for a terminal; see `printableText` of @mb/broker. A line end in it makes no line of its own.
 */
export const printable = printableText;

/** A value of plain objects and arrays with all its texts made fit, for what formats them in several lines. */
export function printableValue<Value>(value: Value): Value {
  if (typeof value === 'string') return printableText(value) as Value;
  if (Array.isArray(value)) return value.map(printableValue) as Value;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, printableValue(item)]);
  return Object.fromEntries(entries) as Value;
}

/** The same for a text of several lines, whose line ends are our own. */
export function printableLines(text: string): string {
  return text.split(/\r?\n/).map(printableText).join('\n');
}

/** `label: text` for standard error, wrapped, with the label in a colour. */
export function labelled(label: string, paint: (text: string) => string, text: string): string {
  const wrapped = wrap(`${label}: ${printableLines(redact(text))}`, '', terminalWidth(process.stderr));
  return paint(wrapped.slice(0, label.length + 1)) + wrapped.slice(label.length + 1);
}
