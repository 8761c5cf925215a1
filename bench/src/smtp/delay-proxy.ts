import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DelayProxyOptions } from './delay-proxy-process.ts';

/** A proxy to a port of this machine over a slow link. */
export interface DelayProxy {
  readonly port: number;
  stop(): void;
}

/** Starts the proxy in a process of its own and waits until it listens. */
export async function startDelayProxy(options: DelayProxyOptions): Promise<DelayProxy> {
  const child = fork(
    fileURLToPath(new URL('./delay-proxy-process.ts', import.meta.url)),
    [JSON.stringify(options)],
    {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    },
  );
  const [port] = (await once(child, 'message')) as [number];
  return { port, stop: () => void child.kill() };
}
