import { CliError } from '../errors.ts';

/** Text with gaps that the values of a row fill. */
export interface Template {
  /** Where the template is used, in words: `the subject`. */
  readonly where: string;
  readonly pieces: readonly (string | Gap)[];
}

/** `{{column}}`, or `{{column|text}}` with the text for rows without a value. */
interface Gap {
  readonly column: number;
  readonly name: string;
  readonly fallback?: string;
}

/** Why a row cannot become a message, in words. */
export class RowProblem extends Error {}

const GAP = /\\\{\{|\{\{([^{}|\r\n]*)(?:\|([^{}]*))?\}\}|\{\{/g;

/**
 * Reads a template. `\{{` means a literal `{{`.
 *
 * @param columns  Names of the columns; letters in either case are the same.
 * @throws {CliError} MB_CLI_RECIPIENTS for a gap that is not closed, or that names no column.
 */
export function parseTemplate(text: string, where: string, columns: readonly string[]): Template {
  const names = columns.map((name) => name.toLowerCase());
  const pieces: (string | Gap)[] = [];
  let end = 0;
  for (const match of text.matchAll(GAP)) {
    pieces.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[0] === '\\{{') pieces.push('{{');
    else if (match[1] === undefined) throw unclosed(where, text.slice(match.index));
    else {
      const name = match[1].trim();
      const column = name === '' ? -1 : names.indexOf(name.toLowerCase());
      if (column === -1) throw noColumn(where, name, columns);
      pieces.push({ column, name, ...(match[2] !== undefined && { fallback: match[2].trim() }) });
    }
  }
  pieces.push(text.slice(end));
  return { where, pieces: pieces.filter((piece) => piece !== '') };
}

/**
 * Fills the gaps with the values of a row.
 *
 * @param makeSafe  What a value becomes, for where it goes.
 * @throws {RowProblem} when a value is missing.
 */
export function fillTemplate(
  { where, pieces }: Template,
  values: readonly string[],
  makeSafe: (value: string, name: string) => string,
): string {
  return pieces
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      const { column, name, fallback } = piece;
      const value = values[column] || fallback;
      if (value === undefined) throw new RowProblem(`no value for {{${name}}}, which ${where} needs`);
      return makeSafe(value, name);
    })
    .join('');
}

/** As it is: for plain text, where nothing has a meaning. */
export function asText(value: string): string {
  return value;
}

/** For HTML, in text and in quoted attributes. */
export function asHtml(value: string): string {
  return value.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** For a part of a URI. */
export function asUriPart(value: string): string {
  return encodeURIComponent(value);
}

/** For a header field, which is one line. @throws {RowProblem} for line breaks and other control characters. */
export function asHeaderText(value: string, name: string): string {
  if (!/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/.test(value)) return value;
  throw new RowProblem(
    `${name} contains a line break or another control character, which is not allowed in a header`,
  );
}

function unclosed(where: string, rest: string): CliError {
  const message = `In ${where}, {{ is not followed by a column name and }}: "${rest.slice(0, 30)}". For a literal {{ write \\{{.`;
  return new CliError('MB_CLI_RECIPIENTS', message);
}

function noColumn(where: string, name: string, columns: readonly string[]): CliError {
  const known = columns.filter((column) => column !== '').join(', ');
  const message = `There is no column "${name}", which ${where} uses as {{${name}}}; the file has: ${known}.`;
  return new CliError('MB_CLI_RECIPIENTS', message);
}
