import type { Row } from '../harness/row.ts';

const FLOOR = 'floor: SQLite + overlap';

/** Rows of @mb/broker. */
export const brokerRows: readonly Row[] = [
  {
    id: 'broker/queue',
    title: '5 kB messages accepted durably and delivered',
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    limit: FLOOR,
    goals: [
      { kind: 'share', of: FLOOR, atLeast: 0.5 },
      { kind: 'share', of: 'Postfix', atLeast: 7 },
      { kind: 'micros', atMost: 160, metric: 'cpu' },
    ],
    wholeRuns: true,
    maxRounds: 3,
    field: async (scale) => {
      const { queueField } = await import('./queue.ts');
      return scale.smoke ? queueField(50, 'none') : queueField(2000, scale.full ? 'all' : 'postfix');
    },
  },
];
