import { mergeConfig } from 'vitest/config';
import { packageTests } from '../../vitest.base.ts';

/**
 * Most tests start processes, one after the other: a file for each core, since a test mostly waits, and a timeout that
 * busy machines do not reach.
 */
export default mergeConfig(packageTests(), { test: { testTimeout: 90_000, maxWorkers: '100%' } });
