import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { afterAll } from 'vitest';

const runningKey = Symbol.for('mb.test.running-processes');

/** Processes that were started here and have not ended; once for a worker, which runs this file for each test file. */
const held = globalThis as { [runningKey]?: Set<ChildProcess> };
held[runningKey] ??= watchProcesses();
const running = held[runningKey];

function watchProcesses(): Set<ChildProcess> {
  const started = new Set<ChildProcess>();
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess };
    started.add(child);
    child.once('exit', () => started.delete(child));
    // It never started.
    child.once('error', () => child.pid === undefined && started.delete(child));
  });
  // A run that is ended from outside runs no hook.
  process.once('exit', () => {
    for (const child of started) child.kill('SIGKILL');
  });
  return started;
}

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
