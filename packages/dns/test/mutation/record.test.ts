import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { matchesMtaSts, parseDmarcRecord, parseMtaStsPolicy, parseSpfRecord } from '../../src/index.ts';
import { parseTlsRptRecord } from '../../src/tls-rpt.ts';

const timeout = mutationTimeoutMs;

/** Problems are text for people: each says something. */
function checkProblems(problems: readonly string[]): void {
  for (const problem of problems) expect(problem).toMatch(/\S/);
}

it(`MUT-01 parseSpfRecord gives a record or problems: ${mutationCount} records`, { timeout }, async () => {
  await mutateText({
    name: 'parseSpfRecord',
    samples: [
      'v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a mx:example.org/24//64 include:_spf.example.com -all',
      'v=spf1 exists:%{i}._spf.%{d2r.-} ?ptr:example.com redirect=%{h}.example.net exp=explain.%{d} x-y=%%%_%-',
    ],
    words: [
      ' ',
      ':',
      '/',
      '//',
      '%{',
      '}',
      '%',
      '%{ir}',
      '-all',
      'include:',
      'ip4:',
      'ip6:',
      'redirect=',
      '=',
      '::',
      '/33',
    ],
    check(text) {
      const parsed = parseSpfRecord(text);
      if (!parsed.ok) {
        expect(parsed.problems.length).toBeGreaterThan(0);
        checkProblems(parsed.problems.map(({ problem }) => problem));
        return 'refused';
      }
      // The terms of the record are the record: written again, it is the same to a checker.
      const { mechanisms, redirect, explanation } = parsed.record;
      const terms = [...mechanisms, ...[redirect, explanation].filter((one) => one !== undefined)];
      const again = parseSpfRecord(['v=spf1', ...terms.map((term) => term.text)].join(' '));
      expect(again.ok && { ...again.record, text }).toEqual(parsed.record);
      return 'accepted';
    },
  });
});

it(`MUT-01 parseDmarcRecord gives a record or problems: ${mutationCount} records`, { timeout }, async () => {
  await mutateText({
    name: 'parseDmarcRecord',
    samples: [
      'v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=r; rua=mailto:a@example.com!10m,https://example.com/x; ruf=mailto:b@example.com; fo=1:d:s; t=y; psd=n; pct=50',
      'v = DMARC1 ;p=none;rua=mailto:a@example.com',
    ],
    words: [';', '=', 'p=', 'p=none', 'rua=', 'mailto:', ',', '!', '!10m', ':', 'v=DMARC1', ' ', 't=y'],
    check(text) {
      const parsed = parseDmarcRecord(text);
      if (parsed.ok) {
        checkProblems(parsed.record.problems);
        expect(['none', 'quarantine', 'reject']).toContain(parsed.record.policy);
        return 'accepted';
      }
      expect(parsed.problems.length).toBeGreaterThan(0);
      checkProblems(parsed.problems);
      return 'refused';
    },
  });
});

it(`MUT-01 MUT-02 parseMtaStsPolicy gives a policy or problems, and reads again what is written: ${mutationCount} policies`, {
  timeout,
}, async () => {
  await mutateText({
    name: 'parseMtaStsPolicy',
    samples: [
      'version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmx: *.example.net\r\nmax_age: 604800\r\n',
      'version: STSv1\nmode: none\nmax_age: 86400\n',
    ],
    words: ['\r\n', '\n', ': ', 'mx: ', '*.', 'mode: testing', 'max_age: ', 'version: STSv1', '\r', '.', '-'],
    check(text) {
      const parsed = parseMtaStsPolicy(text);
      checkProblems(parsed.problems);
      if (!parsed.ok) return 'refused';
      const { mode, mx, maxAgeSeconds } = parsed.policy;
      expect(matchesMtaSts(parsed.policy, 'mx.other.example')).toBe(
        mx.includes('mx.other.example') || mx.includes('*.other.example'),
      );
      const lines = [
        'version: STSv1',
        `mode: ${mode}`,
        ...mx.map((host) => `mx: ${host}`),
        `max_age: ${maxAgeSeconds}`,
      ];
      const again = parseMtaStsPolicy(lines.join('\r\n'));
      expect(again).toEqual({ ok: true, policy: parsed.policy, problems: [] });
      return 'accepted';
    },
  });
});

it(`MUT-01 parseTlsRptRecord gives URIs or problems: ${mutationCount} records`, { timeout }, async () => {
  await mutateText({
    name: 'parseTlsRptRecord',
    samples: [
      'v=TLSRPTv1; rua=mailto:tls@example.com,https://example.com/report',
      'v=TLSRPTv1;rua=mailto:a@example.com;',
    ],
    words: [';', '=', ',', 'rua=', 'mailto:', 'https://', '@', '!', ' '],
    check(text) {
      const { reportUris, problems } = parseTlsRptRecord(text);
      checkProblems(problems);
      for (const uri of reportUris) expect(uri).toMatch(/^(mailto:|https:\/\/)[^\s!]+$/i);
      return reportUris.length > 0 ? 'accepted' : 'refused';
    },
  });
});
