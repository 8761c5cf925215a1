import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { endProcesses } from '../../../vitest.left-processes.ts';

it('SAFE-95 a process that a test leaves behind is killed and named', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  expect(await endProcesses(0)).toEqual(['sleep 60']);
  expect((await ended)[1]).toBe('SIGKILL');
});

it('SAFE-95 a process that ends in time, or did not start, is not taken for one', async () => {
  spawn('sleep', ['0.1'], { stdio: 'ignore' });
  spawn('/nonexistent/command').on('error', () => {});
  spawnSync('true');
  expect(await endProcesses(20_000)).toEqual([]);
});
