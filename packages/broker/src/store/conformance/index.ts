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
import { acceptCases } from './accept.ts';
import { claimCases } from './claim.ts';
import { commandCases } from './command.ts';
import { eventCases } from './event.ts';
import type { ConformanceCase } from './harness.ts';
import { learnedCases } from './learned.ts';
import { leaseCases } from './lease.ts';
import { ownSiteCases } from './own-site.ts';
import { pacingCases } from './pacing.ts';
import { recordCases } from './records.ts';
import { retentionCases } from './retention.ts';
import { routingCases } from './routing.ts';
import { settleCases } from './settle.ts';
import { suppressionCases } from './suppression.ts';
import { transitionCases } from './transition.ts';

export type { ConformanceCase, OpenStore, StoreUnderTest } from './harness.ts';

/** The cases of each part of the port. */
export const storeConformanceSections = {
  intake: acceptCases,
  workQueue: [
    ...routingCases,
    ...claimCases,
    ...settleCases,
    ...transitionCases,
    ...leaseCases,
    ...pacingCases,
    ...ownSiteCases,
    ...learnedCases,
  ],
  operations: [...commandCases, ...retentionCases],
  eventLog: eventCases,
  suppressions: suppressionCases,
  records: recordCases,
} satisfies Readonly<Record<string, readonly ConformanceCase[]>>;

/** All cases; each opens stores of its own and closes them. */
export const storeConformance: readonly ConformanceCase[] = Object.values(storeConformanceSections).flat();
