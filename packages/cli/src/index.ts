#!/usr/bin/env node
/**
 * The `mb` command.
 *
 * @packageDocumentation
 */
import { enableCompileCache } from 'node:module';

// `mb … | head` closes our output early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A command that goes on without its output, as a worker does without its log, listens for itself.
  if (process.stdout.listenerCount('error') > 1) return;
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

// A third of the time to start, from the second run on; what is loaded before this line does not profit.
enableCompileCache();
const { run } = await import('./program.ts');
process.exitCode = await run(process.argv.slice(2));
