/** The EHLO keyword that allows each ESMTP parameter. */
const KEYWORDS = {
  // RFC 1870 §5, 6152 §3, 6531 §3.4, 3461 §4.3–4.4, 4954 §5, 8689 §3.
  MAIL: {
    SIZE: 'SIZE',
    BODY: '8BITMIME',
    SMTPUTF8: 'SMTPUTF8',
    RET: 'DSN',
    ENVID: 'DSN',
    AUTH: 'AUTH',
    REQUIRETLS: 'REQUIRETLS',
  },
  // RFC 3461 §4.1–4.2.
  RCPT: { NOTIFY: 'DSN', ORCPT: 'DSN' },
} as const;

/** Returns the first parameter that no offered keyword allows; undefined if there is none (RFC 5321 §4.1.1.11). */
export function refusedParameter(
  command: 'MAIL' | 'RCPT',
  parameters: readonly string[],
  offered: readonly string[],
): string | undefined {
  const names = new Set(offered.map((keyword) => keyword.split(' ')[0]!.toUpperCase()));
  const allowed: Readonly<Record<string, string>> = KEYWORDS[command];
  return parameters.find((parameter) => {
    const name = parameter.split('=')[0]!.toUpperCase();
    const binary = parameter.toUpperCase() === 'BODY=BINARYMIME';
    return !names.has(binary ? 'BINARYMIME' : (allowed[name] ?? ''));
  });
}
