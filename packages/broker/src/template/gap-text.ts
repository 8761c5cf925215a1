import { BrokerError } from '../errors.ts';
import { checkText } from '../option-table.ts';
import { printableText } from '../printable-text.ts';

/** Text with gaps that values fill. */
export interface GapText {
  /** Where the text is used, in words: `the subject`. */
  readonly where: string;
  readonly pieces: readonly (string | Gap)[];
}

/** `{{name}}`, or `{{name|text}}` with the text that is used when there is no value. */
export interface Gap {
  /** As the template writes it. */
  readonly name: string;
  /** The name in lower case: letters in either case are the same. */
  readonly key: string;
  readonly fallback?: string;
}

/** Gives the value of a variable by its name in lower case; undefined when there is none. */
export type LookupValue = (key: string) => string | undefined;

/** Escapes a value for its place; a value that cannot be escaped is returned as a problem. */
export type Escape = (value: string) => string | { readonly problem: string };

const gap = /\\\{\{|\{\{([^{}|\r\n]*)(?:\|([^{}]*))?\}\}|\{\{/g;

/**
 * Reads a text with gaps. `\{{` is a literal `{{`.
 *
 * @param where  Where the text is used, in words; errors and problems say so.
 * @throws {BrokerError} MB_BROKER_TEMPLATE for a gap without a name or without its closing braces.
 */
export function parseGapText(text: string, where: string): GapText {
  checkText(text, 'parseGapText: text');
  checkText(where, 'parseGapText: where');
  const pieces: (string | Gap)[] = [];
  let end = 0;
  for (const match of text.matchAll(gap)) {
    pieces.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const name = match[1]?.trim();
    if (match[0] === '\\{{') pieces.push('{{');
    else if (!name) throw noName(where, text.slice(match.index));
    else {
      const key = name.toLowerCase();
      pieces.push({ name, key, ...(match[2] !== undefined && { fallback: match[2].trim() }) });
    }
  }
  pieces.push(text.slice(end));
  return { where, pieces: pieces.filter((piece) => piece !== '') };
}

/**
 * Fills the gaps. A value is text and never read for gaps.
 *
 * @param problems  Gets a sentence for each gap that cannot be filled; the returned text is of no use then.
 */
export function fillGapText(
  { where, pieces }: GapText,
  lookup: LookupValue,
  makeSafe: Escape,
  problems: string[],
): string {
  let filled = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      filled += piece;
      continue;
    }
    const { name, key, fallback } = piece;
    const value = lookup(key) ?? fallback;
    const escaped =
      value === undefined
        ? { problem: `no value for {{${printableText(name)}}}, which ${where} needs` }
        : makeSafe(value);
    if (typeof escaped === 'string') filled += escaped;
    else problems.push(value === undefined ? escaped.problem : `${printableText(name)} ${escaped.problem}`);
  }
  return filled;
}

/** For plain text, where no character has a meaning. */
export const escapeText: Escape = (value) => checkText(value, 'escapeText: value');

/** For HTML, in text and in quoted attributes. */
export const escapeHtml: Escape = (value) =>
  checkText(value, 'escapeHtml: value').replaceAll(
    /[&<>"']/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );

/** For a part of a URI. A lone surrogate, which UTF-8 cannot hold, becomes U+FFFD. */
export const escapeUriPart: Escape = (value) =>
  encodeURIComponent(checkText(value, 'escapeUriPart: value').toWellFormed());

/** For a header field, which is one line. */
export const escapeHeaderText: Escape = (value) =>
  /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/.test(checkText(value, 'escapeHeaderText: value'))
    ? {
        problem: 'contains a line break or another control character, which is not allowed in a header',
      }
    : value;

function noName(where: string, rest: string): BrokerError {
  return new BrokerError(
    'MB_BROKER_TEMPLATE',
    'invalid-input',
    `In ${where}, {{ is not followed by a name and }}: "${printableText(rest.slice(0, 30))}". For a literal {{ write \\{{.`,
  );
}
