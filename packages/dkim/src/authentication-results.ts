import { AuthresReader } from './authres-reader.ts';
import { DkimError } from './errors.ts';
import {
  checkText,
  group,
  integer,
  list,
  type OptionTable,
  readOptions,
  required,
  text,
  word,
} from './option-table.ts';

/** A property `ptype.property=value` (RFC 8601 §2.2). */
export interface ResultProperty {
  /** `smtp`, `header`, `body` or `policy`; empty if a received field has none (formatted as `policy`). */
  readonly type: string;
  readonly name: string;
  readonly value: string;
}

/** The result of a method: `dkim=pass reason="…" (comment) header.d=example.com`. */
export interface MethodResult {
  /** In lower case: `dkim`, `spf`, `dmarc`, `arc`, … */
  readonly method: string;
  /** Version after a slash; undefined means 1. */
  readonly version?: number | undefined;
  /** In lower case. */
  readonly result: string;
  readonly reason?: string | undefined;
  /** Text of the comments in the result, without parentheses. */
  readonly comment?: string | undefined;
  readonly properties: readonly ResultProperty[];
}

/** The content of an Authentication-Results field. */
export interface AuthenticationResults {
  /**
   * The host that evaluated the message. Trust a field only if it is yours and your border removes forged ones (RFC 8601
   * §5). Empty if a received field has none.
   */
  readonly authservId: string;
  /** Default 1. */
  readonly version?: number | undefined;
  /** Empty for `none`. */
  readonly results: readonly MethodResult[];
  /** Defects of a received field; absent if there are none. Formatting ignores it. */
  readonly defects?: readonly AuthenticationResultsDefect[] | undefined;
}

/**
 * A defect of a field: the authserv-id is missing (`authserv-id-missing`), a property has no type, such as `action=none`
 * (`property-without-type`), or a result is malformed and was left out (`result-malformed`).
 */
export type AuthenticationResultsDefect =
  | 'authserv-id-missing'
  | 'property-without-type'
  | 'result-malformed';

const resultProperty = {
  type: required(text()),
  name: required(text()),
  value: required(text()),
} satisfies OptionTable<ResultProperty>;

/** What {@link MethodResult} accepts. */
export const methodResult = {
  method: required(text()),
  version: integer(1, 999),
  result: required(text()),
  reason: text(),
  comment: text(),
  properties: required(list(group<ResultProperty>(resultProperty))),
} satisfies OptionTable<MethodResult>;

/** What {@link AuthenticationResults} accepts. */
export const authenticationResults = {
  authservId: required(text('the name of the host that evaluated the message')),
  version: integer(1, 999),
  results: required(list(group<MethodResult>(methodResult))),
  defects: list(word(['authserv-id-missing', 'property-without-type', 'result-malformed'])),
} satisfies OptionTable<AuthenticationResults>;

/**
 * Parses the value of an Authentication-Results field, with comments, quoted strings and versions.
 *
 * It also accepts fields with the defects of some large receivers, and reports them in `defects`: a missing authserv-id, and
 * properties without a type (`action=none`, `x-bits=2048`). A malformed result is left out if others can be read.
 *
 * RFC 8601 §2.2.
 *
 * @param value  The text after the colon, folded or not.
 * @throws {DkimError} MB_DKIM_AUTHRES_SYNTAX when nothing can be read; MB_DKIM_OPTION when `value` is not a string.
 * @example parseAuthenticationResults('mx.example.org; dkim=pass header.d=example.com').results[0]?.result // 'pass'
 */
export function parseAuthenticationResults(value: string): AuthenticationResults {
  const reader = new AuthresReader(checkText(value, 'parseAuthenticationResults: value'));
  const defects = new Set<AuthenticationResultsDefect>();
  const { authservId, version } = readEvaluator(reader, defects);
  const results: MethodResult[] = [];
  let problem: unknown;
  let malformed = 0;
  for (let more = authservId === '' || reader.takeSemicolon(); more; more = reader.takeSemicolon()) {
    reader.skipSpace();
    // QUIRK: some servers end the list with a semicolon.
    if (reader.atEnd()) break;
    if (reader.atEndOfResult()) continue;
    const start = reader.position;
    try {
      const result = readResult(reader, defects);
      if (result !== undefined) results.push(result);
    } catch (error) {
      problem ??= error;
      if (++malformed > maxMalformed) throw problem;
      reader.goBack(start);
      reader.skipResult();
    }
  }
  if (results.length === 0 && problem !== undefined) throw problem;
  if (problem !== undefined) defects.add('result-malformed');
  reader.requireEnd();
  if (authservId === '' && results.length === 0)
    throw syntaxError('There is neither an authserv-id nor a result.');
  return {
    authservId,
    ...(version !== undefined && { version }),
    results,
    ...(defects.size > 0 && { defects: [...defects] }),
  };
}

/** Maximum number of malformed results to skip. */
const maxMalformed = 20;

/** Reads the authserv-id (RFC 8601 §2.5). QUIRK(Exchange Online): the field begins with a result instead. */
function readEvaluator(
  reader: AuthresReader,
  defects: Set<AuthenticationResultsDefect>,
): { readonly authservId: string; readonly version?: number } {
  reader.skipSpace();
  const start = reader.position;
  const quoted = reader.atQuote();
  const authservId = reader.atEndOfResult() && !reader.atEnd() ? '' : reader.readValue('the authserv-id');
  reader.skipSpace();
  // RFC 2045 §5.1: a token has no equals sign, so this is `method=result`.
  if (authservId === '' || (!quoted && (authservId.includes('=') || reader.atEquals()))) {
    reader.goBack(start);
    if (authservId === '') reader.takeSemicolon();
    defects.add('authserv-id-missing');
    return { authservId: '' };
  }
  return reader.atDigit() ? { authservId, version: reader.readNumber() } : { authservId };
}

function readResult(
  reader: AuthresReader,
  defects: Set<AuthenticationResultsDefect>,
): MethodResult | undefined {
  reader.takeComments();
  const method = reader.readKeyword('a method').toLowerCase();
  reader.skipSpace();
  const version = reader.take('/') ? { version: reader.readSpacedNumber() } : {};
  reader.skipSpace();
  if (method === 'none' && reader.atEndOfResult()) return undefined;
  reader.require('=');
  reader.skipSpace();
  const result = reader.readKeyword('a result').toLowerCase();
  let reason: string | undefined;
  const properties: ResultProperty[] = [];
  for (;;) {
    reader.skipSpace();
    if (reader.atEndOfResult()) break;
    const type = reader.readKeyword('a property').toLowerCase();
    reader.skipSpace();
    if (type === 'reason' && reader.take('=')) {
      reader.skipSpace();
      reason = reader.readValue('the reason');
      continue;
    }
    if (reader.take('=')) {
      // QUIRK(Exchange Online, Yahoo): `action=none`, `x-bits=2048`.
      reader.skipSpace();
      properties.push({ type: '', name: type, value: reader.readPropertyValue() });
      defects.add('property-without-type');
      continue;
    }
    reader.require('.');
    reader.skipSpace();
    const name = reader.readKeyword('a property').toLowerCase();
    reader.skipSpace();
    reader.require('=');
    reader.skipSpace();
    properties.push({ type, name, value: reader.readPropertyValue() });
  }
  const comment = reader.takeComments();
  return {
    method,
    ...version,
    result,
    ...(reason !== undefined && { reason }),
    ...(comment && { comment }),
    properties,
  };
}

/**
 * Formats an Authentication-Results field, folded, with CRLF.
 *
 * RFC 8601 §2.2.
 *
 * @param content  See {@link AuthenticationResults}; values must not have control characters.
 * @param prefix  Text before the authserv-id. Default: the field name; ARC adds its instance.
 * @throws {DkimError} MB_DKIM_AUTHRES_SYNTAX.
 * @example formatAuthenticationResults({ authservId: 'mx.example.org', results: dkimResults(outcome) })
 */
export function formatAuthenticationResults(
  content: AuthenticationResults,
  prefix = 'Authentication-Results:',
): string {
  const read = readOptions(content, authenticationResults, 'formatAuthenticationResults: content');
  return formatRead(read, checkText(prefix, 'formatAuthenticationResults: prefix'));
}

function formatRead(content: AuthenticationResults, prefix: string): string {
  if (content.authservId === '')
    throw syntaxError(
      'The authserv-id must not be empty: give the name of the host that evaluated the message.',
    );
  const version = content.version === undefined ? '' : ` ${content.version}`;
  const lines = new FoldedLines(prefix);
  const [first = '', ...rest] = blankPieces(formatValue(content.authservId));
  lines.add(first, rest);
  lines.append(`${version};`);
  if (content.results.length === 0) lines.add('none');
  for (const [index, result] of content.results.entries()) {
    lines.newLine();
    for (const { atom, rest } of resultParts(result)) lines.add(atom, rest);
    if (index < content.results.length - 1) lines.append(';');
  }
  return lines.finish();
}

/** A part of a field: text that is not broken, and pieces that may each start a line and begin with a blank. */
interface FieldPart {
  readonly atom: string;
  readonly rest?: readonly string[];
}

function resultParts({ method, version, result, reason, comment, properties }: MethodResult): FieldPart[] {
  const name = version === undefined ? formatKeyword(method) : `${formatKeyword(method)}/${version}`;
  const parts: FieldPart[] = [{ atom: `${name}=${formatKeyword(result)}` }];
  if (reason !== undefined) parts.push(namedValue('reason=', formatValue(reason)));
  if (comment !== undefined) {
    const text = refuseControls(comment).replace(/[()\\]/g, '\\$&');
    const [first = '', ...rest] = blankPieces(`(${text.replace(/[^ \t\\]{70}/g, '$& ')})`);
    parts.push({ atom: first, rest });
  }
  for (const { type, name: property, value } of properties) {
    // RFC 8601 §2.3: the type of local policy is `policy`.
    const head = `${formatKeyword(type === '' ? 'policy' : type)}.${formatKeyword(property)}=`;
    parts.push(namedValue(head, formatPropertyValue(value)));
  }
  return parts;
}

/** `name=value`; a long value starts a new line, which RFC 8601 §2.2 allows after the equals sign. */
function namedValue(head: string, value: string): FieldPart {
  if (head.length + value.length < lineLimit) return { atom: head + value };
  const [first = '', ...rest] = blankPieces(value);
  return { atom: head, rest: [` ${first}`, ...rest] };
}

/** Splits text before its blanks, so that folding keeps them (RFC 5322 §2.2.3). */
function blankPieces(text: string): string[] {
  const pieces = text.split(/(?<=[^ \t])(?=[ \t])/);
  // A line of only blanks is not allowed, so blanks at the end stay with the last word.
  if (pieces.length > 1 && pieces.at(-1)!.trim() === '') pieces.push(pieces.splice(-2).join(''));
  return pieces;
}

/** RFC 5322 §2.1.1: lines should have at most 78 and must have at most 998 characters. */
const lineLimit = 78;
const hardLineLimit = 998;

/** Folds a field at its blanks. */
class FoldedLines {
  #done = '';
  #line: string;

  constructor(start: string) {
    this.#line = start;
  }

  /** Adds text after a blank or on a new line, then the pieces of `rest`, each of which may start a line. */
  add(atom: string, rest: readonly string[] = []): void {
    const whole = atom.length + rest.reduce((sum, piece) => sum + piece.length, 0);
    const blank = this.#line === '\t' ? '' : ' ';
    // Do not break text that fits on a line.
    if (this.#line.length + blank.length + (whole < lineLimit ? whole : atom.length) <= lineLimit) {
      this.#line += blank + atom;
    } else {
      this.newLine();
      this.#line += atom;
    }
    for (const piece of rest) {
      if (this.#line.length + piece.length > lineLimit) {
        this.#end();
        this.#line = '';
      }
      this.#line += piece;
    }
  }

  append(text: string): void {
    this.#line += text;
  }

  newLine(): void {
    if (this.#line === '\t') return;
    this.#end();
    this.#line = '\t';
  }

  finish(): string {
    this.#end();
    return this.#done;
  }

  #end(): void {
    if (encoder.encode(this.#line).length > hardLineLimit) {
      throw syntaxError(
        `A value has more than ${hardLineLimit} octets without a blank, so it does not fit on a line.`,
      );
    }
    this.#done += `${this.#line}\r\n`;
  }
}

const encoder = new TextEncoder();

function formatKeyword(text: string): string {
  // RFC 8601 §2.2: a Keyword of RFC 5321 §4.1.2; the underscore is used in practice.
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$/.test(text)) return text;
  throw syntaxError('A method, result or property name must be letters, digits and hyphens.');
}

function formatValue(text: string): string {
  // RFC 2045 §5.1 token.
  return /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]+$/.test(text) ? text : quote(text);
}

function formatPropertyValue(text: string): string {
  // RFC 8601 §2.2 pvalue: a token, or an address without quoting in its local part.
  return /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]*@[A-Za-z0-9.-]+$/.test(text) ? text : formatValue(text);
}

function quote(text: string): string {
  return `"${refuseControls(text).replace(/["\\]/g, '\\$&')}"`;
}

function refuseControls(text: string): string {
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) throw syntaxError('A value must not have control characters.');
  return text;
}

function syntaxError(message: string): DkimError {
  return new DkimError('MB_DKIM_AUTHRES_SYNTAX', message);
}
