/** The part of the package html-to-text that is used; it has no declarations of its own. */
declare module 'html-to-text' {
  export function convert(html: string, options?: object): string;
}
