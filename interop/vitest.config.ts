import { defineConfig } from 'vitest/config';

const conditions = ['@mb/source', 'module', 'node', 'development|production'];

/** Suites share one loopback, so files run one after the other; servers take their time to start and stop. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@mb/source'] } },
  test: {
    include: ['*/**/*.test.ts'],
    globalSetup: ['lab/require-lab.ts'],
    setupFiles: ['../vitest.properties.ts'],
    pool: 'forks',
    fileParallelism: false,
    // Real servers: in CI a test may fail once, and the log then says `(retry x1)`.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 300_000,
    teardownTimeout: 30_000,
    passWithNoTests: false,
  },
});
