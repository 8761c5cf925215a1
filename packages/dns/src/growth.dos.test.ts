import { describe, it } from 'vitest';
import { expectLinear, ignoringErrors } from '../../../vitest.growth.ts';
import { parseDmarcRecord } from './dmarc/record.ts';
import { normalizeDomain } from './domain.ts';
import { parseMtaStsPolicy } from './mta-sts/policy.ts';
import { parseServer } from './server-address.ts';
import { parseMacroString } from './spf/domain-spec.ts';
import { parseSpfRecord } from './spf/record.ts';
import { parseTlsRptRecord } from './tls-rpt.ts';

/** Each makes an input of about `n` characters and reads it. */
const readers: [name: string, run: (n: number) => void][] = [
  ['the terms of SPF', (n) => parseSpfRecord(`v=spf1 ${'ip4:192.0.2.1 '.repeat(n / 14)}`)],
  ['blanks of SPF', (n) => parseSpfRecord(`v=spf1${' '.repeat(n)}x`)],
  ['macros', (n) => parseMacroString('%{ir}.'.repeat(n / 6), 'domain')],
  ['percent signs', (n) => parseMacroString('%'.repeat(n), 'domain')],
  ['delimiters of a macro', (n) => parseMacroString(`%{d${'.'.repeat(n)}`, 'domain')],
  ['tags of DMARC', (n) => parseDmarcRecord(`v=DMARC1; p=none; ${'x=y; '.repeat(n / 5)}`)],
  ['blanks of DMARC', (n) => parseDmarcRecord(`v=DMARC1; p=none${' '.repeat(n)}x`)],
  [
    'report URIs of DMARC',
    (n) => parseDmarcRecord(`v=DMARC1; p=none; rua=${'mailto:a@b.test!1m,'.repeat(n / 19)}`),
  ],
  ['semicolons of TLS-RPT', (n) => parseTlsRptRecord(`v=TLSRPTv1${'; '.repeat(n / 2)}`)],
  ['URIs of TLS-RPT', (n) => parseTlsRptRecord(`v=TLSRPTv1; rua=${'mailto:a@b.test, '.repeat(n / 17)}`)],
  ['blanks of TLS-RPT', (n) => parseTlsRptRecord(`v=TLSRPTv1;${' '.repeat(n)}rua=x`)],
  [
    'lines of an MTA-STS policy',
    (n) => parseMtaStsPolicy(`version: STSv1\n${'mx: a.test\n'.repeat(n / 11)}`),
  ],
  ['blanks of an MTA-STS policy', (n) => parseMtaStsPolicy(`version: STSv1\nmode:${' '.repeat(n)}x`)],
  ['labels of a domain', (n) => normalizeDomain('a.'.repeat(n / 2))],
  ['dots of a domain', (n) => normalizeDomain('.'.repeat(n))],
  ['zones of a server', (n) => ignoringErrors(() => parseServer(`fe80::1${'%'.repeat(n)}\n`))],
  ['brackets of a server', (n) => ignoringErrors(() => parseServer('['.repeat(n)))],
];

describe('growth of time', () => {
  it.each(readers)('is linear for %s', (_, run) => {
    expectLinear(run);
  });
});
