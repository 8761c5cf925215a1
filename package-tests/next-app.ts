import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * Builds the application `next/` of the consumer as its users do, starts it on loopback, and asks its route handler to
 * send a message.
 *
 * @returns what went wrong, or undefined.
 */
export async function checkNextApp(consumer: string): Promise<string | undefined> {
  const built = runNext(consumer, 'build', 'next');
  if ((await built.ended) !== 0) return built.output();
  const served = runNext(consumer, 'start', 'next', '--hostname', '127.0.0.1', '--port', '0');
  try {
    const url = await served.find(/http:\/\/127\.0\.0\.1:\d+/);
    if (url === undefined) return served.output();
    const response = await fetch(`${url}/send`, { signal: AbortSignal.timeout(60_000) });
    const text = await response.text();
    return text === 'delivered' ? undefined : `${response.status} ${text}\n${served.output()}`;
  } finally {
    served.child.kill('SIGKILL');
    await served.ended;
  }
}

function runNext(consumer: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(consumer, 'node_modules/next/dist/bin/next'), ...args], {
    cwd: consumer,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  return {
    child,
    output: () => output,
    ended: once(child, 'close').then(([code]) => code as number | null),
    /** The first match in what it prints; undefined when it ends before. */
    async find(pattern: RegExp): Promise<string | undefined> {
      for await (const line of createInterface({ input: child.stdout })) {
        const [found] = pattern.exec(line) ?? [];
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
