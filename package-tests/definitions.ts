import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import type { server, default as TypeScript } from 'typescript';
import type { Finding } from './packed-files.ts';

/**
 * Asks the language server that editors use for the definition of every export of every subpath, from an ES module and
 * from a CommonJS file.
 *
 * @param folder  Where the packages are installed.
 * @param specifiers  Of all subpaths.
 * @returns one finding for each specifier; the problem names exports whose definition is not a source in its package.
 */
export async function checkDefinitions(folder: string, specifiers: readonly string[]): Promise<Finding[]> {
  const ts: typeof TypeScript = createRequire(join(folder, 'package.json'))('typescript-6.0');
  const project = join(folder, 'definitions');
  await mkdir(project, { recursive: true });
  const options = { module: 'nodenext', target: 'es2022', types: ['node'], skipLibCheck: true };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
  const findings: Finding[] = [];
  const editor = openEditor(ts);
  for (const extension of ['mts', 'cts']) {
    const asked = new Map<string, readonly string[]>();
    for (const [specifier, names] of listExports(ts, project, extension, specifiers))
      asked.set(specifier, names);
    const file = join(project, `imports.${extension}`);
    const lines = Array.from(asked, ([specifier, names]) => names.map((name) => importLine(name, specifier)));
    await writeFile(file, lines.flat().join('\n'));
    editor.open(file);
    let line = 0;
    for (const [specifier, names] of asked) {
      const problems: string[] = names.length === 0 ? ['exports nothing'] : [];
      for (const name of names) {
        line += 1;
        const problem = await findProblem(
          folder,
          name,
          editor.definition(file, line, 'import { '.length + 1),
        );
        if (problem !== undefined) problems.push(`${name}: ${problem}`);
      }
      const label = `definitions: ${specifier} (.${extension}, ${names.length})`;
      findings.push(problems.length === 0 ? { label } : { label, problem: problems.join('\n') });
    }
  }
  return findings;
}

function importLine(name: string, specifier: string): string {
  return `import { ${name} } from '${specifier}';`;
}

/** The names that each subpath exports, as the compiler sees them. */
function listExports(
  ts: typeof TypeScript,
  project: string,
  extension: string,
  specifiers: readonly string[],
): Map<string, string[]> {
  const file = join(project, `exports.${extension}`);
  ts.sys.writeFile(file, specifiers.map((each, at) => `import * as m${at} from '${each}';\n`).join(''));
  const module = ts.ModuleKind.NodeNext;
  const program = ts.createProgram([file], { module, skipLibCheck: true, noEmit: true });
  const checker = program.getTypeChecker();
  const found = new Map<string, string[]>();
  for (const statement of program.getSourceFile(file)!.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
    const symbol = checker.getSymbolAtLocation(statement.moduleSpecifier);
    const names = symbol ? checker.getExportsOfModule(symbol).map(({ name }) => name) : [];
    found.set(statement.moduleSpecifier.text, names);
  }
  return found;
}

/** The server of editors, without a process between. */
function openEditor(ts: typeof TypeScript) {
  const nothing = () => {};
  const timers = { setTimeout, clearTimeout, setImmediate, clearImmediate };
  // It writes what it answers, too.
  const host = { ...ts.sys, ...timers, write: nothing } as server.ServerHost;
  const session = new ts.server.Session({
    host,
    cancellationToken: ts.server.nullCancellationToken,
    typingsInstaller: ts.server.nullTypingsInstaller,
    useSingleInferredProject: false,
    useInferredProjectPerProjectRoot: false,
    byteLength: Buffer.byteLength,
    hrtime: process.hrtime,
    canUseEvents: false,
    logger: {
      close: nothing,
      hasLevel: () => false,
      loggingEnabled: () => false,
      perftrc: nothing,
      info: nothing,
      startGroup: nothing,
      endGroup: nothing,
      msg: nothing,
      getLogFileName: () => undefined,
    },
  });
  let seq = 0;
  const ask = (command: string, args: object) =>
    session.executeCommand({ seq: ++seq, type: 'request', command, arguments: args }).response;
  return {
    open: (file: string) => void ask('open', { file }),
    definition: (file: string, line: number, offset: number) =>
      ask('definition', { file, line, offset }) as readonly server.protocol.FileSpan[],
  };
}

async function findProblem(
  folder: string,
  name: string,
  definitions: readonly server.protocol.FileSpan[],
): Promise<string | undefined> {
  if (definitions.length === 0) return 'has no definition';
  for (const { file, start } of definitions) {
    const path = relative(folder, file);
    if (!/^node_modules\/@mb\/[\w-]+\/src\/.*\.ts$/.test(path) || !existsSync(file))
      return `leads to ${path}`;
    const line = (await readFile(file, 'utf8')).split('\n')[start.line - 1] ?? '';
    if (!line.slice(start.offset - 1).startsWith(name))
      return `leads to ${path}:${start.line}, which says ${line.trim()}`;
  }
  return undefined;
}
