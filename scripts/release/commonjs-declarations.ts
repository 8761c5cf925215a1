import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a `.d.cts` beside each `.d.ts` of a folder: the same declarations, as compilers of CommonJS programs read them,
 * with a map of its own. The code is not doubled.
 */
export async function writeCommonjsDeclarations(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.d.ts')) continue;
    const twin = name.replace(/\.d\.ts$/, '.d.cts');
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, twin), commonjsDeclaration(text));
    // Only lines that import differ, and nothing of them is a definition.
    const map = JSON.parse(await readFile(join(folder, `${name}.map`), 'utf8'));
    await writeFile(join(folder, `${twin}.map`), JSON.stringify({ ...map, file: twin }));
  }
}

function commonjsDeclaration(text: string): string {
  return text
    .replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]+)\.js(['"])/g, '$1.cjs$2')
    .replace(/^(\/\/# sourceMappingURL=.*)\.d\.ts\.map$/m, '$1.d.cts.map');
}
