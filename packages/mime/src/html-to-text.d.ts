/** What is used of the package html-to-text, which ships no declarations. */
declare module 'html-to-text' {
  export function convert(html: string, options?: object): string;
}
