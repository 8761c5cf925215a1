import { describe, expect, it } from 'vitest';
import { parseDmarcRecord } from './record.ts';

function parse(text: string) {
  const parsed = parseDmarcRecord(text);
  if (!parsed.ok) throw new Error(parsed.problems.join(' '));
  return parsed.record;
}

describe('parseDmarcRecord', () => {
  it('DMARC-06 reads every tag', () => {
    expect(
      parse(
        'v=DMARC1; p=Reject; sp=quarantine; np=none; adkim=S; aspf=r; t=y; psd=n; fo=1:d; rua=mailto:A@Example.test!10m , https://r.test/x; ruf=mailto:f@example.test; x=y',
      ),
    ).toMatchObject({
      policy: 'reject',
      subdomainPolicy: 'quarantine',
      nonexistentPolicy: 'none',
      dkimAlignment: 'strict',
      spfAlignment: 'relaxed',
      testing: true,
      publicSuffix: 'n',
      failureOptions: ['1', 'd'],
      aggregateReports: ['mailto:A@Example.test!10m', 'https://r.test/x'],
      failureReports: ['mailto:f@example.test'],
      problems: [],
    });
  });

  it('DMARC-15 fills in the defaults', () => {
    expect(parse('v = DMARC1 ;p=none')).toMatchObject({
      policy: 'none',
      subdomainPolicy: undefined,
      nonexistentPolicy: undefined,
      dkimAlignment: 'relaxed',
      spfAlignment: 'relaxed',
      testing: false,
      publicSuffix: 'u',
      failureOptions: ['0'],
      aggregateReports: [],
    });
  });

  it('DMARC-08 reports what is wrong instead of throwing', () => {
    const record = parse(
      'v=DMARC1; p=none; p=reject; adkim=x; t=yes; rua=dmarc@example.test, mailto:a@b.test; pct=50; garbage',
    );
    expect(record.policy).toBe('none');
    expect(record.aggregateReports).toEqual(['mailto:a@b.test']);
    expect(record.problems).toHaveLength(6);
  });

  it('DMARC-08 takes a wrong policy with a report address for none, and without for no record', () => {
    for (const wrong of ['p=block', 'sp=bounce; p=reject', 'p=reject; np=', '']) {
      expect(parseDmarcRecord(`v=DMARC1; ${wrong}`), wrong).toMatchObject({ ok: false });
      expect(parse(`v=DMARC1; ${wrong}; rua=mailto:a@b.test`)).toMatchObject({
        policy: 'none',
        subdomainPolicy: undefined,
      });
    }
    for (const text of [
      '',
      'v=dmarc1; p=none',
      'v=DMARC1x; p=none',
      'p=none; v=DMARC1',
      'v=DMARC2; p=none',
    ]) {
      expect(parseDmarcRecord(text), text).toMatchObject({ ok: false });
    }
  });
});
