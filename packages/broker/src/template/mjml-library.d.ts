/** What is used of the package mjml, which ships no declarations. */
declare module 'mjml' {
  interface Result {
    readonly html: string;
    readonly errors: readonly { readonly line: number; readonly message: string }[];
  }
  export default function compile(source: string, options: object): Result | Promise<Result>;
}
