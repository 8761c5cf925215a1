import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import { mb, type Run } from './mb.ts';

/** A running `mb work`. */
export interface Worker {
  readonly child: ChildProcess;
  /** Resolves when the log contains `words`. */
  until(words: string): Promise<void>;
  readonly ended: Promise<Run>;
}

/** Starts `mb work` and waits until it has started. */
export async function startWorker(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<Worker> {
  let child: ChildProcess | undefined;
  let output = '';
  const ended = mb(['work', ...args], {
    env,
    during: (process) => {
      child = process;
      process.stdout?.on('data', (data) => {
        output += data;
      });
    },
  });
  const until = async (words: string) => {
    for (let turn = 0; turn < 400 && !output.includes(words); turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect(output).toContain(words);
  };
  await until('worker-started');
  return { child: child!, until, ended };
}
