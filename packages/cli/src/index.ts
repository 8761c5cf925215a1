#!/usr/bin/env node
/**
 * The `mb` command.
 *
 * @packageDocumentation
 */
import { enableCompileCache } from 'node:module';

// A third of the time to start, from the second run on; what is loaded before this line does not profit.
enableCompileCache();
const { watchOutput } = await import('./output.ts');
watchOutput();
const { run } = await import('./program.ts');
process.exitCode = await run(process.argv.slice(2));
