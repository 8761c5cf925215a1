import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A DNS server in a process of its own. */
export interface BenchDnsServer {
  /** UDP port on 127.0.0.1. */
  readonly port: number;
  stop(): void;
}

/** Starts the server and waits until it listens. */
export async function startDnsServer(): Promise<BenchDnsServer> {
  const child = fork(fileURLToPath(new URL('./server-process.ts', import.meta.url)), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const [port] = (await once(child, 'message')) as [number];
  return { port, stop: () => child.kill() };
}
