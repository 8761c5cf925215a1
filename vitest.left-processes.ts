import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { afterAll } from 'vitest';

/** Processes that were started here and have not ended. */
const running = new Set<ChildProcess>();

subscribe('child_process', (message) => {
  const { process: child } = message as { process: ChildProcess };
  running.add(child);
  child.once('exit', () => running.delete(child));
  // It never started.
  child.once('error', () => child.pid === undefined && running.delete(child));
});

// A run that is ended from outside runs no hook.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Waits for the processes that were started here, and kills those that have not ended in time.
 *
 * @returns the commands that were killed.
 */
export async function endProcesses(graceMs: number): Promise<string[]> {
  for (const end = performance.now() + graceMs; running.size > 0 && performance.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 20));
  const left = [...running];
  running.clear();
  for (const child of left) child.kill('SIGKILL');
  return left.map(({ spawnargs }) => spawnargs.join(' '));
}

/** A test that leaves a process behind fails its file: in CI such a process can hold a pipe, and with it the whole run. */
afterAll(async () => {
  const left = await endProcesses(5_000);
  if (left.length > 0) throw new Error(`Processes were left behind, and killed:\n${left.join('\n')}`);
});
