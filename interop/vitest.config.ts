import { defineConfig } from 'vitest/config';

const conditions = ['@mb/source', 'module', 'node', 'development|production'];

/**
 * Suites share one loopback, so files run one after the other, in an order drawn by chance: no suite may lean on what
 * another left behind. `--sequence.seed N` repeats an order; the run prints its seed.
 */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@mb/source'] } },
  test: {
    include: ['*/**/*.test.ts'],
    globalSetup: ['lab/require-lab.ts'],
    setupFiles: ['../vitest.left-processes.ts', '../vitest.properties.ts', 'lab/stop-processes.ts'],
    pool: 'forks',
    fileParallelism: false,
    sequence: { shuffle: { files: true, tests: false } },
    // Real servers: in CI a test may fail once, and the log then says `(retry x1)`.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 300_000,
    teardownTimeout: 30_000,
    passWithNoTests: false,
  },
});
