import { describe, expect, it } from 'vitest';
import * as dns from './index.ts';
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
