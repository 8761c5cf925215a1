import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { PackedPackage } from './pack.ts';

const run = promisify(execFile);

/** Where the list is kept, within the repository. */
export const billOfMaterials = 'out/release/sbom.cdx.json';

/** Installs tarballs with what they depend on, as a user does. */
export async function installPacked(folder: string, packed: readonly PackedPackage[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const dependencies = Object.fromEntries(packed.map((each) => [each.name, `file:${each.filename}`]));
  const manifest = { name: 'installed', version: '1.0.0', private: true, type: 'module', dependencies };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await run('npm', ['install', ...flags], { cwd: folder });
}

/**
 * Writes the list of all that is installed with the packages, in CycloneDX, as npm makes it.
 *
 * @param installed  Where `installPacked` has put them.
 * @returns the number of components.
 * @throws {Error} when a package is not in the list.
 */
export async function writeBillOfMaterials(
  installed: string,
  file: string,
  packed: readonly PackedPackage[],
): Promise<number> {
  const { stdout } = await run('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'], {
    cwd: installed,
    maxBuffer: 64 * 1024 * 1024,
  });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, stdout);
  // What was kept is what is checked.
  const { components } = JSON.parse(await readFile(file, 'utf8')) as {
    components: readonly { readonly 'bom-ref': string }[];
  };
  const listed = new Set(components.map((each) => each['bom-ref']));
  for (const { name, version } of packed)
    if (!listed.has(`${name}@${version}`)) throw new Error(`${file} lacks ${name}@${version}.`);
  return components.length;
}
