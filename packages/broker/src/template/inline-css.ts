/**
 * Style sheets of HTML written into its elements. Needs the package juice.
 *
 * @packageDocumentation
 */
import juice from 'juice';
import { checkText, flag, type OptionTable, readOptions, text } from '../option-table.ts';

/** How {@link inlineCss} writes styles. */
export interface InlineCssOptions {
  /** A style sheet besides the `<style>` elements of the HTML. */
  readonly css?: string | undefined;
  /** Whether `<style>` elements stay as they are; default false: only what no attribute can say stays, such as media queries. */
  readonly keepStyles?: boolean | undefined;
}

/** What {@link InlineCssOptions} accept. @internal */
export const inlineCssOptions = {
  css: text('a style sheet'),
  keepStyles: flag(),
} satisfies OptionTable<InlineCssOptions>;

/**
 * Writes the rules of style sheets into `style` attributes, for mail programs that ignore `<style>`.
 *
 * Media queries, `:hover` and the like stay in a `<style>` element. Linked style sheets are not fetched. Gaps such as
 * `{{name}}` stay as they are, so that a template is prepared once; values that are filled in later are not styled.
 *
 * @param html  A document or a fragment.
 * @example
 * const html = inlineCss('<style>p { color: #333 }</style><p>Hello {{name}}</p>');
 * // <p style="color: #333;">Hello {{name}}</p>
 */
export function inlineCss(html: string, options: InlineCssOptions = {}): string {
  checkText(html, 'inlineCss: html');
  const { css = '', keepStyles = false } = readOptions(options, inlineCssOptions, 'inlineCss: options');
  return juice(html, { extraCss: css, removeStyleTags: !keepStyles, preserveImportant: true });
}
