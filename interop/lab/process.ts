import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** When a started server counts as ready: its port accepts, or a line of its output matches. */
export type Readiness = { readonly address: string; readonly port: number } | { readonly output: RegExp };

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly ready: Readiness;
  /** Ends the server in its own way; what is left of its process group is then signalled. */
  readonly shutDown?: () => Promise<unknown>;
  /** Default 30,000. */
  readonly readyTimeoutMs?: number;
}

/** A running server. */
export interface LabProcess {
  readonly pid: number;
  /** Everything it wrote to stdout and stderr so far. */
  output(): string;
  /** Resolves when the output matches; throws after the timeout with the output's end. */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<void>;
  /** SIGTERM, after five seconds SIGKILL, for the process and all of its group. */
  stop(): Promise<void>;
}

/** Stops of the servers that run now; a suite that fails half-way leaves some. */
const running = new Set<() => Promise<void>>();

/** What must be undone before the next suite: mounts, addresses, network namespaces. */
const changes = new Set<() => Promise<void>>();

/**
 * Registers how a change of the lab is undone.
 *
 * @returns a function that undoes it now. Without a call it is undone after the last test of the file.
 */
export function undoLater(undo: () => Promise<unknown>): () => Promise<void> {
  const once = async () => {
    if (changes.delete(once)) await undo();
  };
  changes.add(once);
  return once;
}

/**
 * Stops every server that is still running, then undoes what was changed, the latest change first. `stop-processes.ts`
 * calls it after each test file.
 */
export async function stopAllProcesses(): Promise<void> {
  await Promise.all([...running].map((stop) => stop()));
  const problems: unknown[] = [];
  for (const undo of [...changes].reverse()) await undo().catch((error) => problems.push(error));
  if (problems.length > 0) throw new AggregateError(problems, 'Changes of the lab could not be undone.');
}

/**
 * Starts a server in its own process group and resolves when it is ready. When it does not get ready, the error shows
 * what it printed. A port that another process listens on already is an error: the two would share the clients.
 */
export async function startProcess(command: string, options: StartOptions): Promise<LabProcess> {
  const { ready } = options;
  if ('port' in ready && (await accepts(ready.address, ready.port)))
    throw new Error(`${command}: another process listens on ${ready.address}:${ready.port}; stop it first.`);
  const child = spawn(command, options.args ?? [], {
    cwd: options.cwd ?? '/',
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const output = () => Buffer.concat(chunks).toString('utf8');
  let ended: string | undefined;
  const exit = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended = error.message;
      resolve();
    });
    child.once('exit', (code, signal) => {
      ended = signal ? `ended by ${signal}` : `exited with ${code}`;
      resolve();
    });
  });
  const waitUntil = async (what: string, timeoutMs: number, holds: () => boolean | Promise<boolean>) => {
    const deadline = performance.now() + timeoutMs;
    while (!(await holds())) {
      if (ended !== undefined) throw new Error(`${command} ${ended} before ${what}:\n${tail(output())}`);
      if (performance.now() > deadline)
        throw new Error(`${command}: no ${what} within ${timeoutMs} ms:\n${tail(output())}`);
      await sleep(20);
    }
  };
  const stop = async () => {
    if (running.delete(stop)) await options.shutDown?.().catch(() => {});
    await stopGroup(child, exit);
  };
  running.add(stop);

  try {
    const { readyTimeoutMs = 30_000 } = options;
    if ('output' in ready)
      await waitUntil(`output ${ready.output}`, readyTimeoutMs, () => ready.output.test(output()));
    else
      await waitUntil(`listener on ${ready.address}:${ready.port}`, readyTimeoutMs, () =>
        accepts(ready.address, ready.port),
      );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid!,
    output,
    waitForOutput: (pattern, timeoutMs = 10_000) =>
      waitUntil(`output ${pattern}`, timeoutMs, () => pattern.test(output())),
    stop,
  };
}

async function stopGroup(child: ChildProcess, exit: Promise<void>): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await Promise.race([exit, sleep(5_000, undefined, { ref: false })]);
  }
  const deadline = performance.now() + 5_000;
  while (signalGroup(child.pid, 'SIGKILL') && performance.now() < deadline) await sleep(5);
  await exit;
}

/** Whether the group still had a member. */
function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Whether a process lives; one that has ended but was not yet buried by its parent (state Z) does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Whether a TCP connection to the address succeeds. */
function accepts(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 1_000 });
    const settle = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(false));
  });
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Default 60,000. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end and returns its exit code and output; throws only when it cannot start or runs too long.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const { env, cwd = '/', timeoutMs = 60_000 } = options;
    const child = execFile(
      command,
      args,
      { cwd, env: { ...process.env, ...env }, timeout: timeoutMs, maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') {
          reject(
            new Error(`${command} ${args.join(' ')}: ${error.message}\n${tail(stderr)}`, { cause: error }),
          );
          return;
        }
        resolve({ code: error ? (error.code as number) : 0, stdout, stderr });
      },
    );
    // A command that ends without reading its input closes the pipe early. Its exit code shows what happened.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
  });
}

/** Like runCommand, but an exit code other than 0 throws with what the command printed. Returns stdout. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, args, options);
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} exited with ${code}:\n${tail(`${stdout}${stderr}`)}`);
  return stdout;
}

function tail(text: string): string {
  return text.split('\n').slice(-40).join('\n');
}
