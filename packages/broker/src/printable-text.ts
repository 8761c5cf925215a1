import { optionError } from './errors.ts';
import { checkText } from './option-table.ts';

/**
 * What drives a terminal, makes a line of its own, or changes the order in which text is shown: C0 and C1 controls
 * (U+009B is ESC [ for many terminals), DEL, line and paragraph separators, bidirectional controls (Unicode TR 36
 * §2.5), and lone surrogates.
 */
const unsafe =
  /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb]|\p{Surrogate}/gu;
const unsafeInJson = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb]/g;

/**
 * Makes foreign text (a reply, a DNS record, an address) fit to be shown on one line of a terminal, a log or a report:
 * white space controls become spaces, other controls U+FFFD.
 *
 * @example printableText('ok\r\nforged line') // 'ok  forged line'
 */
export function printableText(text: string): string {
  return checkText(text, 'printableText: text').replace(unsafe, (character) =>
    /[\t\n\v\f\r]/.test(character) ? ' ' : '\ufffd',
  );
}

/**
 * JSON text that may be shown on a terminal: the same value, with controls that JSON leaves as they are written as
 * escapes.
 *
 * @example printableJson({ reply: '\u009b31m' }) // '{"reply":"\\u009b31m"}'
 */
export function printableJson(
  value: unknown,
  replacer?: (key: string, item: unknown) => unknown,
  space?: number,
): string {
  return printableJsonText(jsonOf(value, replacer, space));
}

/**
 * JSON text from another source, in the form of {@link printableJson}.
 *
 * @example printableJsonText('{"reply":"\u009b31m"}') // '{"reply":"\\u009b31m"}'
 */
export function printableJsonText(json: string): string {
  return checkText(json, 'printableJsonText: json').replace(
    unsafeInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function jsonOf(...given: Parameters<typeof printableJson>): string {
  try {
    return JSON.stringify(...given) ?? 'null';
  } catch (cause) {
    // A bigint, an object that holds itself, or a replacer or toJSON() that fails.
    throw optionError(`printableJson: value cannot be JSON: ${(cause as Error).message}.`);
  }
}

/**
 * A CSV cell (RFC 4180 §2) that no spreadsheet takes for a formula: those that begin like one get an apostrophe.
 *
 * @example csvCell('=1+1') // "'=1+1"
 */
export function csvCell(text: string): string {
  const shown = printableText(text);
  const safe = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20|%]/.test(shown) ? `'${shown}` : shown;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
