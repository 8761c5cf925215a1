/// <reference path="./html-to-text.d.ts" />
/**
 * A plain text view of HTML. Needs the package html-to-text.
 *
 * @packageDocumentation
 */
import { convert } from 'html-to-text';
import { checkOptions, checkText, flag, integer, type OptionTable } from './argument.ts';

/** How the text of HTML is written. */
export interface TextFromHtmlOptions {
  /** Characters of a line before it is wrapped; default 0, which keeps each paragraph in one line. */
  readonly wrapColumn?: number | undefined;
  /** Whether the addresses of links are added in brackets after their text; default true. */
  readonly links?: boolean | undefined;
}

/** What {@link TextFromHtmlOptions} accept. @internal */
export const textFromHtmlOptions = {
  wrapColumn: /* @__PURE__ */ integer(0, 10_000),
  links: flag,
} satisfies OptionTable<TextFromHtmlOptions>;

/**
 * Writes HTML as plain text: for the `text` of a message that has only HTML, or to show or search what arrived.
 *
 * Pictures are left out but for their description; scripts and styles show nothing. The text ends without a line break.
 *
 * @param html  A document or a fragment.
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
      // Headings as they are written, not in capitals.
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

/** Elements inside each other. */
const MAX_DEPTH = 200;
const EMPTY_ELEMENT = /^(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)(?![\w-])/i;
const BLOCK = /^\/?(?:p|div|li|tr|h\d)(?![\w-])/i;

/**
 * Leaves out the tags, not the text, of elements that nest too deep: the library calls itself for each level, and takes
 * time that grows with the square of the levels. Elements that nothing closes count as levels.
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
