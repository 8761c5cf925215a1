import type { Authentication } from './authentication.ts';

/** A verdict in a few words, such as `dkim=pass example.com` (RFC 8601 §2.7). */
export interface ShortVerdict {
  readonly method: 'dkim' | 'spf' | 'dmarc';
  readonly result: string;
  readonly detail: string;
}

/** The verdicts on a message, each signature on its own. */
export function listVerdicts({ dkim, spf, dmarc }: Authentication): ShortVerdict[] {
  const signatures = dkim.signatures.map(
    ({ status, domain, selector, detail }): ShortVerdict => ({
      method: 'dkim',
      result: status,
      detail: `${domain ?? '(no domain)'} ${selector ?? ''}: ${detail}`,
    }),
  );
  return [
    ...(signatures.length > 0
      ? signatures
      : [{ method: 'dkim' as const, result: dkim.status, detail: dkim.detail }]),
    ...(spf ? [{ method: 'spf' as const, result: spf.result, detail: spf.reason }] : []),
    { method: 'dmarc', result: dmarc.result, detail: dmarc.reason },
  ];
}
