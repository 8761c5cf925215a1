/**
 * Packs every published package, installs the tarballs in a scratch project outside the workspace, and uses
 * them there on every runtime that the packages name. Needs a build (`pnpm package-tests` makes one).
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type PackedPackage, packPackages, placeholder, projectFacts } from '../scripts/release/pack.ts';
import { checkBundles, checkWorker } from './browser-bundles.ts';
import { checkDefinitions } from './definitions.ts';
import { checkNextApp } from './next-app.ts';
import { checkPackedFiles } from './packed-files.ts';
import { checkStartTimes } from './start-times.ts';
import { type Cell, compilers, writeCells } from './types-matrix.ts';
import { checkTypeScriptProgram } from './typescript-programs.ts';

const run = promisify(execFile);

/** The oldest Node that the packages' `engines` admit, then the newest of each later even line. */
const nodeVersions = ['22.18.0', '24', '26'];

/** Nodes that are too old: the packages say so. */
const tooOld = ['18', '20'];

/** Subpaths that ask nothing of Node. */
const anyRuntime = new Set(['@mb/dkim/web', '@mb/cli/config']);

/** Packages whose code is not tied to Node. */
const portable = ['@mb/mime', '@mb/dkim'];

/** One program in one runtime; it prints one line of JSON for each package. */
interface Program {
  readonly label: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly packages: readonly string[];
}

let passed = 0;
let failed = 0;

function report(label: string, problem?: string): void {
  if (problem === undefined) passed += 1;
  else failed += 1;
  console.log(
    problem === undefined ? `  ok    ${label}` : `  FAIL  ${label}\n${problem.replaceAll(/^/gm, '        ')}`,
  );
}

/** Every tarball and every runtime in one installation. */
async function installConsumer(folder: string, packed: readonly PackedPackage[]): Promise<void> {
  await cp(join(import.meta.dirname, 'consumer'), folder, { recursive: true });
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  for (const { name, filename } of packed) manifest.dependencies[name] = `file:${filename}`;
  // The npm package `node` holds one binary package per platform; an alias for each lets several versions be installed.
  for (const version of [...nodeVersions, ...tooOld]) {
    manifest.devDependencies[nodeAlias(version)] = `npm:node-${process.platform}-${process.arch}@${version}`;
  }
  for (const [alias, range] of Object.entries(compilers)) {
    manifest.devDependencies[alias] = `npm:typescript@${range}`;
  }
  await writeFile(file, JSON.stringify(manifest, null, 2));
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
    cwd: folder,
  });
}

function nodeAlias(version: string): string {
  return `node-${version.split('.')[0]}`;
}

function listPrograms(folder: string, packages: readonly string[]): Program[] {
  const bin = (name: string) => join(folder, 'node_modules/.bin', name);
  const programs: Program[] = [];
  for (const version of nodeVersions) {
    const command = join(folder, 'node_modules', nodeAlias(version), 'bin/node');
    for (const [mode, file] of [
      ['import', 'import.mjs'],
      ['require', 'require.cjs'],
    ] as const) {
      programs.push({ label: `node ${version} ${mode}`, command, args: [file, ...packages], packages });
    }
  }
  programs.push({
    label: 'bun import',
    command: bin('bun'),
    args: ['import.mjs', ...portable],
    packages: portable,
  });
  programs.push({
    label: 'bun require',
    command: bin('bun'),
    args: ['require.cjs', ...portable],
    packages: portable,
  });
  // The permission list is the proof of what the packages touch: files of the project, no network, no environment.
  const deno = ['run', '--no-prompt', `--allow-read=${folder}`, '--node-modules-dir=manual'];
  programs.push({
    label: 'deno import',
    command: bin('deno'),
    args: [...deno, 'import.mjs', ...portable],
    packages: portable,
  });
  programs.push({
    label: 'deno require',
    command: bin('deno'),
    args: [...deno, 'require.cjs', ...portable],
    packages: portable,
  });
  return programs;
}

/** Each package counts by itself; one that a crash kept from running has failed. */
async function runProgram(program: Program, cwd: string): Promise<void> {
  const { error, stdout, stderr } = await finish(program.command, program.args, cwd);
  const results = new Map<string, string | undefined>();
  for (const [line] of stdout.matchAll(/^\{"name":.*\}$/gm)) {
    const { name, problem } = JSON.parse(line);
    results.set(name, problem);
  }
  const crash = `${stderr}${error ?? ''}`.trim();
  for (const name of program.packages) {
    report(`${program.label} ${name}`, results.has(name) ? results.get(name) : `did not run\n${crash}`);
  }
  // An unhandled rejection or a hang after the last check is a failure too.
  const explained =
    [...results.values()].some((problem) => problem !== undefined) || results.size < program.packages.length;
  if (error !== undefined && !explained) report(`${program.label} ends by itself`, crash);
}

async function finish(command: string, args: readonly string[], cwd: string) {
  try {
    return { error: undefined, ...(await run(command, args, { cwd, timeout: 120_000 })) };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { error: String(error), stdout, stderr };
  }
}

/** Every subpath of the installed packages. */
async function listSpecifiers(folder: string, packages: readonly string[]): Promise<string[]> {
  const { readSpecifiers } = await import(pathToFileURL(join(folder, 'subpaths.mjs')).href);
  return packages.flatMap((name) => readSpecifiers(name, folder));
}

/** The declarations of every subpath, and a strict program's use of them, as each compiler sees them. */
async function checkTypes(folder: string, specifiers: readonly string[]): Promise<void> {
  const [module, commonjs] = await Promise.all(
    ['program.mts', 'program.cts'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  const cells = await writeCells(folder, specifiers, { module: module!, commonjs: commonjs! });
  const compileNext = async () => {
    for (let cell = cells.shift(); cell; cell = cells.shift()) await compile(folder, cell);
  };
  await Promise.all([compileNext(), compileNext()]);
}

async function compile(folder: string, { label, compiler, folder: project }: Cell): Promise<void> {
  const tsc = join(folder, 'node_modules', compiler, 'bin/tsc');
  const { error, stdout, stderr } = await finish(process.execPath, [tsc, '-p', project], folder);
  report(label, error === undefined ? undefined : `${stdout}${stderr}`.trim());
}

/** One sentence that says what to install: of `mb` nothing else, of each subpath as the message of its error. */
async function checkOldNode(folder: string, version: string, specifiers: readonly string[]): Promise<void> {
  const node = join(folder, 'node_modules', nodeAlias(version), 'bin/node');
  const sentence = new RegExp(
    `^[\\w@/-]+ needs Node\\.js 22\\.18 or later; this is ${version}\\.[\\d.]+\\.$`,
  );
  const { error, stderr } = await finish(node, ['node_modules/@mb/cli/dist/index.js', '--version'], folder);
  const said = error !== undefined && stderr.startsWith('mb ') && sentence.test(stderr.trimEnd());
  report(`mb on node ${version}`, said ? undefined : stderr);
  const asked = specifiers.filter((each) => !anyRuntime.has(each));
  const code = `for (const name of process.argv.slice(1))
    await import(name).then(() => console.log('was loaded'), ({ message }) => console.log(message.split('\\n')[0]));`;
  const { stdout } = await finish(node, ['--input-type=module', '-e', code, ...asked], folder);
  const lines = stdout.trimEnd().split('\n');
  const problems = asked.flatMap((name, at) =>
    sentence.test(lines[at] ?? '') ? [] : [`${name}: ${lines[at] ?? 'did not run'}`],
  );
  report(`import on node ${version}, ${asked.length} subpaths`, problems.join('\n') || undefined);
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mb-package-tests-'));
  try {
    const root = join(import.meta.dirname, '..');
    const facts = (await projectFacts(root)) ?? placeholder;
    const packed = await packPackages(root, folder, facts);
    const expected = (await readdir('packages')).length;
    if (packed.length !== expected) throw new Error(`Packed ${packed.length} of ${expected} packages.`);
    for (const each of packed) {
      for (const { label, problem } of await checkPackedFiles(each, root, facts)) report(label, problem);
    }
    console.log(`installing ${packed.length} tarballs and the runtimes`);
    const consumer = join(folder, 'consumer');
    await installConsumer(consumer, packed);
    const packages = packed.map(({ name }) => name);
    for (const program of listPrograms(consumer, packages)) await runProgram(program, consumer);
    const specifiers = await listSpecifiers(consumer, packages);
    for (const version of tooOld) await checkOldNode(consumer, version, specifiers);
    for (const type of ['module', 'commonjs'] as const)
      report(`TypeScript program, ${type}`, await checkTypeScriptProgram(consumer, type));
    for (const [name, problem] of await checkBundles(consumer)) report(`page by ${name}`, problem);
    report('worker', await checkWorker(consumer).catch(String));
    report('Next.js route handler', await checkNextApp(consumer).catch(String));
    for (const { label, problem } of await checkStartTimes(consumer)) report(label, problem);
    for (const { label, problem } of await checkDefinitions(consumer, specifiers)) report(label, problem);
    await checkTypes(consumer, specifiers);
  } finally {
    if (failed === 0) await rm(folder, { recursive: true, force: true });
    else console.log(`kept for inspection: ${folder}`);
  }
  console.log(`package-tests: ${passed} passed, ${failed} failed`);
}

await main();
// What compilers and bundlers leave open, such as the watchers of TypeScript's server, would keep the process alive.
process.exit(failed > 0 ? 1 : 0);
