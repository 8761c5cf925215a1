import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Licences under which a runtime dependency may come: they ask for their notice and nothing else. */
const permissive = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
]);

/** @returns a sentence for each installed package whose licence is not on the list. */
export async function findLicenceProblems(modules: string): Promise<string[]> {
  const problems: string[] = [];
  for (const folder of await listPackages(modules)) {
    const { name, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    if (!isPermissive(license))
      problems.push(`${name}: ${JSON.stringify(license)} is not on the list of licences`);
  }
  return problems;
}

/** An SPDX expression: of `OR` one is enough, of `AND` all are needed. */
function isPermissive(license: unknown): boolean {
  if (typeof license !== 'string') return false;
  const parts = license.replaceAll(/[()]/g, ' ').split(/\sOR\s/);
  return parts.some((part) => part.split(/\sAND\s/).every((id) => permissive.has(id.trim())));
}

async function listPackages(modules: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(modules, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const path = join(modules, entry.name);
    if (entry.name.startsWith('@')) {
      found.push(...(await listPackages(path)));
      continue;
    }
    found.push(path);
    const inner = join(path, 'node_modules');
    if ((await readdir(path)).includes('node_modules')) found.push(...(await listPackages(inner)));
  }
  return found;
}
