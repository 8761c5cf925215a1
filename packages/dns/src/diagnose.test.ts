import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type DiagnosisOptions, diagnoseSender } from './diagnose.ts';
import type { ProbeResult } from './diagnosis/connect-probe.ts';
import { formatPublishedRecord, worstSeverity } from './diagnosis/finding.ts';
import { createMemoryResolver, type MemoryResolver, type MemoryZones } from './memory.ts';
import type { MtaStsFetch } from './mta-sts/fetch.ts';
import { reverseName } from './reverse.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const pem = (key: typeof rsa.privateKey) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const rsaRecord = `v=DKIM1; k=rsa; p=${rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`;
const edRecord = `v=DKIM1; k=ed25519; p=${Buffer.from(ed25519.publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('base64')}`;

const policy: MtaStsFetch = {
  status: 'fetched',
  policy: { mode: 'enforce', mx: ['mx.a.test'], maxAgeSeconds: 86_400 },
  problems: [],
};

const sound: MemoryZones = {
  'a.test': { MX: [[10, 'mx.a.test']], TXT: 'v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all' },
  'mx.a.test': { A: '192.0.2.200' },
  'mail.a.test': { A: '192.0.2.1', AAAA: '2001:db8::1' },
  [reverseName('192.0.2.1')]: { PTR: 'mail.a.test' },
  [reverseName('2001:db8::1')]: { PTR: 'mail.a.test' },
  's1._domainkey.a.test': { TXT: [[rsaRecord.slice(0, 200), rsaRecord.slice(200)]] },
  's2._domainkey.a.test': { TXT: edRecord },
  '_dmarc.a.test': { TXT: 'v=DMARC1; p=reject; rua=mailto:d@a.test' },
  '_mta-sts.a.test': { TXT: 'v=STSv1; id=1' },
  '_smtp._tls.a.test': { TXT: 'v=TLSRPTv1; rua=mailto:t@a.test' },
};

const base: DiagnosisOptions = {
  domain: 'a.test',
  addresses: ['192.0.2.1', '2001:db8::1'],
  helo: 'mail.a.test',
  dkim: [
    { selector: 's1', privateKey: pem(rsa.privateKey) },
    { selector: 's2', privateKey: ed25519.privateKey },
  ],
  fetchPolicy: async () => policy,
  probe: { connect: async () => 'greeted' },
};

async function diagnose(
  zones: MemoryZones,
  options: Partial<DiagnosisOptions> = {},
  prepare: (resolver: MemoryResolver) => void = () => {},
) {
  const resolver = createMemoryResolver({ ...sound, ...zones });
  prepare(resolver);
  return diagnoseSender({ ...base, ...options }, resolver);
}

const grave = (findings: Awaited<ReturnType<typeof diagnose>>) =>
  findings
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ check, severity }) => `${check} ${severity}`);

describe('diagnoseSender', () => {
  it('DIAG-01 finds nothing to change where all is well, and looked at everything', async () => {
    const findings = await diagnose({});
    expect(findings.map(({ severity }) => severity)).toEqual(findings.map(() => 'ok'));
    expect(new Set(findings.map(({ check }) => check))).toEqual(
      new Set(['ptr', 'helo', 'spf', 'dkim', 'dmarc', 'mx', 'mta-sts', 'tls-rpt', 'port-25']),
    );
    expect(worstSeverity(findings)).toBe('ok');
  });

  it('DIAG-02 gives each trouble its severity, evidence, a fix in one sentence, and the record to publish', async () => {
    const cases: [string, MemoryZones, string[], string?][] = [
      [
        'no reverse name',
        { [reverseName('192.0.2.1')]: {} },
        ['ptr error'],
        '1.2.0.192.in-addr.arpa. PTR mail.a.test.',
      ],
      [
        'reverse name elsewhere',
        { [reverseName('192.0.2.1')]: { PTR: 'mx.a.test' } },
        ['ptr error'],
        '1.2.0.192.in-addr.arpa. PTR mail.a.test.',
      ],
      [
        'HELO misses an address',
        { 'mail.a.test': { AAAA: '2001:db8::1' } },
        ['ptr error', 'helo warning'],
        'mail.a.test. A 192.0.2.1',
      ],
      [
        'SPF lacks an address',
        { 'a.test': { MX: [[1, 'mx.a.test']], TXT: 'v=spf1 ip6:2001:db8::1 -all' } },
        ['spf error'],
        'a.test. TXT "v=spf1 ip6:2001:db8::1 ip4:192.0.2.1 -all"',
      ],
      [
        'no SPF',
        { 'a.test': { MX: [[1, 'mx.a.test']] } },
        ['spf error', 'spf error'],
        'a.test. TXT "v=spf1 mx ip4:192.0.2.1 -all"',
      ],
      ['SPF lets all in', { 'a.test': { MX: [[1, 'mx.a.test']], TXT: 'v=spf1 +all' } }, ['spf error']],
      [
        'no DKIM',
        { 's1._domainkey.a.test': {} },
        ['dkim error'],
        `s1._domainkey.a.test. TXT "${rsaRecord.slice(0, 255)}" "${rsaRecord.slice(255)}"`,
      ],
      ['DKIM of another key', { 's1._domainkey.a.test': { TXT: edRecord } }, ['dkim error']],
      [
        'DKIM revoked',
        { 's2._domainkey.a.test': { TXT: 'v=DKIM1; p=' } },
        ['dkim error'],
        `s2._domainkey.a.test. TXT "${edRecord}"`,
      ],
      ['DKIM garbage', { 's2._domainkey.a.test': { TXT: 'v=DKIM1; p=AAAA' } }, ['dkim error']],
      ['DKIM twice', { 's2._domainkey.a.test': { TXT: [edRecord, edRecord] } }, ['dkim error']],
      ['DKIM in test', { 's2._domainkey.a.test': { TXT: `${edRecord}; t=y:s` } }, ['dkim warning']],
      [
        'no DMARC',
        { '_dmarc.a.test': {} },
        ['dmarc warning'],
        '_dmarc.a.test. TXT "v=DMARC1; p=none; rua=mailto:dmarc@a.test"',
      ],
      [
        'no MX',
        { 'a.test': { A: '192.0.2.9', TXT: 'v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all' } },
        ['mx warning', 'mta-sts error'],
        'a.test. MX 10 a.test.',
      ],
      [
        'null MX',
        { 'a.test': { MX: [[0, '.']], TXT: 'v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all' } },
        ['mx error'],
      ],
      ['MTA-STS broken', { '_mta-sts.a.test': { TXT: 'v=STSv1' } }, ['mta-sts error']],
      [
        'TLS-RPT broken',
        { '_smtp._tls.a.test': { TXT: 'v=TLSRPTv1; rua=x' } },
        ['tls-rpt warning'],
        '_smtp._tls.a.test. TXT "v=TLSRPTv1; rua=mailto:tls-reports@a.test"',
      ],
    ];
    for (const [name, zones, expected, published] of cases) {
      const findings = await diagnose(zones);
      expect([name, grave(findings)]).toEqual([name, expected]);
      const records = findings.flatMap(({ publish }) =>
        publish === undefined ? [] : [formatPublishedRecord(publish)],
      );
      if (published !== undefined) expect(records, name).toContain(published);
      for (const { severity, fix, message } of findings) {
        expect(message.length, name).toBeGreaterThan(10);
        if (severity === 'error' || severity === 'warning') expect(fix, name).toMatch(/^[A-Z][^\n]*\.$/);
      }
    }
  });

  it('DIAG-03 sees when the MTA-STS policy leaves an exchanger out or is not available', async () => {
    const other = { ...policy, policy: { ...policy.policy, mx: ['mx.other.test'] } } as MtaStsFetch;
    expect(grave(await diagnose({}, { fetchPolicy: async () => other }))).toEqual(['mta-sts error']);
    const failed: MtaStsFetch = { status: 'failed', cause: 'tls', reason: 'The certificate has expired.' };
    expect(grave(await diagnose({}, { fetchPolicy: async () => failed }))).toEqual(['mta-sts error']);
  });

  it('DIAG-04 sees a blocked port 25, and does not try its own addresses', async () => {
    const probe = (result: ProbeResult) => diagnose({}, { probe: { connect: async () => result } });
    expect(grave(await probe('timeout'))).toEqual(['port-25 error']);
    expect(grave(await probe('refused'))).toEqual(['port-25 warning']);
    expect(grave(await diagnose({}, { probe: false }))).toEqual([]);
    const own = await diagnose(
      { 'mx.a.test': { A: '192.0.2.1' } },
      { probe: { connect: async () => 'timeout' } },
    );
    expect(own.find(({ check }) => check === 'port-25')).toMatchObject({ severity: 'info' });
    const tried: string[] = [];
    const connect = async (address: string) => {
      tried.push(address);
      return 'greeted' as const;
    };
    await diagnose(
      { 'b.test': { MX: [[1, 'mx.b.test']] }, 'mx.b.test': { A: '192.0.2.77' } },
      { probe: { domains: ['b.test'], connect } },
    );
    expect(tried).toEqual(['192.0.2.77']);
  });

  it('DIAG-05 judges alignment by the MAIL FROM domain and the DKIM selectors', async () => {
    const zones = { 'other.test': { TXT: 'v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all' } };
    expect(grave(await diagnose(zones, { mailFrom: 'other.test', dkim: [] }))).toEqual(['dmarc error']);
    expect(grave(await diagnose(zones, { mailFrom: 'other.test' }))).toEqual([]);
  });

  it('DIAG-06 warns, and blames DNS, when DNS fails', async () => {
    const findings = await diagnose({}, {}, (resolver) => {
      for (const name of Object.keys(sound)) resolver.fail(name, 'servfail');
    });
    expect(findings.every(({ severity }) => severity !== 'error' && severity !== 'ok')).toBe(true);
  });

  it('refuses what cannot be diagnosed', async () => {
    await expect(diagnose({}, { domain: 'localhost' })).rejects.toMatchObject({
      code: 'MB_DNS_NAME_INVALID',
    });
    await expect(diagnose({}, { addresses: ['mail.a.test'] })).rejects.toMatchObject({
      code: 'MB_DNS_ADDRESS_INVALID',
    });
    await expect(diagnose({}, { adresses: [] } as never)).rejects.toMatchObject({
      code: 'MB_DNS_OPTION',
    });
    await expect(diagnose({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'MB_DNS_ABORTED',
    });
  });
});
