import { mergeConfig } from 'vitest/config';
import { packageTests } from '../../vitest.base.ts';

/**
 * Most tests start processes one after the other: one file per core, since a test mostly waits, and a timeout that is
 * long enough for busy machines.
 */
export default mergeConfig(packageTests(), { test: { testTimeout: 90_000, maxWorkers: '100%' } });
