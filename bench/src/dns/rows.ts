import type { Goal, Row } from '../harness/row.ts';
import type { SpfCase } from './spf.ts';

/** Rows of @mb/dns. */
export const dnsRows: readonly Row[] = [
  spfRow('dns/spf-own', "SPF: the address in the sender's own record", 5, async () =>
    (await import('./spf.ts')).ownAddress(),
  ),
  // Twice the 17 µs that the bare lookups of this case took when the goals were set.
  spfRow('dns/spf-includes', 'SPF: the address in the last of 7 includes', 34, async () =>
    (await import('./spf.ts')).lastInclude(),
  ),
  spfRow('dns/spf-long', 'SPF: the address as the 41st ip4 of a record', 15, async () =>
    (await import('./spf.ts')).longRecord(),
  ),
  {
    id: 'dns/route-cached',
    title: 'mail route with its records in the cache',
    metric: 'cpu',
    amount: { count: 1, unit: 'routes' },
    limit: 'map lookups',
    goals: [{ kind: 'micros', atMost: 5 }],
    field: async () => (await import('./mail-route.ts')).cachedRouteField(),
  },
  {
    id: 'dns/lookups',
    title: '10,000 lookups at once of a local server, no cache',
    metric: 'wall',
    amount: { count: 1, unit: 'lookups' },
    limit: 'bare UDP in a window',
    goals: [{ kind: 'best' }],
    wholeRuns: true,
    // c-ares waits seconds for the answers that it lost.
    maxRounds: 7,
    timeoutSeconds: 300,
    field: async (scale) => (await import('./lookups.ts')).lookupsField(scale.smoke ? 500 : 10_000),
  },
];

function spfRow(id: string, title: string, atMost: number, policy: () => Promise<SpfCase>): Row {
  const goals: Goal[] = [{ kind: 'micros', atMost }, { kind: 'best' }];
  return {
    id,
    title,
    metric: 'cpu',
    amount: { count: 1, unit: 'checks' },
    limit: 'bare lookups',
    goals,
    field: async () => (await import('./spf.ts')).spfField(await policy()),
  };
}
