#!/usr/bin/env node
/**
 * The `mb` command.
 *
 * @packageDocumentation
 */
// Nothing else is imported before the version is known: an older Node fails on an import with a stack trace.
import module from 'node:module';
import process from 'node:process';
import manifest from '../package.json' with { type: 'json' };

if (isTooOld(process.versions.node, manifest.engines.node)) {
  console.error(
    `mb needs Node.js ${manifest.engines.node.slice(2)} or later; this is ${process.versions.node}.`,
  );
  process.exit(1);
}
// A third of the time to start, from the second run on; what is loaded before this line does not profit.
module.enableCompileCache();
const { watchOutput } = await import('./output.ts');
watchOutput();
const { run } = await import('./program.ts');
process.exitCode = await run(process.argv.slice(2));

/** @param range  As `engines` says it: `>=22.18`. */
function isTooOld(version: string, range: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldest = 0, least = 0] = range.slice(2).split('.').map(Number);
  return major < oldest || (major === oldest && minor < least);
}
