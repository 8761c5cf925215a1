import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDeliverable } from './address-guard.ts';
import { findMailRoute } from './mail-route.ts';
import { createMemoryResolver, type MemoryRecords } from './memory.ts';

const names = ['a.test', 'b.test', 'c.test', 'd.test', 'mx.a.test'];
const address4 = fc.oneof(
  fc.ipV4(),
  fc.constantFrom('127.0.0.1', '10.0.0.1', '192.0.2.1', '192.0.2.2', '169.254.169.254'),
);
const address6 = fc.oneof(
  fc.ipV6(),
  fc.constantFrom('::1', '64:ff9b::7f00:1', '2001:db8::1', '::ffff:10.0.0.1'),
);
const exchange = fc.oneof(
  fc.constantFrom(...names, '.', 'localhost', '127.0.0.1', 'single', 'gone.test'),
  fc.string({ maxLength: 20 }),
);
const records: fc.Arbitrary<MemoryRecords> = fc.record(
  {
    A: fc.array(address4, { maxLength: 4 }),
    AAAA: fc.array(address6, { maxLength: 4 }),
    MX: fc.array(fc.tuple(fc.nat(3), exchange), { maxLength: 5 }),
    CNAME: fc.constantFrom(...names),
  },
  { requiredKeys: [] },
);
const status = fc.constantFrom('servfail' as const, 'bogus' as const, 'timeout' as const);

describe('findMailRoute', () => {
  it('MX-01 MX-06 MX-07 MX-09 never throws, and no route leads back, inside or twice to one place', async () => {
    const zones = fc.dictionary(fc.constantFrom(...names), records);
    const failures = fc.dictionary(
      fc.constantFrom(...names, 'MX a.test', 'A b.test', 'AAAA c.test'),
      status,
      { maxKeys: 2 },
    );
    const self = fc.record({ names: fc.subarray(names), addresses: fc.array(address4, { maxLength: 2 }) });
    await fc.assert(
      fc.asyncProperty(
        zones,
        failures,
        self,
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        async (zone, failing, us, chances) => {
          const random = () => chances.next().value as number;
          const resolver = createMemoryResolver(zone, { failures: failing });
          const route = await findMailRoute('a.test', resolver, { self: us, random });
          if (route.status !== 'found') {
            expect(route.reason.length).toBeGreaterThan(5);
            expect(route.enhancedCode.startsWith(route.status === 'temporary' ? '4.' : '5.')).toBe(true);
            return;
          }
          const addresses = route.hosts.flatMap((host) => host.addresses.map(({ address }) => address));
          expect(route.hosts.length).toBeGreaterThan(0);
          expect(new Set(addresses).size).toBe(addresses.length);
          expect(
            addresses.filter((address) => !isDeliverable(address) || us.addresses.includes(address)),
          ).toEqual([]);
          expect(route.hosts.some((host) => us.names.includes(host.name))).toBe(false);
          const preferences = route.hosts.map(({ preference }) => preference);
          expect(preferences).toEqual([...preferences].sort((a, b) => a - b));
          expect(route.hosts.every((host) => host.addresses.length > 0)).toBe(true);
        },
      ),
      { numRuns: 1500 },
    );
  });
});
