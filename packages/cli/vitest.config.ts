import { mergeConfig } from 'vitest/config';
import { packageTests } from '../../vitest.base.ts';

/** Most tests start processes, one after the other, and machines can be busy. */
export default mergeConfig(packageTests(), { test: { testTimeout: 90_000 } });
