/** Converts a text to an HTML fragment. */
export function escapeHtml(text: string): string {
  if (text === '') return '';
  const escaped = text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<div>${escaped.replace(/\n/g, '<br>\n')}</div>`;
}

/**
 * Matches markup and white space: comments, hidden elements, tags and runs of white space. Each alternative that starts
 * to match also ends, at the latest at the end of the text, so the time is linear.
 */
const MARKUP =
  /<!--[\s\S]*?(?:-->|$)|<(style|script|title)\b[\s\S]*?(?:<\/\1[^>]*>?|$)|<(?=[!?/a-z])(\/?(?:br|p|div|tr|li|h\d)\b)?[^>]*(?:>|$)|\s+/gi;

/**
 * Returns the text of HTML without tags, in one pass.
 *
 * Used when a part of a plain text body exists as HTML only. URLs of links are lost; `textFromHtml` can keep them.
 */
export function wordsOfHtml(html: string): string {
  return html
    .replace(MARKUP, (markup, _, line) => (line === undefined ? (markup[0] === '<' ? '' : ' ') : '\n'))
    .replace(/ ?\n[ \n]*/g, '\n')
    .replace(/&(?:#(x?)([\da-f]{1,6})|(amp|lt|gt|quot|nbsp));/gi, decodeEntity)
    .trim();
}

function decodeEntity(written: string, x: string | undefined, digits: string, name?: string): string {
  const named = { amp: 38, lt: 60, gt: 62, quot: 34, nbsp: 160 }[name?.toLowerCase() ?? ''];
  const code = named ?? Number.parseInt(digits, x === '' ? 10 : 16);
  return code <= 0x10ffff ? String.fromCodePoint(code).toWellFormed() : written;
}
