import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Contender, PeakOutput, Role } from './row.ts';

/** What a child process is to run: an exported async function of a module, with one JSON argument. */
export interface PeakTask {
  /** File URL of the TypeScript module. */
  readonly module: string;
  readonly task: string;
  readonly argument?: unknown;
}

/** Peak memory of a fresh process that did a task, and what the task returned. */
export interface PeakReport extends PeakOutput {
  readonly outcome: unknown;
}

/** A contender of a `peak` row: each run is a process of its own. */
export function peakContender(
  name: string,
  role: Role,
  task: PeakTask,
  check: (outcome: unknown) => string | undefined | Promise<string | undefined>,
  packageName?: string,
): Contender {
  const bundle = bundled(task.module);
  return {
    name,
    role,
    ...(packageName === undefined ? {} : { package: packageName }),
    external: true,
    run: async () => runInFreshProcess({ ...task, module: await bundle }),
    check: (output) => check((output as PeakReport).outcome),
  };
}

const bundles = new Map<string, Promise<string>>();

/**
 * A task's module as plain JavaScript with our packages in it, as an application would run them:
 * Node's type stripping alone takes 20 MB. Peers stay outside and load from `node_modules`.
 */
function bundled(module: string): Promise<string> {
  let bundle = bundles.get(module);
  if (bundle === undefined) {
    bundle = bundleTask(fileURLToPath(module));
    bundles.set(module, bundle);
  }
  return bundle;
}

async function bundleTask(file: string): Promise<string> {
  const root = new URL('../../', import.meta.url);
  const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const outdir = fileURLToPath(new URL('node_modules/.cache/peak/', root));
  const { metafile } = await build({
    entryPoints: [file],
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    conditions: ['@mb/source'],
    external: Object.keys(manifest.devDependencies),
    metafile: true,
    entryNames: '[name]-[hash]',
  });
  const [entry] =
    Object.entries(metafile.outputs).find(([, output]) => output.entryPoint !== undefined) ?? [];
  if (entry === undefined) throw new Error(`esbuild wrote no entry for ${file}.`);
  return new URL(entry, `file://${process.cwd()}/`).href;
}

function runInFreshProcess(task: PeakTask): Promise<PeakReport> {
  const child = fork(fileURLToPath(new URL('./peak-process.mjs', import.meta.url)), [JSON.stringify(task)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    let report: PeakReport | undefined;
    child.on('message', (message: PeakReport) => {
      report = message;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (report === undefined) reject(new Error(`the child process ended with ${signal ?? code}`));
      else resolve(report);
    });
  });
}
