import type { Goal, Row } from '../harness/row.ts';

const PROTOTYPE = 'prototype: bare statements';
const BOSS_AND_POOL = 'pg-boss + nodemailer pool';
const FIRST = 'after the first cycle';
const EMPTY = 'the same, nothing waiting';

/** Rows of @mb/queue-postgres. */
export const queueRows: readonly Row[] = [
  claimCompleteRow(8, [{ kind: 'share', of: PROTOTYPE, atLeast: 1 }, { kind: 'best' }]),
  claimCompleteRow(1),
  claimCompleteRow(4),
  deliverRow('relay', 1, 1),
  deliverRow('relay', 1, 4),
  deliverRow('200', 200, 1),
  deliverRow('200', 200, 4),
  {
    id: 'queue/storage',
    title: 'octets that a delivered 5 kB message leaves in the tables until it is purged',
    metric: 'disk',
    amount: { count: 1, unit: 'messages' },
    limit: PROTOTYPE,
    goals: [{ kind: 'ratio', to: PROTOTYPE, atMost: 1.25 }],
    wholeRuns: true,
    maxRounds: 2,
    field: async (scale) => {
      const { storageField } = await import('./storage.ts');
      return storageField(scale.smoke ? 50 : 2000);
    },
  },
  {
    id: 'queue/churn',
    title:
      'octets of all tables for each of 2,000 messages, after cycles of accepting, delivering and purging them',
    metric: 'disk',
    amount: { count: 1, unit: 'messages' },
    limit: FIRST,
    // Beside what lives, the dead rows of one round of vacuum.
    goals: [{ kind: 'ratio', to: FIRST, atMost: 3 }],
    heavy: true,
    timeoutSeconds: 600,
    wholeRuns: true,
    field: async (scale) => {
      const { churnField } = await import('./storage.ts');
      return churnField(scale.smoke ? 50 : 2000);
    },
  },
  backlogRow('100k', 100_000, false),
  backlogRow('1m', 1_000_000, true),
  backlogRow('10m', 10_000_000, false),
];

/** Taking and completing alone, by loops of one process. */
function claimCompleteRow(
  workers: number,
  goals: readonly Goal[] = [{ kind: 'share', of: 'pg-boss groupConcurrency', atLeast: 2 }],
): Row {
  const many = workers === 1 ? 'one worker' : `${workers} workers`;
  return {
    id: workers === 8 ? 'queue/claim-complete' : `queue/claim-complete-${workers}`,
    title: `5 kB messages claimed and settled within the caps of 200 destinations, ${many}`,
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    limit: PROTOTYPE,
    goals,
    wholeRuns: true,
    maxRounds: 5,
    // A queue is filled for each run, which takes longer than emptying it.
    timeoutSeconds: 300,
    field: async (scale) => {
      const { claimCompleteField } = await import('./claim-complete.ts');
      return claimCompleteField(scale.smoke ? 50 : 2000, workers);
    },
  };
}

/** Accepted by one process and delivered by others. */
function deliverRow(name: string, destinations: number, workers: number): Row {
  const to = destinations === 1 ? 'one relay' : `${destinations} destinations`;
  const by = workers === 1 ? 'one process' : `${workers} processes`;
  return {
    id: `queue/deliver-${name}-${workers}`,
    title: `5 kB messages accepted durably in PostgreSQL and delivered to ${to} by ${by}`,
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    limit: BOSS_AND_POOL,
    goals: [{ kind: 'share', of: BOSS_AND_POOL, atLeast: 1.5 }],
    timeoutSeconds: 600,
    wholeRuns: true,
    maxRounds: 5,
    field: async (scale) => {
      const { deliverField } = await import('./deliver.ts');
      return deliverField({ count: scale.smoke ? 50 : 4000, workers, destinations });
    },
  };
}

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
