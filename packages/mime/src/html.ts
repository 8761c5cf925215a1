/// <reference path="./html-to-text.d.ts" />
/**
 * Converts HTML to plain text. Needs the package html-to-text.
 *
 * @packageDocumentation
 */
import { convert } from 'html-to-text';
import { checkOptions, checkText, flag, integer, type OptionTable } from './argument.ts';

/** Options of {@link textFromHtml}. */
export interface TextFromHtmlOptions {
  /** Maximum number of characters in a line, up to 10,000; default 0, which keeps each paragraph on one line. */
  readonly wrapColumn?: number | undefined;
  /** Whether the URL of each link is added in brackets after its text; default true. */
  readonly links?: boolean | undefined;
}

/** The checks of {@link TextFromHtmlOptions}. @internal */
export const textFromHtmlOptions = {
  wrapColumn: /* @__PURE__ */ integer(0, 10_000),
  links: flag,
} satisfies OptionTable<TextFromHtmlOptions>;

/**
 * Converts HTML to plain text, for the `text` of a message that has only HTML, or to show or search received mail.
 *
 * Images are replaced by their description (`alt`); scripts and styles are left out. Tags that are nested more than 200
 * levels deep are ignored.
 *
 * @param html  A document or a fragment.
 * @returns The text, without a line break at its end.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string, and for invalid options.
 * @example composeMessage({ from, to, html, text: textFromHtml(html) })
 */
export function textFromHtml(html: string, options: TextFromHtmlOptions = {}): string {
  checkText(html, 'textFromHtml: html');
  checkOptions(options, textFromHtmlOptions, 'textFromHtml: options');
  const { wrapColumn = 0, links = true } = options;
  return convert(limitDepth(html), {
    wordwrap: wrapColumn > 0 ? wrapColumn : false,
    selectors: [
      { selector: 'a', options: { ignoreHref: !links, hideLinkHrefIfSameAsText: true, noAnchorUrl: true } },
      { selector: 'img', format: 'altText' },
      // The library writes headings in capitals by default.
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({
        selector,
        options: { uppercase: false },
      })),
    ],
    formatters: {
      altText: (
        element: { readonly attribs: { readonly alt?: string } },
        _walk: unknown,
        builder: { addInline(text: string): void },
      ) => builder.addInline(element.attribs.alt ?? ''),
    },
  }).trimEnd();
}

/** Maximum nesting of elements. */
const MAX_DEPTH = 200;
const EMPTY_ELEMENT = /^(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)(?![\w-])/i;
const BLOCK = /^\/?(?:p|div|li|tr|h\d)(?![\w-])/i;

/**
 * Removes the tags, not the text, of elements that are nested too deeply: the library recurses once per level, and its
 * time grows with the square of the depth. Elements that are never closed count as levels.
 */
function limitDepth(html: string): string {
  let depth = 0;
  return html.replace(/<(\/?[a-z][^<>]*)>/gi, (tag, inside: string) => {
    if (EMPTY_ELEMENT.test(inside)) return tag;
    const closes = inside.startsWith('/');
    const level = closes ? depth-- : ++depth;
    depth = Math.max(depth, 0);
    if (level <= MAX_DEPTH) return tag;
    return BLOCK.test(inside) ? '<br>' : '';
  });
}
