import { cp, readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';

/** An import or export of a neighbour: `from './address.ts'`. */
const neighbour = /\bfrom\s+'(\.{1,2}\/[^']+\.tsx?)'/g;

/**
 * Copies the sources that the declarations of a package lead to, and what these import, so that "go to definition" ends
 * in code. The maps name them as `../src/…`.
 *
 * @param source  The package in the repository.
 * @param staged  Where it is packed; has `dist`.
 * @throws {Error} when a declaration file has no map: it was built before maps were.
 */
export async function copyDeclarationSources(source: string, staged: string): Promise<void> {
  const open = await namedByMaps(join(staged, 'dist'));
  const copied = new Set<string>();
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (copied.has(file)) continue;
    copied.add(file);
    await cp(join(source, file), join(staged, file));
    const text = await readFile(join(source, file), 'utf8');
    for (const [, path] of text.matchAll(neighbour)) open.push(posix.join(posix.dirname(file), path!));
  }
}

async function namedByMaps(dist: string): Promise<string[]> {
  const named: string[] = [];
  const files = await readdir(dist);
  for (const name of files.filter((each) => each.endsWith('.d.ts'))) {
    if (!files.includes(`${name}.map`)) throw new Error(`${join(dist, name)} has no map; build again.`);
    const { sources } = JSON.parse(await readFile(join(dist, `${name}.map`), 'utf8')) as {
      sources: string[];
    };
    named.push(...sources.map((path) => posix.join('dist', path)));
  }
  return named;
}
