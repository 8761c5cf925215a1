import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Compilers by the name under which each is installed; the last is the current one. */
export const compilers = {
  'typescript-5.6': '~5.6.3',
  'typescript-5.9': '~5.9.3',
  'typescript-6.0': '~6.0.3',
  'typescript-7.0': '~7.0.2',
} as const;

type Compiler = keyof typeof compilers;

/** How projects tell their compiler where modules are. */
const settings = {
  'node16 ESM': { type: 'module', module: 'node16' },
  'node16 CommonJS': { type: 'commonjs', module: 'node16' },
  'nodenext ESM': { type: 'module', module: 'nodenext' },
  'nodenext CommonJS': { type: 'commonjs', module: 'nodenext' },
  bundler: { type: 'module', module: 'esnext', moduleResolution: 'bundler' },
  'classic CommonJS': {
    type: 'commonjs',
    module: 'commonjs',
    moduleResolution: 'node10',
    esModuleInterop: true,
  },
} as const;

type Setting = keyof typeof settings;

/** The oldest and the current compiler with everything that they know, those between where the rules changed. */
const matrix: Readonly<Record<Compiler, readonly Setting[]>> = {
  'typescript-5.6': ['nodenext ESM', 'node16 CommonJS', 'bundler', 'classic CommonJS'],
  'typescript-5.9': ['node16 ESM', 'node16 CommonJS', 'nodenext CommonJS'],
  'typescript-6.0': ['nodenext CommonJS', 'classic CommonJS'],
  // It has no classic resolution any more.
  'typescript-7.0': ['node16 ESM', 'node16 CommonJS', 'nodenext ESM', 'nodenext CommonJS', 'bundler'],
};

/** The declarations of pg, which is not ours, need TypeScript 5.7. */
const notOn: Partial<Record<Compiler, readonly string[]>> = { 'typescript-5.6': ['@mb/queue-postgres'] };

/** What runs without Node compiles without the types of Node, as pages and as workers. */
const withoutNode = ['@mb/mime', '@mb/dkim/web'];
const platforms = ['DOM', 'WebWorker'];

/** One project for one compiler; `folder` has its tsconfig.json. */
export interface Cell {
  readonly label: string;
  readonly compiler: Compiler;
  readonly folder: string;
}

/**
 * Writes the projects: each names every subpath of every package, and uses some as a strict program does.
 *
 * @param folder  Where the packages are installed.
 * @param specifiers  Of all subpaths.
 * @param programs  The program of a consumer, as an ES module and as CommonJS.
 */
export async function writeCells(
  folder: string,
  specifiers: readonly string[],
  programs: { readonly module: string; readonly commonjs: string },
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const [compiler, names] of Object.entries(matrix) as [Compiler, readonly Setting[]][]) {
    for (const name of names) {
      const cell = join(folder, 'types', `${compiler} ${name}`.replaceAll(' ', '-'));
      await mkdir(cell, { recursive: true });
      const { type, ...options } = settings[name];
      const left = specifiers.filter((each) => !notOn[compiler]?.some((other) => each.startsWith(other)));
      await writeFile(join(cell, 'package.json'), JSON.stringify({ type }));
      await writeFile(join(cell, 'every-subpath.ts'), exportsOf(left));
      await writeFile(join(cell, 'program.ts'), type === 'module' ? programs.module : programs.commonjs);
      await writeFile(join(cell, 'tsconfig.json'), JSON.stringify(configuration(compiler, options)));
      cells.push({ label: `types: ${compiler}, ${name}`, compiler, folder: cell });
    }
  }
  for (const compiler of ['typescript-5.6', 'typescript-7.0'] as const)
    for (const platform of platforms) cells.push(await writePlatformCell(folder, compiler, platform));
  return cells;
}

async function writePlatformCell(folder: string, compiler: Compiler, platform: string): Promise<Cell> {
  const cell = join(folder, 'types', `${compiler}-${platform}`);
  await mkdir(cell, { recursive: true });
  const { type, ...resolution } = settings.bundler;
  const { compilerOptions } = configuration(compiler, resolution);
  const options = { ...compilerOptions, types: [], lib: ['ES2022', platform] };
  await writeFile(join(cell, 'package.json'), JSON.stringify({ type }));
  await writeFile(join(cell, 'every-subpath.ts'), exportsOf(withoutNode));
  await writeFile(
    join(cell, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['every-subpath.ts'] }),
  );
  return { label: `types: ${compiler}, ${platform} without Node`, compiler, folder: cell };
}

function exportsOf(specifiers: readonly string[]): string {
  return specifiers.map((each, index) => `export type * as module${index} from '${each}';\n`).join('');
}

function configuration(compiler: Compiler, options: object) {
  return {
    compilerOptions: {
      target: 'ES2022',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      ...options,
      ...('moduleResolution' in options && compiler === 'typescript-6.0' && { ignoreDeprecations: '6.0' }),
    },
    files: ['every-subpath.ts', 'program.ts'],
  };
}
