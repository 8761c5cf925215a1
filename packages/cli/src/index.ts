#!/usr/bin/env node
/**
 * The `mb` command.
 *
 * @packageDocumentation
 */
// Other modules are imported after the version check: an older Node would fail on an import with a stack trace.
import { statSync } from 'node:fs';
import module from 'node:module';
import { isAbsolute, join } from 'node:path';
import process from 'node:process';
import manifest from '../package.json' with { type: 'json' };

if (isTooOld(process.versions.node, manifest.engines.node)) {
  console.error(
    `mb needs Node.js ${manifest.engines.node.slice(2)} or later; this is ${process.versions.node}.`,
  );
  process.exit(1);
}
// Saves a third of the start-up time from the second run on. Modules loaded before this line are not cached.
enableCompileCache();
const { watchOutput } = await import('./output.ts');
watchOutput();
const { run } = await import('./program.ts');
process.exitCode = await run(process.argv.slice(2));

/**
 * Caches compiled code between runs, in the folder NODE_COMPILE_CACHE or else in the user's cache.
 * NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 *
 * Node's default is below /tmp, where any user of the machine could place code for the next run of `mb` by root. The
 * home of another user, which `sudo` may leave in HOME, is as unsafe. Without a folder of its own, such as in a service
 * without a home, `mb` caches nothing.
 */
function enableCompileCache(): void {
  // On Windows the default is a folder of the user.
  if (process.platform === 'win32' || process.env.NODE_COMPILE_CACHE) return void module.enableCompileCache();
  const { HOME = '', XDG_CACHE_HOME = '' } = process.env;
  const isOwn = (folder: string) => {
    const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
    return owner === undefined || owner === process.geteuid?.();
  };
  if (isAbsolute(XDG_CACHE_HOME)) {
    if (isOwn(XDG_CACHE_HOME)) module.enableCompileCache(join(XDG_CACHE_HOME, 'mb'));
  } else if (isAbsolute(HOME) && isOwn(HOME)) module.enableCompileCache(join(HOME, '.cache', 'mb'));
}

/** @param range  As in `engines`: `>=22.18`. */
function isTooOld(version: string, range: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldest = 0, least = 0] = range.slice(2).split('.').map(Number);
  return major < oldest || (major === oldest && minor < least);
}
