import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Bundles a page's use of `@mb/mime` for browsers and runs the bundle where no Node global exists.
 *
 * @returns what went wrong, or undefined.
 */
export async function bundleForBrowser(consumer: string): Promise<string | undefined> {
  const bundle = join(consumer, 'browser-bundle.js');
  try {
    // An import of a Node built-in fails the build: esbuild knows none on this platform.
    await run(
      join(consumer, 'node_modules/.bin/esbuild'),
      [
        'browser.mjs',
        '--bundle',
        '--platform=browser',
        '--format=iife',
        '--global-name=page',
        `--outfile=${bundle}`,
      ],
      { cwd: consumer },
    );
    const host = join(consumer, 'browser-host.cjs');
    await writeFile(host, browserHost);
    const { stdout } = await run(process.execPath, [host, bundle], { cwd: consumer });
    return stdout.trim() === 'ok' ? undefined : `the bundle printed ${JSON.stringify(stdout)}`;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}` || String(error);
  }
}

/** A context with what browsers and workers have in common, and without `Buffer`, `process` and `require`. */
const browserHost = `
const { readFileSync } = require('node:fs');
const { createContext, runInContext } = require('node:vm');
const shared = { TextEncoder, TextDecoder, Uint8Array, crypto, atob, btoa, ReadableStream, setTimeout, clearTimeout, queueMicrotask };
const page = createContext(shared);
runInContext(readFileSync(process.argv[2], 'utf8'), page);
runInContext('page.check()', page).then(() => console.log('ok'), (error) => { console.error(error); process.exitCode = 1; });
`;
