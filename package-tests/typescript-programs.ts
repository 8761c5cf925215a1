import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Compiles the program `send.ts` of the consumer, as an ES module or as CommonJS, and runs what the compiler wrote: it
 * sends a message to a mailbox of the testkit.
 *
 * @returns what went wrong, or undefined.
 */
export async function checkTypeScriptProgram(
  consumer: string,
  type: 'module' | 'commonjs',
): Promise<string | undefined> {
  const project = join(consumer, `typescript-${type}`);
  await mkdir(project);
  await cp(join(consumer, 'send.ts'), join(project, 'send.ts'));
  await writeFile(join(project, 'package.json'), JSON.stringify({ type }));
  const compilerOptions = { target: 'ES2022', module: 'node16', types: ['node'], strict: true };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['send.ts'] }));
  try {
    await run(process.execPath, [join(consumer, 'node_modules/typescript-5.9/bin/tsc'), '-p', project]);
    const { stdout } = await run(process.execPath, [join(project, 'send.js')], { timeout: 60_000 });
    return stdout === 'delivered\n' ? undefined : stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}` || String(error);
  }
}
