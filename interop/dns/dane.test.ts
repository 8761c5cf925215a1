import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createResolver, findMailRoute, lookupTlsa, matchTlsa, type TlsaRecord } from '@mb/dns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IssuedCertificate, makeRoot } from '../../packages/dns/test/io/certificates.ts';
import { type Certificate, makeAuthority } from '../lab/certificate.ts';
import { makeFolder } from '../lab/folder.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { runCommand, startProcess } from '../lab/process.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';
import { startUnbound } from '../lab/unbound.ts';

/** Data of a TLSA record for a certificate. */
function tlsa(usage: number, selector: number, matchingType: number, x509: X509Certificate): TlsaRecord {
  const selected = selector === 0 ? x509.raw : x509.publicKey.export({ type: 'spki', format: 'der' });
  const digest = (name: string) => createHash(name).update(selected).digest();
  const data = matchingType === 0 ? selected : digest(matchingType === 1 ? 'sha256' : 'sha512');
  return { usage, selector, matchingType, data: new Uint8Array(data) };
}

const present = ({ usage, selector, matchingType, data }: TlsaRecord) =>
  `${usage} ${selector} ${matchingType} ${Buffer.from(data).toString('hex')}`;

const host = 'mx.example.test';
const names = { commonName: 'x', names: [`${host}`] };
const root = await makeRoot('Root');
const middle = await root.issue({ commonName: 'Middle', ca: true });
const oldMiddle = await root.issue({ commonName: 'Old middle', ca: true, notAfter: new Date('2025-06-01') });
const stranger = await makeRoot('Stranger');
const chains: Record<string, readonly IssuedCertificate[]> = {
  'leaf and issuers': [await middle.issue(names), middle, root],
  'issuers in disorder': [await middle.issue(names), root, middle],
  'leaf and one issuer': [await middle.issue(names), middle],
  'leaf alone': [await middle.issue(names)],
  'another name': [await middle.issue({ commonName: 'x', names: ['other.test'] }), middle, root],
  'name in the subject only': [await middle.issue({ commonName: host }), middle, root],
  wildcard: [await middle.issue({ commonName: 'x', names: ['*.example.test'] }), middle, root],
  'expired leaf': [await middle.issue({ ...names, notAfter: new Date('2025-06-01') }), middle, root],
  'expired issuer': [await oldMiddle.issue(names), oldMiddle, root],
  'self-signed': [await makeRoot(host)],
};

describe('TLSA matching beside openssl s_client', () => {
  it('DANE-02 agrees for every chain, usage, selector and matching type', { timeout: 240_000 }, async () => {
    const disagreements: string[] = [];
    let compared = 0;
    let matches = 0;
    let port = 9_000;
    for (const [name, chain] of Object.entries(chains)) {
      const server = await startServer(chain, ++port);
      try {
        const anchors = [...new Set([...chain, middle, root, stranger])];
        for (const certificate of anchors) {
          for (const [usage, selector, matchingType] of combinations()) {
            const record = tlsa(usage, selector, matchingType, certificate.x509);
            const peer = {
              chain: chain.map(({ x509 }) => x509.raw),
              referenceNames: [host],
              now: Date.now(),
            };
            const ours = matchTlsa([record], peer).matched;
            const theirs = await verifies(port, record);
            compared++;
            if (ours) matches++;
            const of = anchors.indexOf(certificate);
            if (ours !== theirs)
              disagreements.push(`${name}: ${usage} ${selector} ${matchingType} of ${of}: ours ${ours}`);
          }
        }
      } finally {
        await server.stop();
      }
    }
    console.log(`${compared} comparisons, ${matches} matches`);
    expect(matches).toBeGreaterThan(50);
    expect(disagreements).toEqual([]);
  });

  function* combinations(): Generator<readonly [number, number, number]> {
    for (const usage of [2, 3])
      for (const selector of [0, 1]) for (const matchingType of [0, 1]) yield [usage, selector, matchingType];
    yield [2, 0, 2];
    yield [3, 1, 2];
  }

  async function startServer(chain: readonly IssuedCertificate[], at: number) {
    const folder = makeFolder('dane');
    writeFileSync(join(folder, 'leaf.pem'), chain[0]!.pem);
    writeFileSync(join(folder, 'key.pem'), chain[0]!.keyPem);
    writeFileSync(
      join(folder, 'rest.pem'),
      chain
        .slice(1)
        .map(({ pem }) => pem)
        .join(''),
    );
    const rest = chain.length > 1 ? ['-cert_chain', 'rest.pem'] : [];
    const args = [
      's_server',
      '-accept',
      `127.0.0.1:${at}`,
      '-cert',
      'leaf.pem',
      '-key',
      'key.pem',
      ...rest,
      '-quiet',
      '-www',
      '-naccept',
      '1000',
    ];
    return startProcess('openssl', { args, cwd: folder, ready: { address: '127.0.0.1', port: at } });
  }

  async function verifies(at: number, record: TlsaRecord): Promise<boolean> {
    // RFC 7672 §3.1.1: usage 3 ignores names; openssl needs an option for this.
    const { stdout } = await runCommand('openssl', [
      ...[
        's_client',
        '-connect',
        `127.0.0.1:${at}`,
        '-servername',
        host,
        '-brief',
        '-dane_ee_no_namechecks',
        '-verify_return_error',
      ],
      ...['-dane_tlsa_domain', host, '-dane_tlsa_rrdata', present(record)],
    ]).then(({ stdout, stderr }) => ({ stdout: stdout + stderr }));
    return /^Verification: OK$/m.test(stdout);
  }
});

describe('DANE beside posttls-finger', () => {
  let dns: SignedDns;
  let postfix: Postfix;
  let certificate: Certificate;

  beforeAll(async () => {
    const authority = await makeAuthority();
    certificate = await authority.issue({ names: ['mx.example.com'] });
    const records = ['@ MX 10 mx', 'mx A 127.0.1.25'];
    dns = await startSignedDns([
      { name: 'example.com', records },
      { name: 'example.org', records: ['@ MX 10 mx.example.com.'], signed: false },
      { name: 'example.net', records: ['@ MX 10 alias', 'alias CNAME mx.example.com.'] },
    ]);
    // Each step starts its own validating resolver in front of the same zones.
    await dns.unbound.stop();
    postfix = await startPostfix({
      hostname: 'mx.example.com',
      addresses: ['127.0.1.25'],
      mailboxes: ['ada@example.com'],
      certificate,
    });
  }, 300_000);
  afterAll(async () => {
    await postfix?.stop();
    await dns?.knot.stop();
  });

  /** The result of posttls-finger at level dane: verified by DANE, or TLS without verification. */
  async function finger(domain: string): Promise<'verified' | 'not verified'> {
    const { stdout, stderr } = await runCommand(
      'posttls-finger',
      ['-c', '-l', 'dane', '-L', 'summary', domain],
      { env: { MAIL_CONFIG: postfix.configurationFolder } },
    );
    const output = stdout + stderr;
    if (!/ TLS connection established/.test(output)) throw new Error(output);
    return /Verified TLS connection/.test(output) ? 'verified' : 'not verified';
  }

  async function ours(domain: string): Promise<string> {
    const resolver = createResolver({ cache: false });
    const route = await findMailRoute(domain, resolver, { allowAddresses: ['127.0.0.0/8'] });
    if (route.status !== 'found') return route.status;
    const [host] = route.hosts;
    const found = await lookupTlsa({ host: host!, routeAuthentic: route.authentic, domain }, resolver);
    if (found.status === 'temporary') return 'deferred';
    if (found.status === 'none') return 'opportunistic';
    if (found.status === 'unusable') return 'unverified';
    const chain = [new X509Certificate(readFileSync(certificate.certificateFile)).raw];
    const match = matchTlsa(found.records, { chain, referenceNames: found.referenceNames, now: Date.now() });
    return match.matched ? 'verified' : 'unmatched';
  }

  it('DANE-01 DANE-02 has the same result for each record and each kind of zone', {
    timeout: 120_000,
  }, async () => {
    const x509 = new X509Certificate(readFileSync(certificate.certificateFile));
    const right = present(tlsa(3, 1, 1, x509));
    const wrong = `3 1 1 ${'11'.repeat(32)}`;
    const seen: string[] = [];
    for (const [what, data] of [
      ['none', []],
      ['right', [right]],
      ['right among wrong', [wrong, right]],
      ['unusable', [`1 1 1 ${'00'.repeat(32)}`]],
      ['wrong', [wrong]],
    ] as const) {
      await dns.knot.setRecords('example.com', '_25._tcp.mx', 'TLSA', data);
      // A resolver caches answers, so each step starts a new one.
      const zones = Object.fromEntries(dns.knot.zones.map((zone) => [zone.name, dns.knot.address]));
      const unbound = await startUnbound({ zones, trustAnchors: dns.knot.trustAnchors });
      try {
        for (const domain of ['example.com', 'example.net', 'example.org']) {
          seen.push(`${what}, ${domain}: ${await ours(domain)} / ${await finger(domain)}`);
        }
      } finally {
        await unbound.stop();
      }
    }
    expect(seen).toEqual([
      'none, example.com: opportunistic / not verified',
      'none, example.net: opportunistic / not verified',
      'none, example.org: opportunistic / not verified',
      'right, example.com: verified / verified',
      'right, example.net: verified / verified',
      // The MX of example.org is not signed: RFC 7672 §2.2.1 leaves no room for DANE.
      'right, example.org: opportunistic / not verified',
      'right among wrong, example.com: verified / verified',
      'right among wrong, example.net: verified / verified',
      'right among wrong, example.org: opportunistic / not verified',
      'unusable, example.com: unverified / not verified',
      'unusable, example.net: unverified / not verified',
      'unusable, example.org: opportunistic / not verified',
      'wrong, example.com: unmatched / not verified',
      'wrong, example.net: unmatched / not verified',
      'wrong, example.org: opportunistic / not verified',
    ]);
  });
});
