import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createMtaStsCache,
  createMtaStsFileStore,
  createResolver,
  diagnoseSender,
  fetchMtaStsPolicy,
  lookupMtaSts,
  type MtaStsFetchOptions,
} from '@mb/dns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IssuedCertificate, makeRoot } from '../../packages/dns/test/io/certificates.ts';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { type LabProcess, startProcess } from '../lab/process.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';

const root = await makeRoot('Root');
const issue = (host: string, more = {}) => root.issue({ commonName: 'x', names: [host], ...more });
const policy = 'version: STSv1\r\nmode: enforce\r\nmx: mx.good.test\r\nmax_age: 604800\r\n';

/** What nginx does for each domain: its certificate, and the body of its `location` block. */
const sites: Record<string, { certificate: IssuedCertificate; location: string }> = {
  'good.test': { certificate: await issue('mta-sts.good.test'), location: 'alias FOLDER/policy.txt;' },
  'expired.test': {
    certificate: await issue('mta-sts.expired.test', { notAfter: new Date('2025-06-01') }),
    location: 'alias FOLDER/policy.txt;',
  },
  'wrong-name.test': { certificate: await issue('mta-sts.other.test'), location: 'alias FOLDER/policy.txt;' },
  'self-signed.test': {
    certificate: await makeRoot('mta-sts.self-signed.test'),
    location: 'alias FOLDER/policy.txt;',
  },
  'redirect.test': {
    certificate: await issue('mta-sts.redirect.test'),
    location: 'return 301 https://mta-sts.good.test$uri;',
  },
  'huge.test': { certificate: await issue('mta-sts.huge.test'), location: 'alias FOLDER/huge.txt;' },
  'slow.test': {
    certificate: await issue('mta-sts.slow.test'),
    location: 'limit_rate 5; alias FOLDER/policy.txt;',
  },
  'html.test': {
    certificate: await issue('mta-sts.html.test'),
    location: 'types { } default_type text/html; alias FOLDER/policy.txt;',
  },
  'missing.test': { certificate: await issue('mta-sts.missing.test'), location: 'return 404;' },
};

let dns: SignedDns;
let nginx: LabProcess;
let folder: string;

beforeAll(async () => {
  await ensureDebianPackages(['nginx-light']);
  folder = makeFolder('nginx');
  const lab = Object.keys(sites).map((name) => ({
    name,
    records: [
      '@ MX 10 mx',
      'mx A 127.0.1.25',
      'mta-sts A 127.0.2.44',
      '_mta-sts TXT "v=STSv1; id=20260101;"',
    ],
  }));
  dns = await startSignedDns(lab);
  writeFileSync(join(folder, 'policy.txt'), policy);
  writeFileSync(join(folder, 'huge.txt'), policy + 'x-fill: 1234567890\r\n'.repeat(20_000));
  const servers = Object.entries(sites).map(([domain, { certificate, location }]) => {
    writeFileSync(join(folder, `${domain}.pem`), certificate.pem);
    writeFileSync(join(folder, `${domain}.key`), certificate.keyPem);
    return `server {
      listen 127.0.2.44:443 ssl;
      server_name mta-sts.${domain};
      ssl_certificate ${folder}/${domain}.pem;
      ssl_certificate_key ${folder}/${domain}.key;
      location /.well-known/mta-sts.txt { ${location.replaceAll('FOLDER', folder)} }
    }`;
  });
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; user root; pid ${folder}/pid; error_log stderr; events { }
    http { access_log off; types { text/plain txt; } client_body_temp_path ${folder}; ${servers.join('\n')} }`,
  );
  nginx = await startProcess('/usr/sbin/nginx', {
    args: ['-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
    ready: { address: '127.0.2.44', port: 443 },
  });
}, 300_000);

afterAll(async () => {
  await nginx?.stop();
  await dns?.stop();
});

const lab: MtaStsFetchOptions = { ca: root.pem, allowAddresses: ['127.0.0.0/8'] };
const fetchFrom = (domain: string, options: MtaStsFetchOptions = {}) =>
  fetchMtaStsPolicy(domain, createResolver(), { ...lab, ...options });

describe('MTA-STS from nginx', () => {
  it('STS-01 fetches the policy that the record announces', async () => {
    expect(await lookupMtaSts('good.test', createResolver())).toMatchObject({
      status: 'found',
      id: '20260101',
    });
    expect(await fetchFrom('good.test')).toEqual({
      status: 'fetched',
      policy: { mode: 'enforce', mx: ['mx.good.test'], maxAgeSeconds: 604_800 },
      problems: [],
    });
  });

  it('STS-01 STS-06 refuses wrong certificates, redirects, other types, and what is too large or too slow', async () => {
    for (const [domain, cause] of [
      ['expired.test', 'tls'],
      ['wrong-name.test', 'tls'],
      ['self-signed.test', 'tls'],
      ['redirect.test', 'http'],
      ['missing.test', 'http'],
      ['html.test', 'content-type'],
      ['huge.test', 'size'],
      ['slow.test', 'timeout'],
      ['nowhere.test', 'address'],
    ] as const) {
      const fetched = await fetchFrom(domain, { timeoutMs: 2_000 });
      expect([domain, fetched.status, fetched.status === 'failed' && fetched.cause]).toEqual([
        domain,
        'failed',
        cause,
      ]);
    }
    // Without the lab's authority the good one is not trusted either.
    const { ca: _ca, ...withoutCa } = lab;
    expect(await fetchMtaStsPolicy('good.test', createResolver(), withoutCa)).toMatchObject({ cause: 'tls' });
  });

  it('STS-03 STS-11 keeps the policy when the host fails or the record disappears, also across a restart', async () => {
    const store = () => createMtaStsFileStore(join(folder, 'store'));
    const cache = (name: string) =>
      createMtaStsCache(createResolver({ cache: false }), {
        store: store(),
        fetchPolicy: () => fetchFrom(name, { timeoutMs: 2_000 }),
      });
    expect(await cache('good.test').policyFor('good.test')).toMatchObject({
      status: 'policy',
      source: 'fetched',
    });
    await dns.knot.setRecords('good.test', '_mta-sts', 'TXT', ['"v=STSv1; id=2"']);
    const unbound = dns.unbound;
    await unbound.stop();
    const { startUnbound } = await import('../lab/unbound.ts');
    const zones = Object.fromEntries(dns.knot.zones.map((zone) => [zone.name, dns.knot.address]));
    const fresh = await startUnbound({ zones, trustAnchors: dns.knot.trustAnchors });
    try {
      expect(await cache('expired.test').policyFor('good.test')).toMatchObject({
        status: 'policy',
        source: 'cached',
        id: '20260101',
        problem: expect.stringContaining('certificate'),
      });
    } finally {
      await fresh.stop();
    }
    expect(readFileSync(join(folder, 'policy.txt'), 'utf8')).toBe(policy);
    // The policy stays even when the resolver is gone.
    expect(await cache('good.test').policyFor('good.test')).toMatchObject({
      status: 'policy',
      source: 'cached',
    });
  }, 60_000);

  it('DIAG-06 reports DNS as the problem when nothing resolves', async () => {
    const findings = await diagnoseSender(
      { domain: 'good.test', addresses: ['192.0.2.1'], probe: false },
      createResolver(),
    );
    expect(findings.map(({ severity }) => severity)).toEqual(findings.map(() => 'warning'));
  });
});
