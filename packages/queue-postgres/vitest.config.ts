import { mergeConfig } from 'vitest/config';
import { packageTests } from '../../vitest.base.ts';

export default mergeConfig(packageTests(), {
  // One server, and events that wait for all running transactions: one file at a time.
  test: { globalSetup: ['test/server.ts'], fileParallelism: false, testTimeout: 60_000 },
});
