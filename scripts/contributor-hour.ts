/**
 * Walks a contributor's first hour on a fresh clone, as CONTRIBUTING.md describes it: `node scripts/contributor-hour.ts
 * [PACKAGE]`. Changes a line of one package, runs its tests and types, and adds a changeset; no other package is built.
 */
import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const [name = 'dkim'] = process.argv.slice(2);
const full = `@mb/${name}`;

async function step(what: string, work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await work();
  console.log(`  ${what}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
}

async function walk(clone: string): Promise<void> {
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const pnpm = (...args: string[]) =>
    run('npx', ['-y', packageManager, ...args], { cwd: clone, maxBuffer: 64 * 1024 * 1024 });
  await step('clone', () => run('git', ['clone', '--quiet', root, clone]));
  await step('install', () => pnpm('install', '--frozen-lockfile', '--prefer-offline'));
  // A test that holds only with the changed line: the package's own source runs, not a build of it.
  const entry = join(clone, 'packages', name, 'src/index.ts');
  const test = join(clone, 'packages', name, 'src/first-change.test.ts');
  await step('change', async () => {
    await appendFile(
      entry,
      '\n/** The first change of a contributor. */\nexport const firstChange = true;\n',
    );
    await writeFile(
      test,
      "import { expect, it } from 'vitest';\nimport { firstChange } from './index.ts';\n\nit('is there', () => expect(firstChange).toBe(true));\n",
    );
    const changeset = `---\n'${full}': patch\n---\n\nThe first change of a contributor.\n`;
    await writeFile(join(clone, '.changeset/first-change.md'), changeset);
  });
  await step('test of the change', () => pnpm('--filter', full, 'test', 'first-change'));
  await step('types', () => pnpm('--filter', full, 'typecheck'));
  await step('changeset', async () => {
    await run(join(clone, 'node_modules/.bin/changeset'), ['version'], { cwd: clone });
    const changelog = await readFile(join(clone, 'packages', name, 'CHANGELOG.md'), 'utf8');
    if (!changelog.includes('The first change of a contributor.'))
      throw new Error('The changeset is not among those that the next release applies.');
  });
  const built: string[] = [];
  for (const other of await readdir(join(clone, 'packages')))
    if ((await readdir(join(clone, 'packages', other))).includes('dist')) built.push(other);
  if (built.length > 0) throw new Error(`These packages were built: ${built.join(', ')}.`);
}

const work = await mkdtemp(join(tmpdir(), 'mb-contributor-'));
try {
  await walk(join(work, 'clone'));
  console.log(`A change of ${full} is tested, and no package was built.`);
} finally {
  await rm(work, { recursive: true, force: true });
}
