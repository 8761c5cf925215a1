/**
 * Rehearses a release on a copy, and publishes nothing: `pnpm rehearse`. Needs a build.
 *
 * Applies the changesets, packs, installs all tarballs together and those without a sibling alone, loads them, makes the
 * list of what they install with its licences, and lets npm say what it would publish.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { billOfMaterials, installPacked, writeBillOfMaterials } from './bill-of-materials.ts';
import { findLicenceProblems } from './licences.ts';
import { filesOf, type PackedPackage, packPackages, placeholder, projectFacts } from './pack.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

async function rehearse(work: string): Promise<void> {
  const copy = join(work, 'copy');
  await copyWorkspace(copy);
  const before = await versionsOf(copy);
  await run(join(root, 'node_modules/.bin/changeset'), ['version'], { cwd: copy });
  const after = await versionsOf(copy);
  for (const [name, version] of after) {
    if (before.get(name) !== version) say(`${name} ${before.get(name)} → ${version}`);
  }

  const packed = await packPackages(copy, join(work, 'packed'), (await projectFacts(root)) ?? placeholder);
  for (const each of packed) await checkVersion(each, after, before);
  say(`packed ${packed.length} packages`);

  const together = await install(work, 'together', packed);
  await load(together, packed);
  say('installed all together, and loaded each');
  for (const each of packed) {
    const { dependencies = {} } = await manifestOf(each.staged);
    if (Object.keys(dependencies).some((name) => name.startsWith('@mb/'))) continue;
    await load(await install(work, `alone-${basename(each.name)}`, [each]), [each]);
    say(`installed ${each.name} alone, and loaded it`);
  }

  const problems = [
    ...(await findLicenceProblems(join(together, 'node_modules'))),
    ...(await findInstallScripts(together)),
  ];
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const components = await writeBillOfMaterials(together, join(root, billOfMaterials), packed);
  say(`listed ${components} components, all under a permissive licence: ${billOfMaterials}`);

  for (const each of packed) await publishDry(each);
}

/** The files of the repository and what was built of them; siblings are linked as pnpm does. */
async function copyWorkspace(copy: string): Promise<void> {
  await run('git', ['clone', '--quiet', '--shared', root, copy]);
  const packages = await readdir(join(copy, 'packages'));
  for (const name of packages) {
    await cp(join(root, 'packages', name, 'dist'), join(copy, 'packages', name, 'dist'), { recursive: true });
    const siblings = join(copy, 'packages', name, 'node_modules/@mb');
    await mkdir(siblings, { recursive: true });
    for (const sibling of packages) await symlink(join(copy, 'packages', sibling), join(siblings, sibling));
  }
}

async function versionsOf(copy: string): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  for (const folder of await readdir(join(copy, 'packages'))) {
    const { name, version } = await manifestOf(join(copy, 'packages', folder));
    versions.set(name, version);
  }
  return versions;
}

async function manifestOf(folder: string) {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
}

/** What depends on siblings must ask for the versions that are published with it. */
async function checkVersion(
  { name, version, staged }: PackedPackage,
  after: ReadonlyMap<string, string>,
  before: ReadonlyMap<string, string>,
): Promise<void> {
  if (version !== after.get(name)) throw new Error(`${name} was packed as ${version}.`);
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = await manifestOf(staged);
  for (const [sibling, range] of Object.entries({
    ...dependencies,
    ...optionalDependencies,
    ...peerDependencies,
  })) {
    const wanted = after.get(sibling);
    if (wanted !== undefined && !String(range).endsWith(wanted))
      throw new Error(`${name} asks for ${sibling} ${range}; ${wanted} would be published.`);
  }
  if (version === before.get(name)) return;
  const changelog = await readFile(join(staged, 'CHANGELOG.md'), 'utf8');
  if (!changelog.includes(`## ${version}`))
    throw new Error(`The changelog of ${name} does not say ${version}.`);
}

async function install(work: string, name: string, packed: readonly PackedPackage[]): Promise<string> {
  const folder = join(work, name);
  await installPacked(folder, packed);
  return folder;
}

/** Imports the main entry of each package that has one. */
async function load(folder: string, packed: readonly PackedPackage[]): Promise<void> {
  const names: string[] = [];
  for (const { name, staged } of packed) if ((await manifestOf(staged)).exports['.']) names.push(name);
  const code = names.map((name) => `await import(${JSON.stringify(name)});`).join('\n');
  await run(process.execPath, ['--input-type=module', '-e', code], { cwd: folder });
}

/** SECURITY.md says that there are none. */
async function findInstallScripts(folder: string): Promise<string[]> {
  const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { readonly hasInstallScript?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => `${path} has an install script`);
}

/** npm's own list of what it would publish is what was packed. */
async function publishDry({ name, version, filename }: PackedPackage): Promise<void> {
  const args = [
    'publish',
    filename,
    '--dry-run',
    '--json',
    '--access',
    'public',
    '--provenance=false',
    '--ignore-scripts',
  ];
  const { stdout } = await run('npm', args, { cwd: dirname(filename), maxBuffer: 16 * 1024 * 1024 });
  const told = JSON.parse(stdout);
  const { files, id } = told[name] ?? told;
  const packedFiles = await filesOf(filename);
  const published = (files as { path: string }[]).map(({ path }) => path);
  if (id !== `${name}@${version}` || published.sort().join() !== packedFiles.sort().join())
    throw new Error(`npm would publish ${id} with other files than were packed.`);
  say(`would publish ${id}: ${published.length} files`);
}

function say(text: string): void {
  console.log(`  ${text}`);
}

const work = await mkdtemp(join(tmpdir(), 'mb-rehearsal-'));
try {
  await rehearse(work);
  console.log('The release would succeed.');
} finally {
  await rm(work, { recursive: true, force: true });
}
