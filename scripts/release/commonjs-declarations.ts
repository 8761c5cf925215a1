import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a `.d.cts` beside each `.d.ts` of a folder: the same declarations, as compilers of CommonJS programs read them.
 * The code is not doubled.
 */
export async function writeCommonjsDeclarations(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.d.ts')) continue;
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, name.replace(/\.d\.ts$/, '.d.cts')), commonjsDeclaration(text));
  }
}

function commonjsDeclaration(text: string): string {
  return text.replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]+)\.js(['"])/g, '$1.cjs$2');
}
