import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a run of the binary gave. */
export interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Text for standard input, which is closed after it. Default empty. */
  readonly input?: string | Uint8Array;
  /** Variables beside those of the test's own environment, less what would change the output. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs. Default: where the tests do. */
  readonly cwd?: string;
  /** Ends what hangs. Default 60,000. */
  readonly timeoutMs?: number;
  /** Called with the process as soon as it runs. */
  readonly during?: (child: ReturnType<typeof spawn>) => void;
}

const compileCache = join(tmpdir(), 'mb-compile-cache');
const BINARY = join(import.meta.dirname, '../src/index.ts');

/** Runs `mb` as a user does: the real binary, in a process of its own, with pipes. */
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
