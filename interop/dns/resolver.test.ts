import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { createResolver, type FailedAnswer, type FetchFunction, findMailRoute, type Resolver } from '@mb/dns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority } from '../lab/certificate.ts';
import { type Knot, startKnot } from '../lab/knot.ts';
import type { LabProcess } from '../lab/process.ts';
import { startUnbound, type Unbound } from '../lab/unbound.ts';
import { startBind } from './bind.ts';

const long = Array.from({ length: 20 }, (_, index) => `"${String(index).padStart(200, 'x')}"`).join(' ');
const records = [
  '@ MX 10 mx',
  '@ MX 20 alias',
  '@ A 192.0.2.10',
  'mx A 192.0.2.1',
  'mx AAAA 2001:db8::1',
  'alias CNAME step',
  'step CNAME mx',
  'loop CNAME pool',
  'pool CNAME loop',
  'empty TXT "only text"',
  `long TXT ${long}`,
  '_25._tcp.mx TLSA 3 1 1 abababababababababababababababababababababababababababababababab',
  '*.many A 192.0.2.77',
];

let knot: Knot;
let validating: Unbound;
let plain: Unbound;
let bind: LabProcess;
let caFile: string;

beforeAll(async () => {
  knot = await startKnot({
    zones: [
      { name: '.', records: [], signed: false },
      { name: 'signed.test', records },
      { name: 'bogus.test', records },
      { name: 'unsigned.test', records, signed: false },
    ],
  });
  // dead.test has a name server that does not exist.
  const zones = {
    ...Object.fromEntries(knot.zones.map(({ name }) => [name, knot.address])),
    'dead.test': '127.9.9.9',
  };
  const trustAnchors = knot.trustAnchors.map((anchor) =>
    anchor.startsWith('bogus.test.') ? anchor.replace(/[0-9a-f]{64}$/i, 'ab'.repeat(32)) : anchor,
  );
  const authority = await makeAuthority();
  caFile = authority.certificateFile;
  validating = await startUnbound({ zones, trustAnchors, settings: ['ede: yes'] });
  plain = await startUnbound({ address: '127.0.0.52', zones });
  const bindZones = Object.fromEntries(Object.entries(zones).filter(([zone]) => zone !== '.'));
  bind = await startBind({
    zones: bindZones,
    trustAnchors,
    certificate: await authority.issue({ names: ['localhost'] }),
  });
}, 300_000);

afterAll(async () => {
  await bind?.stop();
  await plain?.stop();
  await validating?.stop();
  await knot?.stop();
});

/** What a validating and a plain resolver have in common. */
function checkAnswers(make: () => Resolver) {
  it('DNS-01 DNS-02 DNS-68 reads addresses, exchangers, TLSA, and text that needs TCP', async () => {
    const resolver = make();
    expect(await resolver.query('mx.signed.test', 'AAAA')).toMatchObject({
      status: 'found',
      records: ['2001:db8::1'],
    });
    expect(await resolver.query('_25._tcp.mx.signed.test', 'TLSA')).toMatchObject({
      records: [{ usage: 3, selector: 1, matchingType: 1, data: new Uint8Array(32).fill(0xab) }],
    });
    const text = await resolver.query('long.unsigned.test', 'TXT');
    expect(text.status === 'found' && text.records[0]?.join('')).toHaveLength(4_000);
  });

  it('DNS-01 DNS-63 distinguishes a missing name from missing data, and gives both a TTL', async () => {
    const resolver = make();
    expect(await resolver.query('empty.signed.test', 'A')).toMatchObject({ status: 'nodata' });
    const missing = await resolver.query('nothing.unsigned.test', 'A');
    expect(missing).toMatchObject({ status: 'nxdomain' });
    expect(missing.ttlSeconds).toBeGreaterThan(0);
    expect(missing.ttlSeconds).toBeLessThanOrEqual(300);
  });

  it('DNS-05 DNS-73 follows aliases, and fails when they form a loop', async () => {
    const resolver = make();
    expect(await resolver.query('alias.signed.test', 'A')).toMatchObject({
      status: 'found',
      canonicalName: 'mx.signed.test',
    });
    expect(await resolver.query('loop.unsigned.test', 'A')).toMatchObject({ status: 'servfail' });
  });

  it('DNS-69 reports within the deadline that no server of a zone answers', async () => {
    const answer = (await make().query('a.dead.test', 'A')) as FailedAnswer;
    expect(['servfail', 'timeout']).toContain(answer.status);
    expect(answer.reason).toContain('a.dead.test A');
  });

  it('MX-09 finds the mail route, addresses of both families', async () => {
    expect(await findMailRoute('signed.test', make())).toMatchObject({
      status: 'found',
      via: 'mx',
      hosts: [
        {
          name: 'mx.signed.test',
          addresses: [
            { address: '192.0.2.1', family: 4 },
            { address: '2001:db8::1', family: 6 },
          ],
        },
      ],
      skipped: [{ name: 'alias.signed.test' }],
    });
  });
}

/** What only validation shows. */
function checkValidation(make: () => Resolver) {
  it('DNS-64 marks signed answers and signed denials as authentic, unsigned ones not', async () => {
    const resolver = make();
    for (const [name, authentic] of [
      ['mx.signed.test', true],
      ['nothing.signed.test', true],
      ['empty.signed.test', true],
      ['alias.signed.test', true],
      ['mx.unsigned.test', false],
      ['nothing.unsigned.test', false],
    ] as const) {
      expect([name, (await resolver.query(name, 'A')).authentic]).toEqual([name, authentic]);
    }
    expect(await findMailRoute('signed.test', resolver)).toMatchObject({
      authentic: true,
      hosts: [{ authentic: true }],
    });
  });

  it('DNS-01 MX-13 reports a zone with a wrong key as bogus, and the failure of mail to it as temporary', async () => {
    const answer = (await make().query('mx.bogus.test', 'A')) as FailedAnswer;
    expect(answer, answer.reason).toMatchObject({ status: 'bogus', cause: 'validation' });
    expect(await findMailRoute('bogus.test', make())).toMatchObject({
      status: 'temporary',
      enhancedCode: '4.4.3',
    });
  });
}

describe('a validating Unbound', () => {
  const make = () => createResolver();
  checkAnswers(make);
  checkValidation(make);

  it('DNS-96 DNS-97 DNS-98 answers 10,000 questions at once without loss, with bounded sockets and memory', {
    timeout: 60_000,
  }, async () => {
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const residentKib = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    const resolver = createResolver({ cache: { maxEntries: 1_000 } });
    const before = { descriptors: descriptors(), residentKib: residentKib() };
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, descriptors());
    }, 5);
    const start = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 10_000 }, (_, index) => resolver.query(`n${index}.many.unsigned.test`, 'A')),
    );
    const elapsed = performance.now() - start;
    clearInterval(timer);
    const lost = answers.filter(({ status }) => status !== 'found').length;
    console.log(
      `10,000 lookups in ${Math.round(elapsed)} ms, at most ${most} descriptors, ${residentKib() - before.residentKib} KiB more memory`,
    );
    expect(lost).toBe(0);
    expect(most - before.descriptors).toBeLessThan(600);
    expect(residentKib() - before.residentKib).toBeLessThan(200_000);
  });
});

describe('a validating BIND', () => {
  const make = () => createResolver({ servers: ['127.0.0.1'] });
  checkAnswers(make);
  checkValidation(make);
});

describe('a validating BIND over HTTPS', () => {
  const make = () =>
    createResolver({
      servers: ['https://localhost/dns-query'],
      trustAuthenticData: true,
      fetch: fetchByHttp2,
    });
  checkAnswers(make);
  checkValidation(make);
});

describe('an Unbound that does not validate', () => {
  const make = () => createResolver({ servers: [plain.address] });
  checkAnswers(make);

  it('DNS-64 marks nothing as authentic, and cannot detect a bogus zone', async () => {
    expect((await make().query('mx.signed.test', 'A')).authentic).toBe(false);
    expect(await make().query('mx.bogus.test', 'A')).toMatchObject({ status: 'found', authentic: false });
  });
});

describe('several servers', () => {
  it('DNS-69 moves on from one that does not listen and one that does not answer', async () => {
    const resolver = createResolver({ servers: ['127.0.0.99', '127.0.0.53'], attemptTimeoutMs: 300 });
    expect(await resolver.query('mx.signed.test', 'A')).toMatchObject({ status: 'found' });
  });
});

/** BIND speaks HTTP/2 only, which node's own fetch does not by default: so the suite brings its own. */
const fetchByHttp2: FetchFunction = (url, init) =>
  new Promise((resolve, reject) => {
    const { origin, pathname } = new URL(url);
    const session = connect(origin, {
      ca: readFileSync(caFile),
      lookup: (_name, _options, callback) =>
        callback(null, [{ address: '127.0.0.1', family: 4 }] as never, 4),
    });
    session.on('error', reject);
    init.signal.addEventListener('abort', () => session.destroy());
    const length = String(init.body.length);
    const stream = session.request({
      ':method': 'POST',
      ':path': pathname,
      'content-length': length,
      ...init.headers,
    });
    const chunks: Buffer[] = [];
    let headers: Record<string, unknown> = {};
    stream.on('error', reject);
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      session.close();
      const status = Number(headers[':status']);
      resolve(
        new Response(Buffer.concat(chunks), {
          status,
          headers: { 'content-type': String(headers['content-type']) },
        }),
      );
    });
    stream.end(init.body);
  });
