import type { Row } from '../harness/row.ts';

const PROTOTYPE = 'prototype: bare statements';
const EMPTY = 'the same, nothing waiting';

/** Rows of @mb/queue-postgres. */
export const queueRows: readonly Row[] = [
  {
    id: 'queue/claim-complete',
    title: '5 kB messages claimed and settled within the caps of 200 destinations',
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    limit: PROTOTYPE,
    goals: [{ kind: 'share', of: PROTOTYPE, atLeast: 1 }, { kind: 'best' }],
    wholeRuns: true,
    maxRounds: 5,
    field: async (scale) => {
      const { claimCompleteField } = await import('./claim-complete.ts');
      return claimCompleteField(scale.smoke ? 50 : 2000);
    },
  },
  backlogRow('100k', 100_000, false),
  backlogRow('1m', 1_000_000, true),
  backlogRow('10m', 10_000_000, false),
];

/** A row about claims beside a backlog, which should not matter. */
function backlogRow(size: string, rows: number, peers: boolean): Row {
  const heavy = rows > 100_000;
  return {
    id: `queue/claim-backlog-${size}`,
    title: `slowest hundredth of the claims while ${rows.toLocaleString('en')} messages wait for one full destination`,
    metric: 'p99',
    amount: { count: 1, unit: 'claims' },
    limit: EMPTY,
    goals: [{ kind: 'ratio', to: EMPTY, atMost: 1.5 }],
    wholeRuns: true,
    maxRounds: 5,
    ...(heavy && { heavy, timeoutSeconds: 1800 }),
    field: async (scale) => {
      const { backlogField } = await import('./backlog.ts');
      return backlogField(scale.smoke ? 1000 : rows, peers);
    },
  };
}
