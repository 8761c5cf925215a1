/**
 * What every {@link QueueStore} does, as functions that any test runner can run.
 *
 * @example
 * import { describe, it } from 'vitest';
 * import { storeConformance } from '@mb/broker/store-conformance';
 *
 * describe('my store', () => {
 *   for (const { name, run } of storeConformance) it(name, () => run(openStore));
 *   // A store that keeps nothing leaves out the cases with `needs: 'reopen'` and `'corrupt'`.
 * });
 */
import { acceptCases } from './store-conformance/accept.ts';
import { claimCases } from './store-conformance/claim.ts';
import { commandCases } from './store-conformance/command.ts';
import { eventCases } from './store-conformance/event.ts';
import type { ConformanceCase } from './store-conformance/harness.ts';
import { leaseCases } from './store-conformance/lease.ts';
import { pacingCases } from './store-conformance/pacing.ts';
import { retentionCases } from './store-conformance/retention.ts';
import { settleCases } from './store-conformance/settle.ts';
import { suppressionCases } from './store-conformance/suppression.ts';

export type { ConformanceCase, OpenStore, StoreUnderTest } from './store-conformance/harness.ts';

/** All cases; each opens stores of its own and closes them. */
export const storeConformance: readonly ConformanceCase[] = [
  ...acceptCases,
  ...claimCases,
  ...settleCases,
  ...leaseCases,
  ...pacingCases,
  ...commandCases,
  ...eventCases,
  ...suppressionCases,
  ...retentionCases,
];
