import { type ParameterEntry, type WrongTypeWalk, wrongTypeCases } from '@mb/testkit/wrong-types';
import { describe, expect, it } from 'vitest';
import * as dns from './index.ts';
import * as memory from './memory.ts';
import { createMemoryResolver } from './memory.ts';

const resolver = createMemoryResolver({ 'example.com': { A: '192.0.2.1' } });
const policy = { mode: 'enforce', mx: ['*.example.com'], maxAgeSeconds: 5 } as const;

/** Every exported function whose first argument is text, by what it does with it. */
const readers: Readonly<Record<string, (value: never) => unknown>> = {
  normalizeDomain: (value) => dns.normalizeDomain(value),
  parseSpfRecord: (value) => dns.parseSpfRecord(value),
  isSpfRecord: (value) => dns.isSpfRecord(value),
  parseDmarcRecord: (value) => dns.parseDmarcRecord(value),
  parseMtaStsPolicy: (value) => dns.parseMtaStsPolicy(value),
  parseTlsRptRecord: (value) => dns.parseTlsRptRecord(value),
  matchesMtaSts: (value) => dns.matchesMtaSts(policy, value),
  addressRefusal: (value) => dns.addressRefusal(value),
  isDeliverable: (value) => dns.isDeliverable(value),
  reverseName: (value) => dns.reverseName(value),
  confirmReverse: (value) => dns.confirmReverse(value, resolver),
  findMailRoute: (value) => dns.findMailRoute(value, resolver),
  findSmarthostRoute: (value) => dns.findSmarthostRoute(value, resolver),
  lookupDmarc: (value) => dns.lookupDmarc(value, resolver),
  lookupMtaSts: (value) => dns.lookupMtaSts(value, resolver),
  lookupTlsRpt: (value) => dns.lookupTlsRpt(value, resolver),
  fetchMtaStsPolicy: (value) => dns.fetchMtaStsPolicy(value, resolver, { timeoutMs: 50 }),
  explainSpf: (value) => dns.explainSpf(value, resolver),
  'checkHost ip': (value) => dns.checkHost({ ip: value, sender: 'a@example.com', helo: 'x' }, resolver),
  'checkHost sender': (value) => dns.checkHost({ ip: '192.0.2.1', sender: value, helo: 'x' }, resolver),
  'checkHost local part': (value) =>
    dns.checkHost({ ip: '192.0.2.1', sender: `${String(value)}@example.com`, helo: 'x' }, resolver),
  'checkHost helo': (value) => dns.checkHost({ ip: '192.0.2.1', sender: '', helo: value }, resolver),
  'evaluateDmarc domain': (value) => dns.evaluateDmarc({ domain: value }, resolver),
  'evaluateDmarc spf': (value) =>
    dns.evaluateDmarc({ domain: 'example.com', spf: { result: 'pass', domain: value } }, resolver),
  'memory query': (value) => resolver.query(value, 'A'),
  'resolver query': (value) =>
    dns.createResolver({ servers: ['127.0.0.1:1'], timeoutMs: 20 }).query(value, 'A'),
  'a resolver': (value) => dns.findMailRoute('example.com', value),
  servers: (value) => dns.createResolver({ servers: [value] }),
  policyFor: (value) =>
    dns
      .createMtaStsCache(resolver, {
        fetchPolicy: async () => ({ status: 'failed', cause: 'network', reason: '' }),
      })
      .policyFor(value),
  toNodeDns: (value) => dns.toNodeDns(resolver).resolve4(value),
  diagnoseSender: (value) => dns.diagnoseSender({ domain: value, probe: false }, resolver),
  'diagnoseSender address': (value) =>
    dns.diagnoseSender({ domain: 'example.com', addresses: [value], probe: false }, resolver),
  'matchTlsa key': (value) =>
    dns.matchTlsa([{ usage: 2, selector: 0, matchingType: 0, data: value }], {
      chain: [new Uint8Array(3)],
      referenceNames: [],
      now: 0,
    }),
  'matchTlsa chain': (value) => dns.matchTlsa([], { chain: [value], referenceNames: [], now: 0 }),
};

const wrong: readonly unknown[] = [
  undefined,
  null,
  5,
  Number.NaN,
  {},
  [],
  Symbol('x'),
  () => {},
  new Uint8Array(3),
  '\ud800',
  'a\udc00.example.com',
  `${'\ud800'}@example.com`,
  'x'.repeat(1_000_000),
  '.'.repeat(1_000_000),
  ' '.repeat(1_000_000),
  ';'.repeat(1_000_000),
  `v=spf1 ${'a:b.example '.repeat(80_000)}`,
  `v=DMARC1; p=none; rua=${','.repeat(1_000_000)}`,
  'fe80::1%eth0',
  '\0',
  '',
];

describe('wrong types', () => {
  it.each(Object.entries(readers))(
    'DNS-61 %s answers or throws a typed error for whatever it is given',
    async (_, read) => {
      for (const value of wrong) {
        try {
          await read(value as never);
        } catch (error) {
          const typed =
            dns.DnsError.isInstance(error) || (error as { syscall?: string }).syscall !== undefined;
          expect(typed, `${typeof value}: ${String(error)}`).toBe(true);
        }
      }
    },
    10_000,
  );

  it('DNS-61 refuses an address with a zone id as reverse name', () => {
    expect(() => dns.reverseName('fe80::1%eth0')).toThrowError(
      expect.objectContaining({ code: 'MB_DNS_ADDRESS_INVALID' }),
    );
  });
});

const own = (error: unknown) =>
  dns.DnsError.isInstance(error) || (error as { syscall?: string } | null)?.syscall !== undefined;
const text: ParameterEntry = ['x', 'string'];
const anything = [
  'undefined',
  'null',
  'number',
  'boolean',
  'string',
  'function',
  'symbol',
  'bigint',
  'array',
  'object',
  'length',
  'detached',
] as const;
const name: ParameterEntry = ['example.com', 'string'];
const source: ParameterEntry = [resolver];
const options: ParameterEntry = [{}, 'undefined', 'object'];
const found = await resolver.query('example.com', 'A');
const tree = await dns.explainSpf('example.com', resolver);
const fetchPolicy = async () => ({ status: 'failed', cause: 'network', reason: '' }) as const;
const request = { ip: '192.0.2.1', sender: '', helo: 'mail.example.com' };
const target = {
  host: { name: 'mx.example.com', canonicalName: 'mx.example.com', authentic: false },
  routeAuthentic: false,
  domain: 'example.com',
};
const finding: dns.Finding = { check: 'spf', severity: 'ok', message: 'x' } as never;
const tlsa = { usage: 3, selector: 1, matchingType: 1, data: new Uint8Array(32) };
const peer = { chain: [new Uint8Array(1)], referenceNames: ['mx.example.com'], now: 0 };

const walk: WrongTypeWalk<typeof dns> = {
  addressRefusal: {
    parameters: [
      ['192.0.2.1', 'string'],
      [[], 'undefined', 'array'],
    ],
  },
  guardedLookup: {
    parameters: [
      ['192.0.2.1', 'string'],
      [[], 'undefined', 'array', 'function'],
      [resolver, 'undefined', 'object'],
    ],
  },
  isDeliverable: {
    parameters: [
      ['192.0.2.1', 'string'],
      [[], 'undefined', 'array'],
    ],
  },
  diagnoseSender: { parameters: [[{ domain: 'example.com', probe: false }], source] },
  formatPublishedRecord: { parameters: [[{ name: 'example.com', type: 'TXT', value: 'x' }]] },
  worstSeverity: [
    { parameters: [[[finding], 'array']] },
    { parameters: [[finding]], call: (one: never) => dns.worstSeverity([one]) },
  ],
  evaluateDmarc: { parameters: [[{ domain: 'example.com' }], source, options] },
  lookupDmarc: { parameters: [name, source, options] },
  parseDmarcRecord: { parameters: [text] },
  // It validates: what is no domain is undefined.
  normalizeDomain: { parameters: [['x', ...anything]] },
  DnsError: 'none',
  findMailRoute: { parameters: [name, source, options] },
  findSmarthostRoute: { parameters: [name, source, options] },
  createMtaStsCache: [
    { parameters: [source, [{ fetchPolicy }]] },
    {
      parameters: [name, options],
      call: (...given: [never, never]) =>
        dns.createMtaStsCache(resolver, { fetchPolicy }).policyFor(...given),
    },
  ],
  createMtaStsMemoryStore: 'none',
  fetchMtaStsPolicy: {
    parameters: [name, source, [{ timeoutMs: 20 }, 'undefined', 'object']],
  },
  createMtaStsFileStore: { parameters: [['/nowhere', 'string']] },
  applyMtaSts: [
    { parameters: [[policy], [[], 'array']] },
    { parameters: [[{ name: 'x' }]], call: (host: never) => dns.applyMtaSts(policy, [host]) },
  ],
  matchesMtaSts: { parameters: [[policy], name] },
  parseMtaStsPolicy: { parameters: [text] },
  lookupAuthoritative: { parameters: [name, ['TXT', 'string'], source, options] },
  lookupMtaSts: { parameters: [name, source, options] },
  byPreference: [
    {
      parameters: [
        [[], 'array'],
        [() => 0, 'function'],
      ],
    },
    {
      parameters: [[{ preference: 1 }]],
      call: (host: never) => dns.byPreference([host, { preference: 5 }], Math.random),
    },
    {
      parameters: [[() => 0, 'function']],
      call: (random: never) => dns.byPreference([{ preference: 1 }, { preference: 1 }], random),
    },
  ],
  createResolver: [
    { parameters: [options] },
    {
      parameters: [name, ['A'], options],
      call: (...given: never[]) =>
        dns.createResolver({ servers: ['127.0.0.1:1'], timeoutMs: 20 }).query(...(given as [never, never])),
    },
  ],
  toNodeDns: [
    { parameters: [source, options] },
    { parameters: [name], call: (given: never) => dns.toNodeDns(resolver).resolve4(given) },
  ],
  isTemporary: { parameters: [[found]] },
  confirmReverse: { parameters: [['192.0.2.1', 'string'], source, options] },
  reverseName: { parameters: [['192.0.2.1']] },
  checkHost: { parameters: [[request], source, options] },
  explainSpf: { parameters: [name, source, options] },
  formatSpfTree: { parameters: [[tree]] },
  lintSpf: { parameters: [[tree]] },
  isSpfRecord: { parameters: [text] },
  parseSpfRecord: { parameters: [text] },
  lookupTlsRpt: { parameters: [name, source, options] },
  parseTlsRptRecord: { parameters: [text] },
  isUsableTlsa: { parameters: [[tlsa]] },
  lookupTlsa: { parameters: [[target], source, options] },
  matchTlsa: { parameters: [[[tlsa], 'array'], [peer]] },
};

const memoryWalk: WrongTypeWalk<typeof memory> = {
  createMemoryResolver: [
    { parameters: [[{}, 'object'], options] },
    {
      parameters: [name, ['A'], options],
      call: (...given: never[]) => resolver.query(...(given as [never, never])),
    },
  ],
};

const cases = [...wrongTypeCases(dns, walk, own), ...wrongTypeCases(memory, memoryWalk, own)];
it.each(cases)('OPT-06 $name', ({ check }) => check(), 2000);
