import type { MtaStsOutcome, TlsaLookup } from '@mb/dns';
import { describe, expect, it } from 'vitest';
import { decideSecurity, type HostFacts, type SenderPolicy } from './tls-policy.ts';

const record = { usage: 3, selector: 1, matchingType: 1, data: new Uint8Array(32) };
const tlsa = {
  none: { status: 'none', reason: 'No records.' },
  found: {
    status: 'found',
    baseDomain: 'mx.example.test',
    records: [record],
    referenceNames: ['mx.example.test', 'example.test'],
    ttlSeconds: 300,
  },
  unusable: {
    status: 'unusable',
    baseDomain: 'mx.example.test',
    reason: 'No usable record.',
    ttlSeconds: 300,
  },
  temporary: { status: 'temporary', scope: 'domain', reason: 'SERVFAIL.' },
} satisfies Record<string, TlsaLookup>;

function sts(mode: 'enforce' | 'testing' | 'none', ...mx: string[]): MtaStsOutcome {
  const policy = { mode, mx, maxAgeSeconds: 86_400 };
  return { status: 'policy', domain: 'example.test', id: '1', source: 'fetched', policy };
}

const noSts: MtaStsOutcome = { status: 'none', domain: 'example.test' };

function decide(facts: Partial<HostFacts>, sender: Partial<SenderPolicy> = {}) {
  const host = { name: 'mx.example.test', tlsa: tlsa.none, mtaSts: noSts, routeAuthentic: false, ...facts };
  const decided = decideSecurity(host, { minimum: 'opportunistic', requireTls: false, ...sender });
  return decided.usable
    ? `${decided.basis}: ${decided.tls.level}`
    : `${decided.basis}: no (${decided.enhanced})`;
}

describe('POL-01 DANE before MTA-STS before opportunistic', () => {
  it('POL-01 uses DANE where TLSA records are found, whatever MTA-STS says', () => {
    expect(decide({ tlsa: tlsa.found })).toBe('dane: dane');
    expect(decide({ tlsa: tlsa.found, mtaSts: sts('enforce', 'mx.example.test') })).toBe('dane: dane');
    expect(decide({ tlsa: tlsa.found, mtaSts: sts('enforce', 'other.example.test') })).toBe('dane: dane');
  });

  it('POL-05 never lets MTA-STS rescue a failing TLSA lookup', () => {
    expect(decide({ tlsa: tlsa.temporary })).toBe('dane: no (4.7.5)');
    expect(decide({ tlsa: tlsa.temporary, mtaSts: sts('enforce', 'mx.example.test') })).toBe(
      'dane: no (4.7.5)',
    );
  });

  it('POL-07 requires TLS when no TLSA record can be used, and the certificate too when MTA-STS asks for it', () => {
    expect(decide({ tlsa: tlsa.unusable })).toBe('dane: required');
    expect(decide({ tlsa: tlsa.unusable, mtaSts: sts('enforce', 'mx.example.test') })).toBe(
      'mta-sts: verified',
    );
  });

  it('POL-01 verifies hosts of an enforced policy and skips all others', () => {
    expect(decide({ mtaSts: sts('enforce', '*.example.test') })).toBe('mta-sts: verified');
    expect(decide({ mtaSts: sts('enforce', 'other.example.test') })).toBe('mta-sts: no (4.7.5)');
  });

  it('POL-06 is blocked by no policy in testing mode', () => {
    expect(decide({ mtaSts: sts('testing', 'other.example.test') })).toBe('opportunistic: opportunistic');
    expect(decide({ mtaSts: sts('none') })).toBe('opportunistic: opportunistic');
  });

  it('takes the sender’s minimum where no policy is published', () => {
    expect(decide({}, { minimum: 'required' })).toBe('configured: required');
    expect(decide({}, { minimum: 'verified' })).toBe('configured: verified');
    expect(decide({ tlsa: tlsa.found }, { minimum: 'verified' })).toBe('dane: dane');
  });
});

describe('POL-03 REQUIRETLS', () => {
  it('POL-03 wants the host proven by DNSSEC or MTA-STS and its certificate verified', () => {
    const sender = { requireTls: true };
    expect(decide({}, sender)).toBe('requiretls: no (5.7.30)');
    expect(decide({}, { ...sender, minimum: 'verified' })).toBe('requiretls: no (5.7.30)');
    expect(decide({ tlsa: tlsa.unusable }, sender)).toBe('requiretls: no (5.7.30)');
    expect(decide({ routeAuthentic: true }, sender)).toBe('requiretls: verified');
    expect(decide({ mtaSts: sts('enforce', 'mx.example.test') }, sender)).toBe('mta-sts: verified');
    expect(decide({ tlsa: tlsa.found }, sender)).toBe('dane: dane');
  });
});
