import { readFile, writeFile } from 'node:fs/promises';

/** The first line of every built file. Bundlers drop it: the packages have no side effects. */
export const importsSupportedNode = "import './supported-node.js';";

/**
 * Writes the module that says on an older Node, in one sentence, which one the package in the working folder needs. It
 * is evaluated before the other imports of a file; runtimes that do not call themselves Node are let through.
 */
export async function writeSupportedNode(): Promise<void> {
  const { name, engines } = JSON.parse(await readFile('package.json', 'utf8'));
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node)!;
  await writeFile(
    'dist/supported-node.js',
    `const node = globalThis.process?.versions?.node;
const [major, minor] = node?.split('.').map(Number) ?? [];
if (major < ${major} || (major === ${major} && minor < ${minor}))
  throw new Error(\`${name} needs Node.js ${major}.${minor} or later; this is \${node}.\`);
`,
  );
}
