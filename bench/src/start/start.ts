import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import type { Contender, Field, Role, ToldOutput } from '../harness/row.ts';

/** Processes of one run; the kernel counts the time of those that ended in steps of 10 ms. */
const processes = 5;
const cache = fileURLToPath(new URL('../../node_modules/.cache/start/', import.meta.url));
const packages = fileURLToPath(new URL('../../../packages/', import.meta.url));

interface Started extends ToldOutput {
  readonly output: string;
}

/** `mb --version` beside `npm --version` and a process of node that does nothing. */
export async function versionField(): Promise<Field> {
  const script = await bundle('mb', path.join(packages, 'cli/src/index.ts'));
  const { version } = JSON.parse(readFileSync(path.join(packages, 'cli/package.json'), 'utf8')) as {
    version: string;
  };
  const npm = npmScript();
  const empty = await bundle('empty', '');
  return {
    contenders: [
      started('mb --version', 'ours', [script, '--version'], (output) => output.trim() === version),
      ...(npm === undefined
        ? []
        : [started('npm --version', 'peer', [npm, '--version'], (output) => /^\d+\.\d+/.test(output))]),
      started(emptyModule, 'limit', [empty], (output) => output === ''),
    ],
    absent: npm === undefined ? [{ name: 'npm --version', reason: 'npm is not installed' }] : [],
  };
}

/** A process that imports a package and ends. */
export async function importField(): Promise<Field> {
  const isRight = (output: string) => output.trim() === 'function';
  return {
    contenders: [
      started(
        "import '@mb/broker'",
        'ours',
        [await bundle('broker', `import { MailBroker } from '@mb/broker'; console.log(typeof MailBroker);`)],
        isRight,
      ),
      started(
        "import 'nodemailer'",
        'peer',
        [
          await bundle(
            'nodemailer',
            `import { createTransport } from 'nodemailer'; console.log(typeof createTransport);`,
            true,
          ),
        ],
        isRight,
        'nodemailer',
      ),
      started(emptyModule, 'limit', [await bundle('empty', '')], (output) => output === ''),
    ],
  };
}

const emptyModule = 'an empty module';

function started(
  name: string,
  role: Role,
  args: readonly string[],
  isRight: (output: string) => boolean,
  packageName?: string,
): Contender<Started> {
  return {
    name,
    role,
    external: true,
    ...(packageName !== undefined && { package: packageName }),
    run: async () => {
      const times: number[] = [];
      let output = '';
      for (let count = 0; count < processes; count++) {
        const before = childrenMs();
        output = (await promisify(execFile)(process.execPath, args)).stdout;
        times.push(childrenMs() - before);
      }
      return { told: (times.reduce((sum, ms) => sum + ms, 0) / processes) * 1000, output };
    },
    check: ({ output }) => (isRight(output) ? undefined : `the output was ${JSON.stringify(output)}`),
  };
}

/** Processor time of this process's children that ended, from /proc/self/stat: fields 16 and 17, in ticks of 10 ms. */
function childrenMs(): number {
  const text = readFileSync('/proc/self/stat', 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/**
 * A script of one package and all that it needs, in plain JavaScript; parts that are imported later are files of their own.
 *
 * @param asInstalled  Packages are loaded from `node_modules` as npm installs them.
 */
async function bundle(name: string, source: string, asInstalled = false): Promise<string> {
  const folder = path.join(cache, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type: 'module', version: '0.0.0' }));
  await build({
    ...(source.endsWith('.ts')
      ? { entryPoints: { index: source } }
      : { stdin: { contents: source, resolveDir: import.meta.dirname, sourcefile: 'index.js' } }),
    outdir: path.join(folder, 'dist'),
    entryNames: 'index',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    conditions: ['@mb/source'],
    external: ['pg-native'],
    ...(asInstalled && { packages: 'external' as const }),
    banner: {
      js: "import { createRequire as newRequire } from 'node:module'; const require = newRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  return path.join(folder, 'dist/index.js');
}

/** The script that `npm` runs. */
function npmScript(): string | undefined {
  const scripts = (process.env.PATH ?? '').split(path.delimiter).flatMap((folder) => {
    const file = path.join(folder, 'npm');
    return existsSync(file) ? realpathSync(file) : [];
  });
  return scripts.find((script) => script.endsWith('npm-cli.js'));
}
