#!/usr/bin/env node
/**
 * The `mb` command.
 *
 * @packageDocumentation
 */
import { run } from './program.ts';

// `mb … | head` closes our output early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await run(process.argv.slice(2));
