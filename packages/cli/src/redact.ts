/**
 * Removes secrets that must not appear on a terminal or in a log: PEM keys, passwords in URLs, and base64 strings as
 * long as a key, since a user may give the key itself instead of its file.
 */
export function redact(text: string): string {
  return text
    .replaceAll(/-----BEGIN [^\n-]*(?:-----[\s\S]*?(?:-----END [^\n-]*-----|$)|$)/g, '[a key, not shown]')
    .replaceAll(/\b([a-z][a-z\d+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, '$1[not shown]@')
    .replaceAll(/(?<![\w./~-])[A-Za-z\d+/]{48,}={0,2}(?![\w.-])/g, (run) =>
      isKey(run) ? '[a key, not shown]' : run,
    );
}

/** Whether base64, which may begin with a slash as a path does, is a key: no name in a path is a long random word. */
function isKey(run: string): boolean {
  if (!run.startsWith('/')) return isMixed(run);
  return run.split('/').some((name) => name.length >= 16 && isMixed(name));
}

function isMixed(text: string): boolean {
  return /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
}
