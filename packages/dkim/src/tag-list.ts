import { DkimError, optionError } from './errors.ts';
import { checkText } from './option-table.ts';

/** Tag names and values in order; values without surrounding white space. */
export type TagList = ReadonlyMap<string, string>;

// DEVIATES RFC 6376 §3.2: a hyphen is allowed, because `x-…` tags are used, and unknown tags are ignored anyway.
const nameForm = /^[A-Za-z][A-Za-z0-9_-]*$/;
/** RFC 6376 §3.2 `tag-value`, with UTF-8 as RFC 8616 §5 allows; white space only as FWS. */
const valueForm = /^[\t\r\n \x21-\x3a\x3c-\x7e\u0080-\u{10ffff}]*$/u;

/**
 * Parses a DKIM tag list: `a=1; b=2`.
 *
 * Names are case-sensitive. Unknown tags stay in the list. Empty parts between semicolons are skipped. A part without an
 * equals sign, an invalid name, a control character in a value and a duplicate name are errors, because readers could
 * understand them differently.
 *
 * RFC 6376 §3.2.
 *
 * @param text  The field value or the DNS text.
 * @throws {DkimError} MB_DKIM_TAG_SYNTAX, MB_DKIM_TAG_DUPLICATE; MB_DKIM_OPTION when `text` is not a string.
 * @example parseTagList('v=1; a=rsa-sha256').get('a') // 'rsa-sha256'
 */
export function parseTagList(text: string): TagList {
  const tags = new Map<string, string>();
  const specs = checkText(text, 'parseTagList: text').split(';');
  for (const [index, spec] of specs.entries()) {
    // DEVIATES RFC 6376 §3.2: `;;` is allowed, as by other verifiers.
    if (trimWhiteSpace(spec) === '') continue;
    const equals = spec.indexOf('=');
    const name = trimWhiteSpace(spec.slice(0, Math.max(0, equals)));
    if (!nameForm.test(name)) {
      throw syntaxError(`Tag ${index + 1} has no name before an equals sign.`);
    }
    const value = trimWhiteSpace(spec.slice(equals + 1));
    if (!valueForm.test(value))
      throw syntaxError(`The value of tag ${name}= has a character that is not allowed.`);
    if (tags.has(name)) {
      // RFC 6376 §3.2: tags with duplicate names MUST NOT occur; the whole list is invalid.
      throw new DkimError('MB_DKIM_TAG_DUPLICATE', `Tag ${name}= occurs twice.`, { kind: 'peer-misbehaved' });
    }
    tags.set(name, value);
  }
  if (tags.size === 0) throw syntaxError('There is no tag.');
  return tags;
}

/**
 * Formats tags as a list on one line, `a=1; b=2`.
 *
 * @throws {DkimError} MB_DKIM_OPTION for anything that is not a list of pairs of strings.
 */
export function formatTagList(tags: Iterable<readonly [string, string]>): string {
  const isPair = (tag: unknown) => Array.isArray(tag) && tag.every((one) => typeof one === 'string');
  if (ArrayBuffer.isView(tags) || typeof tags?.[Symbol.iterator] !== 'function' || ![...tags].every(isPair)) {
    throw optionError('formatTagList: tags must be pairs of a name and a value, both strings.');
  }
  return [...tags].map(([name, value]) => `${name}=${value}`).join('; ');
}

/** Splits a colon-separated tag value, and removes white space around the parts (RFC 6376 §3.5, §3.6.1). */
export function splitTagValue(value: string): string[] {
  return value.split(':').map(trimWhiteSpace);
}

/** Decodes a base64 tag value, ignoring white space; undefined if it is not base64. */
export function decodeBase64Tag(value: string): Buffer | undefined {
  const text = /[ \t\r\n]/.test(value) ? value.replace(/[ \t\r\n]+/g, '') : value;
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

/** Removes the white space of FWS at both ends, but no other Unicode spaces. */
function trimWhiteSpace(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isWhiteSpace(text.charCodeAt(from))) from++;
  while (to > from && isWhiteSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isWhiteSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}

function syntaxError(message: string): DkimError {
  return new DkimError('MB_DKIM_TAG_SYNTAX', message, { kind: 'peer-misbehaved' });
}
