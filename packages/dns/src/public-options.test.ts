import { type MethodWalk, methodCases, type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { it } from 'vitest';
import { authoritativeOptions } from './authoritative/lookup.ts';
import { cacheOptions } from './cache.ts';
import { diagnosisOptions } from './diagnose.ts';
import { dmarcRequest } from './dmarc/evaluate.ts';
import { dmarcLookupOptions } from './dmarc/lookup.ts';
import * as https from './https.ts';
import * as dns from './index.ts';
import { mailRouteOptions } from './mail-route.ts';
import * as memory from './memory.ts';
import { mtaStsCacheOptions } from './mta-sts/cache.ts';
import { mtaStsFetchOptions } from './mta-sts/fetch.ts';
import * as publicSuffix from './public-suffix.ts';
import { queryOptions } from './resolver.ts';
import { httpsResolverOptions, resolverOptions } from './resolver-options.ts';
import { checkHostOptions, spfRequest } from './spf/check-host.ts';
import { tlsaLookupOptions, tlsaTarget } from './tlsa/lookup.ts';
import { tlsaPeer } from './tlsa/match.ts';

const resolver = memory.createMemoryResolver({ 'example.com': { A: '192.0.2.1' } });
const clock = { now: Date.now, setTimer: () => () => {} };
const fetchPolicy = async (): Promise<dns.MtaStsFetch> => ({
  status: 'failed',
  cause: 'network',
  reason: 'x',
});
const { signal } = new AbortController();
const spf = { ip: '192.0.2.1', sender: '', helo: 'mail.example.com' };
const target = {
  host: { name: 'mx.example.com', canonicalName: 'mx.example.com', authentic: false },
  routeAuthentic: false,
  domain: 'example.com',
};
const peer = { chain: [new Uint8Array(1)], referenceNames: ['mx.example.com'], now: 0 };
const discovery = { organizationalDomain: (name: string) => name };
const route = {
  random: () => 0,
  allowAddresses: ['10.0.0.0/8'],
  self: { names: ['mx.example.org'], addresses: ['192.0.2.9'] },
  maxHosts: 3,
  families: [4],
};
const queried = (call: (options: never) => unknown) =>
  [{ valid: { signal }, table: queryOptions, call }] as const;

const walk: OptionWalk<typeof dns> = {
  createResolver: [
    {
      valid: {
        servers: ['127.0.0.1:1'],
        timeoutMs: 5,
        trustAuthenticData: true,
        cache: { maxEntries: 1 },
        clock,
      },
      table: resolverOptions,
      opaque: ['clock'],
      call: (options: never) => dns.createResolver(options),
    },
    {
      valid: { staleSeconds: 5 },
      table: cacheOptions,
      call: (cache: never) => dns.createResolver({ servers: ['127.0.0.1:1'], cache }),
    },
    ...queried((options) =>
      dns.createResolver({ servers: ['127.0.0.1:1'], timeoutMs: 20 }).query('a.example.com', 'A', options),
    ),
  ],
  diagnoseSender: [
    {
      valid: {
        domain: 'example.com',
        addresses: ['192.0.2.1'],
        helo: 'mail.example.com',
        mailFrom: 'example.com',
        dkim: [{ selector: 's' }],
        probe: { domains: ['example.com'], connect: async () => 'silent' },
        allowAddresses: ['10.0.0.0/8'],
        fetchPolicy,
        signal,
      },
      table: diagnosisOptions,
      call: (options: never) => dns.diagnoseSender(options, resolver),
    },
  ],
  evaluateDmarc: [
    {
      valid: {
        domain: 'example.com',
        spf: { result: 'pass', domain: 'example.com', lookups: 1 },
        dkim: [{ result: 'pass', domain: 'example.com', selector: 's' }],
      },
      table: dmarcRequest,
      opaque: ['spf', 'dkim'],
      call: (request: never) => dns.evaluateDmarc(request, resolver),
    },
    {
      valid: { discovery, signal },
      table: dmarcLookupOptions,
      call: (options: never) => dns.evaluateDmarc({ domain: 'example.com' }, resolver, options),
    },
  ],
  lookupDmarc: [
    {
      valid: { discovery, signal },
      table: dmarcLookupOptions,
      call: (options: never) => dns.lookupDmarc('example.com', resolver, options),
    },
  ],
  findMailRoute: [
    {
      valid: route,
      table: mailRouteOptions,
      call: (options: never) => dns.findMailRoute('example.com', resolver, options),
    },
  ],
  findSmarthostRoute: [
    {
      valid: route,
      table: mailRouteOptions,
      call: (options: never) => dns.findSmarthostRoute('example.com', resolver, options),
    },
  ],
  createMtaStsCache: [
    {
      valid: { fetchPolicy, store: dns.createMtaStsMemoryStore(), clock, backoffMs: 5 },
      table: mtaStsCacheOptions,
      opaque: ['store', 'clock'],
      call: (options: never) => dns.createMtaStsCache(resolver, options),
    },
    ...queried((options) =>
      dns.createMtaStsCache(resolver, { fetchPolicy }).policyFor('example.com', options),
    ),
  ],
  fetchMtaStsPolicy: [
    {
      valid: { timeoutMs: 5, port: 1, allowAddresses: ['10.0.0.0/8'], clock, signal },
      table: mtaStsFetchOptions,
      opaque: ['clock'],
      call: (options: never) => dns.fetchMtaStsPolicy('nowhere.example.com', resolver, options),
    },
  ],
  lookupAuthoritative: [
    {
      valid: {
        zoneHint: () => 'example.com',
        allowAddresses: ['127.0.0.0/8'],
        port: 1,
        timeoutMs: 5,
        clock,
        signal,
      },
      table: authoritativeOptions,
      opaque: ['clock'],
      call: (options: never) =>
        dns.lookupAuthoritative('s1._domainkey.example.com', 'TXT', resolver, options),
    },
  ],
  lookupMtaSts: queried((options) => dns.lookupMtaSts('example.com', resolver, options)),
  lookupTlsRpt: queried((options) => dns.lookupTlsRpt('example.com', resolver, options)),
  explainSpf: queried((options) => dns.explainSpf('example.com', resolver, options)),
  confirmReverse: queried((options) => dns.confirmReverse('192.0.2.1', resolver, options)),
  toNodeDns: queried((options) => dns.toNodeDns(resolver, options)),
  checkHost: [
    { valid: spf, table: spfRequest, call: (request: never) => dns.checkHost(request, resolver) },
    {
      valid: {
        limits: { maxLookups: 5, timeoutMs: 5 },
        receiver: 'mx.example.com',
        explain: false,
        clock,
        signal,
      },
      table: checkHostOptions,
      opaque: ['clock'],
      call: (options: never) => dns.checkHost(spf, resolver, options),
    },
  ],
  lookupTlsa: [
    {
      valid: target,
      table: tlsaTarget,
      opaque: ['host'],
      call: (given: never) => dns.lookupTlsa(given, resolver),
    },
    {
      valid: { port: 465, signal },
      table: tlsaLookupOptions,
      call: (options: never) => dns.lookupTlsa(target, resolver, options),
    },
  ],
  matchTlsa: [{ valid: peer, table: tlsaPeer, call: (given: never) => dns.matchTlsa([], given) }],
  createMtaStsMemoryStore: 'none',
  createMtaStsFileStore: 'none',
  addressRefusal: 'none',
  guardedLookup: 'none',
  isDeliverable: 'none',
  formatPublishedRecord: 'none',
  worstSeverity: 'none',
  parseDmarcRecord: 'none',
  normalizeDomain: 'none',
  applyMtaSts: 'none',
  matchesMtaSts: 'none',
  parseMtaStsPolicy: 'none',
  byPreference: 'none',
  isTemporary: 'result',
  reverseName: 'none',
  formatSpfTree: 'none',
  lintSpf: 'none',
  isSpfRecord: 'none',
  parseSpfRecord: 'none',
  parseTlsRptRecord: 'none',
  isUsableTlsa: 'none',
  DnsError: 'none',
};

const memoryWalk: OptionWalk<typeof memory> = {
  createMemoryResolver: [
    {
      valid: { failures: { 'a.example': 'timeout' }, authentic: ['example.com'], ttlSeconds: 5 },
      table: memory.memoryResolverOptions,
      opaque: ['failures'],
      call: (options: never) => memory.createMemoryResolver({}, options),
    },
  ],
};

const httpsWalk: OptionWalk<typeof https> = {
  createHttpsResolver: [
    {
      valid: {
        servers: ['https://dns.example.net/dns-query'],
        timeoutMs: 5,
        cache: { maxEntries: 1 },
        clock,
      },
      table: httpsResolverOptions,
      opaque: ['clock'],
      call: (options: never) => https.createHttpsResolver(options),
    },
  ],
  isTemporary: 'result',
  DnsError: 'none',
};

const methods: MethodWalk<typeof dns> = {
  'createResolver.query': 'the walk of createResolver',
  'createMtaStsCache.policyFor': 'the walk of createMtaStsCache',
};
const cases = [
  ...optionCases(dns, walk, 'MB_DNS_OPTION'),
  ...optionCases(memory, memoryWalk, 'MB_DNS_OPTION'),
  ...optionCases(https, httpsWalk, 'MB_DNS_OPTION'),
  ...optionCases(publicSuffix, { organizationalDomain: 'none', isPublicSuffix: 'none' }, 'MB_DNS_OPTION'),
  ...methodCases<typeof dns>(methods, 'MB_DNS_OPTION'),
];
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());
