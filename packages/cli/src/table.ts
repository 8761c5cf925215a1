import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import { colors as pc } from './colors.ts';
import { printable } from './terminal.ts';

const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((name) => [name, name === 'middle' ? '  ' : '']),
);

/**
 * Formats rows in columns below a heading, or each row as a list if the columns are wider than the terminal.
 *
 * @param width  Columns of the terminal. Default: no limit in a pipe.
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = process.stdout.columns ?? Number.POSITIVE_INFINITY,
): string {
  const clean = rows.map((row) => row.map((cell) => printable(cell).replaceAll(/[\t\n]/g, ' ')));
  const table = new Table({
    head: head.map((name) => pc.bold(name)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
  });
  table.push(...clean);
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  if (lines.every((line) => stripVTControlCharacters(line).length <= width)) return `${lines.join('\n')}\n`;
  return `${clean.map((row) => formatRecord(head, row)).join('\n\n')}\n`;
}

/** Formats a row as lines of name and value. */
function formatRecord(head: readonly string[], row: readonly string[]): string {
  const nameWidth = Math.max(...head.map(({ length }) => length));
  return row
    .flatMap((cell, index) => (cell === '' ? [] : `${pc.bold(head[index]!.padEnd(nameWidth))}  ${cell}`))
    .join('\n');
}
