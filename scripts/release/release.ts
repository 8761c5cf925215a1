/**
 * Publishes what changed: `pnpm release`, in CI, on a commit whose changesets are applied (`pnpm changeset version`).
 *
 * npm signs where the packages were built (provenance), which needs a CI that npm knows.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { billOfMaterials, installPacked, writeBillOfMaterials } from './bill-of-materials.ts';
import { type PackedPackage, packPackages, projectFacts } from './pack.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

const facts = await projectFacts(root);
if (facts === undefined) {
  console.error(
    'Nothing was published: the package.json at the root names no repository. Set "repository" there, and if known "homepage", "author" and "funding"; all packages get them when they are packed.',
  );
  process.exit(1);
}
const { stdout: changes } = await run('git', ['status', '--porcelain'], { cwd: root });
if (changes !== '') {
  console.error('Nothing was published: there are changes that are not committed.');
  process.exit(1);
}

const work = await mkdtemp(join(tmpdir(), 'mb-release-'));
try {
  await run('turbo', ['run', 'build'], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const packed = await packPackages(root, work, facts);
  // Before anything is published: what cannot be installed or listed is not.
  const installed = join(work, 'installed');
  await installPacked(installed, packed);
  const components = await writeBillOfMaterials(installed, join(root, billOfMaterials), packed);
  console.log(`listed ${components} components in ${billOfMaterials}`);
  for (const each of packed) await publish(each);
  await run('changeset', ['tag'], { cwd: root });
} finally {
  await rm(work, { recursive: true, force: true });
}

async function publish({ name, version, filename }: PackedPackage): Promise<void> {
  if (version === '0.0.0' || (await isPublished(name, version))) return;
  await run('npm', ['publish', filename, '--access', 'public', '--provenance', '--ignore-scripts']);
  console.log(`published ${name}@${version}`);
}

async function isPublished(name: string, version: string): Promise<boolean> {
  return run('npm', ['view', `${name}@${version}`, 'version']).then(
    ({ stdout }) => stdout.trim() === version,
    (error) => {
      if (/E404/.test(String(error.stderr))) return false;
      throw error;
    },
  );
}
