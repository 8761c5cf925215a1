import { AuthresReader } from './authres-reader.ts';
import { DkimError } from './errors.ts';
import { group, integer, list, type OptionTable, readOptions, required, text } from './option-table.ts';

/** One `ptype.property=value` (RFC 8601 §2.2). */
export interface ResultProperty {
  /** `smtp`, `header`, `body` or `policy`. */
  readonly type: string;
  readonly name: string;
  readonly value: string;
}

/** What one method found: `dkim=pass reason="…" (comment) header.d=example.com`. */
export interface MethodResult {
  /** Lower case: `dkim`, `spf`, `dmarc`, `arc`, … */
  readonly method: string;
  /** Version after a slash; undefined means 1. */
  readonly version?: number | undefined;
  /** Lower case. */
  readonly result: string;
  readonly reason?: string | undefined;
  /** Text of the comments that stand in the result, without parentheses. */
  readonly comment?: string | undefined;
  readonly properties: readonly ResultProperty[];
}

/** The content of an Authentication-Results field. */
export interface AuthenticationResults {
  /** Who evaluated: trust a field only if this is yours and your border removes forged ones (RFC 8601 §5). */
  readonly authservId: string;
  /** Default 1. */
  readonly version?: number | undefined;
  /** Empty for `none`. */
  readonly results: readonly MethodResult[];
}

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
} satisfies OptionTable<AuthenticationResults>;

/** Parses the value of an Authentication-Results field, with comments, quoted strings and versions.
 *
 *  @param value  What stands after the colon, folded or not.
 *  @throws {DkimError} MB_DKIM_AUTHRES_SYNTAX.
 *  @example parseAuthenticationResults('mx.example.org; dkim=pass header.d=example.com').results[0]?.result // 'pass'
 *
 *  RFC 8601 §2.2.
 */
export function parseAuthenticationResults(value: string): AuthenticationResults {
  const reader = new AuthresReader(value);
  reader.skipSpace();
  const authservId = reader.readValue('the authserv-id');
  reader.skipSpace();
  const version = reader.atDigit() ? { version: reader.readNumber() } : {};
  const results: MethodResult[] = [];
  while (reader.takeSemicolon()) {
    reader.skipSpace();
    // QUIRK: some servers end the list with a semicolon.
    if (reader.atEnd()) break;
    const result = readResult(reader);
    if (result !== undefined) results.push(result);
  }
  reader.requireEnd();
  return { authservId, ...version, results };
}

function readResult(reader: AuthresReader): MethodResult | undefined {
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

/** Formats an Authentication-Results field, folded, with its CRLF.
 *
 *  @param content  See {@link AuthenticationResults}; no value may hold a line break or another control character.
 *  @param prefix  What stands before the authserv-id. Default the field name; ARC puts its instance there.
 *  @throws {DkimError} MB_DKIM_AUTHRES_SYNTAX.
 *  @example formatAuthenticationResults({ authservId: 'mx.example.org', results: dkimResults(outcome) })
 *
 *  RFC 8601 §2.2.
 */
export function formatAuthenticationResults(
  content: AuthenticationResults,
  prefix = 'Authentication-Results:',
): string {
  const read = readOptions(content, authenticationResults, 'formatAuthenticationResults: content');
  return formatRead(read, prefix);
}

function formatRead(content: AuthenticationResults, prefix: string): string {
  const version = content.version === undefined ? '' : ` ${content.version}`;
  let line = `${prefix} ${formatValue(content.authservId)}${version};`;
  if (content.results.length === 0) return `${line} none\r\n`;
  let text = '';
  for (const [index, result] of content.results.entries()) {
    text += `${line}\r\n`;
    line = '';
    const parts = resultParts(result);
    const last = parts.length - 1;
    for (const [at, part] of parts.entries()) {
      const atom = at === last && index < content.results.length - 1 ? `${part};` : part;
      if (line !== '' && line.length + 1 + atom.length > 78) {
        text += `${line}\r\n`;
        line = '';
      }
      line += line === '' ? `\t${atom}` : ` ${atom}`;
    }
  }
  return `${text}${line}\r\n`;
}

function resultParts({ method, version, result, reason, comment, properties }: MethodResult): string[] {
  const name = version === undefined ? formatKeyword(method) : `${formatKeyword(method)}/${version}`;
  return [
    `${name}=${formatKeyword(result)}`,
    ...(reason === undefined ? [] : [`reason=${formatValue(reason)}`]),
    ...(comment === undefined ? [] : [`(${refuseControls(comment).replace(/[()\\]/g, '\\$&')})`]),
    ...properties.map(
      (one) => `${formatKeyword(one.type)}.${formatKeyword(one.name)}=${formatPropertyValue(one.value)}`,
    ),
  ];
}

function formatKeyword(text: string): string {
  // RFC 5321 §4.1.2 Keyword, as RFC 8601 §2.2 uses it; the underscore is seen in the wild.
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
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) throw syntaxError('A value must not hold control characters.');
  return text;
}

function syntaxError(message: string): DkimError {
  return new DkimError('MB_DKIM_AUTHRES_SYNTAX', message);
}
