import { describe, expect, it } from 'vitest';
import { createMemoryResolver } from './memory.ts';
import { confirmReverse, reverseName } from './reverse.ts';

describe('confirmReverse', () => {
  it('PTR-01 writes the name of an address', () => {
    expect(reverseName('192.0.2.1')).toBe('1.2.0.192.in-addr.arpa');
    expect(reverseName('::ffff:192.0.2.1')).toBe('1.2.0.192.in-addr.arpa');
    expect(reverseName('2001:db8::567:89ab')).toBe(
      'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
    );
    expect(() => reverseName('mx.test')).toThrow(expect.objectContaining({ code: 'MB_DNS_ADDRESS_INVALID' }));
  });

  it('PTR-01 confirms names whose addresses include the address', async () => {
    const resolver = createMemoryResolver({
      [reverseName('192.0.2.1')]: { PTR: ['Other.test', 'MX.test', 'mx.test'] },
      'mx.test': { A: ['192.0.2.9', '192.0.2.1'] },
      'other.test': { A: '192.0.2.2' },
      [reverseName('2001:db8::1')]: { PTR: 'mx6.test' },
      'mx6.test': { AAAA: '2001:DB8:0::1' },
      [reverseName('192.0.2.3')]: { PTR: 'other.test' },
    });
    expect(await confirmReverse('192.0.2.1', resolver)).toMatchObject({
      status: 'confirmed',
      confirmedNames: ['mx.test'],
      names: ['other.test', 'mx.test'],
    });
    expect(await confirmReverse('2001:db8:0:0::1', resolver)).toMatchObject({
      status: 'confirmed',
      confirmedNames: ['mx6.test'],
    });
    expect(await confirmReverse('192.0.2.3', resolver)).toMatchObject({
      status: 'unconfirmed',
      names: ['other.test'],
    });
    expect(await confirmReverse('192.0.2.4', resolver)).toMatchObject({ status: 'none' });
  });

  it('PTR-02 follows ten names at most, and says when DNS failed', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `n${index}.test`);
    const zones = { [reverseName('192.0.2.1')]: { PTR: names }, 'n20.test': { A: '192.0.2.1' } };
    const resolver = createMemoryResolver(zones);
    expect(await confirmReverse('192.0.2.1', resolver)).toMatchObject({ status: 'unconfirmed' });
    expect(resolver.calls).toHaveLength(11);
    resolver.fail('n3.test', 'servfail');
    expect(await confirmReverse('192.0.2.1', resolver)).toMatchObject({ status: 'temporary' });
    resolver.fail(reverseName('192.0.2.1'), 'timeout');
    expect(await confirmReverse('192.0.2.1', resolver)).toMatchObject({
      status: 'temporary',
      reason: expect.any(String),
    });
  });
});
