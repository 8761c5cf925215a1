import { describe, expect, it } from 'vitest';
import { createMemoryResolver, type MemoryZones } from '../memory.ts';
import type { TlsaRecord } from '../record.ts';
import { isUsableTlsa, lookupTlsa, type TlsaTarget } from './lookup.ts';

const record = (usage: number, selector = 1, matchingType = 1, length = 32): TlsaRecord => ({
  usage,
  selector,
  matchingType,
  data: new Uint8Array(length).fill(7),
});

const target = (host: Partial<TlsaTarget['host']> = {}, more: Partial<TlsaTarget> = {}): TlsaTarget => ({
  host: { name: 'mx.signed.test', canonicalName: 'mx.signed.test', authentic: true, ...host },
  routeAuthentic: true,
  domain: 'signed.test',
  ...more,
});

const at = (host: string, ...TLSA: TlsaRecord[]): MemoryZones => ({ [`_25._tcp.${host}`]: { TLSA } });
const dns = (zones: MemoryZones, failures = {}) =>
  createMemoryResolver(zones, { failures, authentic: ['signed.test'] });

describe('lookupTlsa', () => {
  it('DANE-01 asks nothing for hosts or routes that are not authenticated', async () => {
    const resolver = dns(at('mx.signed.test', record(3)));
    expect(await lookupTlsa(target({}, { routeAuthentic: false }), resolver)).toMatchObject({
      status: 'none',
    });
    expect(await lookupTlsa(target({ authentic: false }), resolver)).toMatchObject({ status: 'none' });
    expect(resolver.calls).toEqual([]);
  });

  it('DANE-04 defers when the answer fails, and has no DANE when there is none', async () => {
    for (const status of ['servfail', 'bogus', 'timeout'] as const) {
      expect(await lookupTlsa(target(), dns({}, { '_25._tcp.mx.signed.test': status }))).toMatchObject({
        status: 'temporary',
      });
    }
    expect(await lookupTlsa(target(), dns({}))).toMatchObject({ status: 'none' });
    expect(await lookupTlsa(target(), dns({ '_25._tcp.mx.signed.test': { TXT: 'x' } }))).toMatchObject({
      status: 'none',
    });
    const unsigned = createMemoryResolver(at('mx.signed.test', record(3)));
    expect(await lookupTlsa(target(), unsigned)).toMatchObject({ status: 'none' });
  });

  it('DANE-02 keeps usages 2 and 3 with known selectors and digests of the right length', async () => {
    for (const usable of [record(3), record(2), record(3, 0), record(3, 1, 2, 64), record(3, 0, 0, 500)])
      expect(isUsableTlsa(usable)).toBe(true);
    for (const unusable of [
      record(0),
      record(1),
      record(4),
      record(255),
      record(3, 2),
      record(3, 1, 3),
      record(3, 1, 1, 31),
      record(3, 1, 2, 32),
      record(3, 1, 0, 0),
    ]) {
      expect(isUsableTlsa(unusable)).toBe(false);
    }
    const mixed = await lookupTlsa(target(), dns(at('mx.signed.test', record(1), record(3), record(2))));
    expect(mixed).toMatchObject({ status: 'found', records: [record(3), record(2)] });
    expect(await lookupTlsa(target(), dns(at('mx.signed.test', record(0), record(1))))).toMatchObject({
      status: 'unusable',
      baseDomain: 'mx.signed.test',
    });
  });

  it('DANE-07 takes the end of the alias chain as base, then the name itself', async () => {
    const host = { name: 'alias.signed.test', canonicalName: 'real.signed.test' };
    const both = { ...at('real.signed.test', record(3)), ...at('alias.signed.test', record(2)) };
    expect(await lookupTlsa(target(host), dns(both))).toMatchObject({
      baseDomain: 'real.signed.test',
      referenceNames: ['real.signed.test', 'alias.signed.test', 'signed.test'],
    });
    expect(await lookupTlsa(target(host), dns(at('alias.signed.test', record(2))))).toMatchObject({
      baseDomain: 'alias.signed.test',
    });
    // The alias is signed, its target is not: the alias has the records (RFC 7672 §2.2.2).
    const toPlain = { name: 'alias.signed.test', canonicalName: 'mx.plain.test', authentic: false };
    const zones = { 'alias.signed.test': { CNAME: 'mx.plain.test' }, ...at('alias.signed.test', record(3)) };
    expect(await lookupTlsa(target(toPlain), dns(zones))).toMatchObject({
      status: 'found',
      baseDomain: 'alias.signed.test',
    });
    expect(await lookupTlsa(target(toPlain), createMemoryResolver(zones))).toMatchObject({ status: 'none' });
  });

  it('DANE-08 asks for the port of the service', async () => {
    const resolver = dns({ '_587._tcp.mx.signed.test': { TLSA: [record(3)] } });
    expect(await lookupTlsa(target(), resolver, { port: 587 })).toMatchObject({ status: 'found' });
  });
});
