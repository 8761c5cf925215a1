/**
 * Packs all published packages as they are published: `node scripts/release/pack.ts FOLDER`. Needs a build.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { writeCommonjsDeclarations } from './commonjs-declarations.ts';
import { copyDeclarationSources } from './declaration-sources.ts';
import { type ProjectFacts, packedManifest, readProjectFacts } from './packed-manifest.ts';
import { packedReadme, withPackageTable } from './packed-readme.ts';

const run = promisify(execFile);

/** A package that is ready to be published. */
export interface PackedPackage {
  readonly name: string;
  readonly version: string;
  /** Path of the tarball. */
  readonly filename: string;
  /** The folder that was packed. */
  readonly staged: string;
  /** Of the package in the repository: `packages/mime`. */
  readonly folder: string;
}

/** Stands for the repository in tests, as long as the package.json at the root names none. */
export const placeholder: ProjectFacts = { repository: 'https://git.example.com/mb/mb' };

/** The facts about the project at `root`; undefined while it names no repository. */
export async function projectFacts(root: string): Promise<ProjectFacts | undefined> {
  return readProjectFacts(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
}

/**
 * Packs the packages of the workspace at `root`.
 *
 * pnpm chooses the files and resolves the ranges of the workspace; then the manifest, the README and the declarations
 * become those that are published.
 */
export async function packPackages(
  root: string,
  destination: string,
  facts: ProjectFacts,
): Promise<PackedPackage[]> {
  const work = await mkdtemp(join(tmpdir(), 'mb-pack-'));
  try {
    const args = ['-r', '--filter', './packages/*', 'pack', '--json', '--pack-destination', work];
    const { stdout } = await run('pnpm', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
    const packed: { name: string; filename: string }[] = JSON.parse(stdout);
    const ready: PackedPackage[] = [];
    for (const { name, filename } of packed) {
      const staged = join(destination, 'staged', basename(name));
      await mkdir(staged, { recursive: true });
      await run('tar', ['-xzf', filename, '-C', staged, '--strip-components=1']);
      ready.push(await stagePackage(root, destination, staged, name, facts));
    }
    return ready;
  } finally {
    await rm(work, { recursive: true });
  }
}

/** The paths of the files in a tarball, within the package. */
export async function filesOf(tarball: string): Promise<string[]> {
  const { stdout } = await run('tar', ['-tzf', tarball], { maxBuffer: 16 * 1024 * 1024 });
  return stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
}

async function stagePackage(
  root: string,
  destination: string,
  staged: string,
  name: string,
  facts: ProjectFacts,
): Promise<PackedPackage> {
  const source = join(root, 'packages', basename(name));
  const folder = relative(root, source);
  const file = join(staged, 'package.json');
  const manifest = packedManifest(JSON.parse(await readFile(file, 'utf8')), folder, facts);
  await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
  const readme = join(staged, 'README.md');
  const page = await readFile(readme, 'utf8').catch(() => undefined);
  if (page === undefined) throw new Error(`${folder} has no README.md.`);
  const front = await readFile(join(root, 'README.md'), 'utf8');
  const linked = packedReadme(page, folder, facts.repository);
  await writeFile(readme, withPackageTable(linked, front, facts.repository));
  await cp(join(root, 'LICENSE'), join(staged, 'LICENSE'));
  // Before the first release there is none.
  await cp(join(source, 'CHANGELOG.md'), join(staged, 'CHANGELOG.md')).catch(() => {});
  await copyDeclarationSources(source, staged);
  await writeCommonjsDeclarations(join(staged, 'dist'));
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', destination],
    {
      cwd: staged,
    },
  );
  const [made] = JSON.parse(stdout) as [{ filename: string }];
  return { name, version: manifest.version, filename: join(destination, made.filename), staged, folder };
}

if (import.meta.main) {
  const [destination] = process.argv.slice(2);
  if (!destination) throw new Error('usage: node scripts/release/pack.ts FOLDER');
  await mkdir(destination, { recursive: true });
  const root = join(import.meta.dirname, '../..');
  const facts = (await projectFacts(root)) ?? placeholder;
  for (const { filename } of await packPackages(root, destination, facts)) console.log(filename);
}
