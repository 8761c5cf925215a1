import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string | { readonly '@mb/source'?: string }>>;
}

/** The entry points of all packages: `@mb/dns/memory` and the file of its source. */
const entryPoints = globSync('*/package.json', { cwd: root })
  .sort()
  .flatMap((file) => {
    const folder = join(root, dirname(file));
    const { name, exports = {} } = JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest;
    return Object.entries(exports).flatMap(([path, target]) => {
      const source = typeof target === 'string' ? undefined : target['@mb/source'];
      return source === undefined
        ? []
        : [{ entry: `${name}${path.slice(1)}`, folder, source: join(folder, source) }];
    });
  });

/** The files whose exports a package's test walks: `import * as …` that are given to `optionCases`. */
function walkedFiles(folder: string): Set<string> {
  const walked = new Set<string>();
  for (const test of ['src/public-options.test.ts', 'test/public-options.test.ts']) {
    const file = join(folder, test);
    if (!existsSync(file)) continue;
    const source = readFileSync(file, 'utf8');
    for (const [, name = '', path = ''] of source.matchAll(/import \* as (\w+) from '([^']+)'/g)) {
      if (new RegExp(`optionCases\\(\\s*${name},`).test(source)) walked.add(join(dirname(file), path));
    }
  }
  return walked;
}

it('OPT-10 knows the entry points', () => {
  expect(entryPoints.length).toBeGreaterThan(20);
  for (const { source } of entryPoints) expect(existsSync(source), source).toBe(true);
});

it.each(entryPoints)('OPT-14 the calls of $entry are walked', ({ folder, source }) => {
  // Set-up files export nothing.
  if (!/^export /m.test(readFileSync(source, 'utf8'))) return;
  expect([...walkedFiles(folder)].map((file) => relative(root, file))).toContain(relative(root, source));
});
