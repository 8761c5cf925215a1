/**
 * Takes out of a text what nobody must read in a terminal's history or a log: PEM keys, URLs with a password, and runs of
 * base64 as long as a key. Somebody gave the key itself where the name of its file is wanted, say.
 */
export function redact(text: string): string {
  return text
    .replaceAll(/-----BEGIN [^\n-]*(?:-----[\s\S]*?(?:-----END [^\n-]*-----|$)|$)/g, '[a key, not shown]')
    .replaceAll(/\b([a-z][a-z\d+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, '$1[not shown]@')
    .replaceAll(/(?<![\w./~-])[A-Za-z\d+][A-Za-z\d+/]{47,}={0,2}(?![\w.-])/g, (run) =>
      /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run) ? '[a key, not shown]' : run,
    );
}
