import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { serveOverHttp } from './https-dns.ts';

const run = promisify(execFile);

/** Bundlers of web pages; each writes the page `browser.mjs` as a script that sets the global `page`. */
const bundlers: Readonly<Record<string, (consumer: string, bundle: string) => Promise<void>>> = {
  // An import of a Node built-in fails the build: esbuild knows none on this platform.
  async esbuild(consumer, bundle) {
    const flags = [
      '--bundle',
      '--platform=browser',
      '--format=iife',
      '--global-name=page',
      `--outfile=${bundle}`,
    ];
    await run(join(consumer, 'node_modules/.bin/esbuild'), ['browser.mjs', ...flags], { cwd: consumer });
  },

  async vite(consumer, bundle) {
    const { build } = await loadFrom(consumer, 'vite');
    const [built] = [
      await build({
        root: consumer,
        configFile: false,
        logLevel: 'error',
        build: { write: false, lib: { entry: 'browser.mjs', name: 'page', formats: ['iife'] } },
      }),
    ].flat();
    await writeFile(bundle, built.output[0].code.replace(/^(?:var|const) page/, 'globalThis.page'));
  },

  async webpack(consumer, bundle) {
    const webpack = createRequire(join(consumer, 'package.json'))('webpack');
    const stats = await promisify(webpack)({
      context: consumer,
      mode: 'production',
      target: ['web', 'es2022'],
      entry: './browser.mjs',
      output: {
        path: consumer,
        filename: bundle.slice(consumer.length + 1),
        library: { name: 'page', type: 'var' },
      },
    });
    if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }));
  },
};

async function loadFrom(consumer: string, name: string) {
  const { exports } = JSON.parse(
    await readFile(join(consumer, 'node_modules', name, 'package.json'), 'utf8'),
  );
  const target = exports['.'].import ?? exports['.'].node ?? exports['.'];
  const file = typeof target === 'string' ? target : target.default;
  return import(pathToFileURL(join(consumer, 'node_modules', name, file)).href);
}

/**
 * Bundles a page's use of `@mb/mime` and `@mb/dkim/web` with each bundler, and runs the bundles where no Node global
 * exists.
 *
 * @returns for each bundler what went wrong, or undefined.
 */
export async function checkBundles(consumer: string): Promise<Map<string, string | undefined>> {
  const host = join(consumer, 'browser-host.cjs');
  await writeFile(host, browserHost);
  const found = new Map<string, string | undefined>();
  for (const [name, makeBundle] of Object.entries(bundlers)) {
    const bundle = join(consumer, `browser-${name}.js`);
    try {
      await makeBundle(consumer, bundle);
      const { stdout } = await run(process.execPath, [host, bundle], { cwd: consumer });
      found.set(name, stdout.trim() === 'ok' ? undefined : `the bundle printed ${JSON.stringify(stdout)}`);
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      found.set(name, `${stdout}${stderr}` || String(error));
    }
  }
  return found;
}

/**
 * Runs the same use in a Worker, as Miniflare runs it, and lookups over HTTPS of the DNS server of the testkit.
 *
 * @returns what went wrong, or undefined.
 */
export async function checkWorker(consumer: string): Promise<string | undefined> {
  const bundle = join(consumer, 'worker-bundle.mjs');
  // dns-packet asks for `buffer` by `require()`; wrangler turns that into the import of a Worker, too.
  const flags = ['--bundle', '--format=esm', '--conditions=workerd,worker,browser', `--outfile=${bundle}`];
  const nodeModules = ['--external:node:*', '--alias:buffer=./worker-buffer.mjs'];
  await writeFile(join(consumer, 'worker-buffer.mjs'), "export * from 'node:buffer';\n");
  await run(join(consumer, 'node_modules/.bin/esbuild'), ['worker.mjs', ...flags, ...nodeModules], {
    cwd: consumer,
  });
  const load = createRequire(join(consumer, 'package.json'));
  const dns = await load('@mb/testkit').startDnsServer({
    zones: { 'example.org': { records: { '@': { MX: '10 mx.example.org' } } } },
  });
  const https = await serveOverHttp(dns);
  const worker = new (load('miniflare').Miniflare)({
    modules: true,
    script: await readFile(bundle, 'utf8'),
    compatibilityDate: '2026-01-01',
    compatibilityFlags: ['nodejs_compat'],
    bindings: { dnsUrl: https.url },
  });
  try {
    const response = await worker.dispatchFetch('http://worker.test/');
    const text = await response.text();
    const wanted = JSON.stringify({ exchange: 'mx.example.org', mx: 'found', none: 'nxdomain' });
    return text === wanted ? undefined : text;
  } finally {
    await worker.dispose();
    https.close();
    await dns.close();
  }
}

/** A context with what browsers and workers have in common, and without `Buffer`, `process` and `require`. */
const browserHost = `
const { readFileSync } = require('node:fs');
const { createContext, runInContext } = require('node:vm');
const shared = { TextEncoder, TextDecoder, Uint8Array, ArrayBuffer, URL, crypto, atob, btoa, ReadableStream, setTimeout, clearTimeout, queueMicrotask, AbortSignal };
const page = createContext(shared);
runInContext(readFileSync(process.argv[2], 'utf8'), page);
runInContext('page.check()', page).then(() => console.log('ok'), (error) => { console.error(error); process.exitCode = 1; });
`;
