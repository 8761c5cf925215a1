import { defineConfig } from 'vitest/config';

const conditions = ['@mb/source', 'module', 'node', 'development|production'];

/** One browser at a time, against one service at a time. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@mb/source'] } },
  test: {
    include: ['*.test.ts'],
    globalSetup: ['./shared-servers.ts'],
    setupFiles: ['../vitest.left-processes.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 280_000,
    expect: { poll: { timeout: 15_000 } },
    retry: process.env.CI ? 1 : 0,
  },
});
