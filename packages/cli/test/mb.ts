import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The result of a run of the binary. */
export interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Text for standard input, which is closed after it. Default empty. */
  readonly input?: string | Uint8Array;
  /** Variables to add to the environment of the test, without those that change the output. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory. Default: that of the tests. */
  readonly cwd?: string;
  /** Time after which the process is killed. Default 60,000. */
  readonly timeoutMs?: number;
  /** Called with the process as soon as it runs. */
  readonly during?: (child: ReturnType<typeof spawn>) => void;
}

const compileCache = join(tmpdir(), 'mb-compile-cache');
const BINARY = join(import.meta.dirname, '../src/index.ts');

/** Runs `mb` in a process of its own, with pipes. */
export function mb(
  args: readonly string[],
  { input = '', env = {}, cwd, timeoutMs = 60_000, during }: RunOptions = {},
): Promise<Run> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(MB_|FORCE_COLOR$|NO_COLOR$)/.test(name),
  );
  const child = spawn(process.execPath, ['--conditions=@mb/source', BINARY, ...args], {
    // Without the cache every run would compile the sources again.
    env: { ...Object.fromEntries(inherited), NODE_COMPILE_CACHE: compileCache, ...env },
    timeout: timeoutMs,
    ...(cwd !== undefined && { cwd }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  // A command that fails early does not read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  during?.(child);
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr })));
}
