import type { Row } from '../harness/row.ts';

/** Rows of @mb/server. */
export const serverRows: readonly Row[] = [
  {
    id: 'server/accept',
    title: '5 kB messages accepted durably by HTTP, 32 connections',
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    limit: 'hono + the same store',
    goals: [
      { kind: 'micros', atMost: 500 },
      { kind: 'share', of: 'hono + the same store', atLeast: 0.6 },
    ],
    wholeRuns: true,
    apart: true,
    maxRounds: 5,
    field: async ({ smoke }) => {
      const { acceptField } = await import('./accept.ts');
      return acceptField(smoke ? 50 : 2000);
    },
  },
  {
    id: 'server/series',
    title: 'an event counted for the time series: by minute, 150 domains, 20 tenants',
    metric: 'cpu',
    amount: { count: 1, unit: 'events' },
    limit: 'the log read alone',
    goals: [{ kind: 'micros', atMost: 20 }],
    wholeRuns: true,
    maxRounds: 7,
    field: async ({ smoke }) => {
      const { seriesField } = await import('./series.ts');
      return seriesField(smoke ? 300 : 5000);
    },
  },
];
