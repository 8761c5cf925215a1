import { stripVTControlCharacters } from 'node:util';
import { printableText } from '@mb/broker/printable-text';
import { redact } from './redact.ts';

/** The columns of the terminal on a stream; 80 when it is not a terminal. */
export function terminalWidth(stream: { readonly columns?: number } = process.stdout): number {
  return stream.columns ?? 80;
}

/** Breaks text at spaces so that each line fits with its indent; a longer word is not broken. */
export function wrap(text: string, indent: string, width = terminalWidth()): string {
  const room = Math.max(20, width - indent.length);
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    let columns = 0;
    for (const word of paragraph.split(' ')) {
      const length = stripVTControlCharacters(word).length;
      if (line !== '' && columns + 1 + length > room) {
        lines.push(line);
        line = word;
        columns = length;
      } else {
        columns += line === '' ? length : length + 1;
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines.map((line) => indent + line).join('\n');
}

/**
 * Breaks the lines of a report that are wider than the terminal, with four more columns of indent after a break. Breaks
 * nothing in a pipe, so that programs can read the lines.
 */
export function fitLines(lines: readonly string[], width = process.stdout.columns): string {
  return lines.map((line) => `${width === undefined ? line : fitLine(line, width)}\n`).join('');
}

function fitLine(line: string, width: number): string {
  if (stripVTControlCharacters(line).length <= width) return line;
  const text = line.trimStart();
  const indent = line.slice(0, line.length - text.length);
  const later = `${indent}    `;
  const [first = '', ...rest] = wrap(text, indent, width).split('\n');
  if (rest.length === 0) return first;
  const remaining = rest.map((one) => one.slice(indent.length)).join(' ');
  return `${first}\n${wrap(remaining, later, width)}`;
}

/** Formats a label and a text whose further lines are indented by the width of the label. */
export function hanging(label: string, labelWidth: number, text: string, width = terminalWidth()): string {
  return label + wrap(text, ' '.repeat(labelWidth), width).slice(labelWidth);
}

/**
 * Makes text from messages, DNS and servers safe for a terminal, on one line; see `printableText` of @mb/broker.
 */
export const printable = printableText;

/** Copies plain objects and arrays with all strings made safe, for functions that format them on several lines. */
export function printableValue<Value>(value: Value): Value {
  if (typeof value === 'string') return printableText(value) as Value;
  if (Array.isArray(value)) return value.map(printableValue) as Value;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, printableValue(item)]);
  return Object.fromEntries(entries) as Value;
}

/** Like {@link printable}, for a text of several lines. */
export function printableLines(text: string): string {
  return text.split(/\r?\n/).map(printableText).join('\n');
}

/** Formats `label: text` for standard error, wrapped, with the label in a colour and secrets removed. */
export function labelled(label: string, paint: (text: string) => string, text: string): string {
  const wrapped = wrap(`${label}: ${printableLines(redact(text))}`, '', terminalWidth(process.stderr));
  return paint(wrapped.slice(0, label.length + 1)) + wrapped.slice(label.length + 1);
}
