/** The part of mailauth that is used; it has no types for this file. */
declare module 'mailauth/lib/dkim/verify.js' {
  export function dkimVerify(
    message: Uint8Array,
    options: { readonly resolver?: (name: string) => Promise<string[][]> },
  ): Promise<{ readonly results: readonly object[] }>;
}
