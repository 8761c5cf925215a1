/**
 * Removes secrets that must not appear on a terminal or in a log: PEM keys, passwords in URLs, and base64 strings as
 * long as a key, since a user may give the key itself instead of its file.
 */
export function redact(text: string): string {
  return text
    .replaceAll(/-----BEGIN [^\n-]*(?:-----[\s\S]*?(?:-----END [^\n-]*-----|$)|$)/g, '[a key, not shown]')
    .replaceAll(/\b([a-z][a-z\d+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, '$1[not shown]@')
    .replaceAll(/(?<![\w./~-])[A-Za-z\d+][A-Za-z\d+/]{47,}={0,2}(?![\w.-])/g, (run) =>
      /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run) ? '[a key, not shown]' : run,
    );
}
