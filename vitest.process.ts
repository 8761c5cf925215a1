import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';

/**
 * Starts node with these arguments for the test that calls this.
 *
 * It is killed when the test has ended, however it ended, and gets no stream of ours: a process that is left with the
 * output of the run keeps whoever reads that waiting.
 */
export function startNode(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  child.stderr.on('data', (text) => process.stderr.write(text));
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
