import type { Row } from '../harness/row.ts';

const empty = 'an empty module';

/** How much processor time a process needs until it works. */
export const startRows: readonly Row[] = [
  {
    id: 'start/version',
    title: 'processor time of mb --version',
    metric: 'p50',
    amount: { count: 1, unit: 'processes' },
    limit: empty,
    goals: [{ kind: 'ratio', to: 'npm --version', atMost: 1 }],
    wholeRuns: true,
    field: async () => {
      const { versionField } = await import('./start.ts');
      return versionField();
    },
  },
  {
    id: 'start/import',
    title: 'processor time of a process that imports @mb/broker and ends',
    metric: 'p50',
    amount: { count: 1, unit: 'processes' },
    limit: empty,
    goals: [{ kind: 'ratio', to: "import 'nodemailer'", atMost: 1 }],
    wholeRuns: true,
    field: async () => {
      const { importField } = await import('./start.ts');
      return importField();
    },
  },
];
