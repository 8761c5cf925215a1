import { type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { it } from 'vitest';
import { dashboardOptions } from './dashboard.ts';
import * as dashboard from './index.ts';

const walk: OptionWalk<typeof dashboard> = {
  dashboard: [{ valid: { path: '/ui' }, table: dashboardOptions, call: dashboard.dashboard as never }],
  nodeDashboard: [
    { valid: { path: '/ui' }, table: dashboardOptions, call: dashboard.nodeDashboard as never },
  ],
  DashboardError: 'none',
};

const cases = optionCases(dashboard, walk, 'MB_DASHBOARD_OPTION');
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());
