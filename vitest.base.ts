import { defineConfig } from 'vitest/config';

/** Tests reach sibling packages' TypeScript by the `@mb/source` export condition, so nothing has to be built first. */
export function packageTests() {
  const conditions = ['@mb/source', 'module', 'node', 'development|production'];
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: ['@mb/source'] } },
    test: {
      include: ['{src,test,simulation}/**/*.test.ts'],
      passWithNoTests: false,
      // No file may lean on what another left behind; `--sequence.seed N` repeats an order.
      sequence: { shuffle: { files: true, tests: false } },
      // Files of a worker share its modules: loading them anew for each took half of the time. What a test needs for
      // itself alone (memory, a signal, the end of a process) it tries in a process of its own.
      isolate: false,
      setupFiles: ['vitest.left-processes.ts', 'vitest.properties.ts'].map(
        (file) => new URL(file, import.meta.url).pathname,
      ),
      // Machines can be busy; a timeout here only ends what hangs.
      testTimeout: 30_000,
      hookTimeout: 60_000,
      expect: { poll: { timeout: 20_000 } },
      // Real sockets and processes: in CI a test may fail once, and the log then says `(retry x1)`.
      retry: process.env.CI ? 1 : 0,
    },
  });
}
