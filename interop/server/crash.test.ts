import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom, type SmtpHost, startSmtpHost } from '@mb/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNode } from '../../vitest.process.ts';
import { makeFolder } from '../lab/folder.ts';
import { mustRun } from '../lab/process.ts';

/** Kills, each of a new process. */
const kills = Number(process.env.MB_CRASH_ROUNDS ?? 5);
const node = process.execPath;
const cli = join(import.meta.dirname, '../../packages/cli/src/index.ts');
const mb = (...args: readonly string[]) => ['--conditions=@mb/source', cli, '--no-config', ...args];

let host: SmtpHost;
let folder: string;
let token: string;

beforeAll(async () => {
  folder = makeFolder('server-crash');
  host = await startSmtpHost({ address: '127.0.35.1', hostname: 'mx.test' });
  const flags = ['--store', join(folder, 'queue.db'), '--name', 'test', '--scope', 'send'];
  token = (await mustRun(node, mb('key', 'new', ...flags))).trim();
}, 60_000);

afterAll(() => host?.close());

/** Starts the service; gives the process and where it listens. */
async function startService(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = startNode(
    mb(
      'serve',
      ...['--store', join(folder, 'queue.db'), '--hostname', 'mail.client.test', '--http', '127.0.0.1:0'],
      ...['--dev', `${host.address}:${host.port}`, '--role', 'http,worker'],
    ),
  );
  let output = '';
  child.stdout!.on('data', (chunk) => {
    output += chunk;
  });
  await expect.poll(() => output, { timeout: 30_000 }).toContain('server-started');
  const line = output.split('\n').find((one) => one.includes('server-started'))!;
  return { child, url: `http://${(JSON.parse(line) as { readonly http: string }).http}` };
}

/** Posts messages until the service is gone; adds the subject of each that was answered with 202. */
async function postUntilGone(url: string, name: string, accepted: Set<string>): Promise<void> {
  for (let n = 0; ; n += 1) {
    const subject = `${name}-${n}`;
    try {
      const response = await fetch(`${url}/v1/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ from: 'ann@sender.test', to: 'bob@one.test', subject, text: 'Hello' }),
      });
      // The answer may have been sent and its body lost: what the client has heard is the status.
      if (response.status === 202) accepted.add(subject);
      await response.arrayBuffer();
    } catch {
      return;
    }
  }
}

it(
  `SRV-60 a service that is killed ${kills} times loses nothing that it has answered with 202`,
  async () => {
    const random = createSeededRandom(20);
    const accepted = new Set<string>();
    for (let kill = 0; kill < kills; kill += 1) {
      const { child, url } = await startService();
      const clients = Array.from({ length: 4 }, (_, client) =>
        postUntilGone(url, `${kill}-${client}`, accepted),
      );
      await sleep(random.integer(20, 400));
      child.kill('SIGKILL');
      await Promise.all(clients);
    }
    expect(accepted.size).toBeGreaterThan(kills);
    const { child } = await startService();
    const missing = () => {
      const arrived = new Set(
        host.messages.map(({ content }) => /^Subject: (.*)\r$/m.exec(Buffer.from(content).toString())?.[1]),
      );
      return [...accepted].filter((subject) => !arrived.has(subject));
    };
    try {
      // What a killed worker had in its hands comes back when its lease ends.
      await expect.poll(missing, { timeout: 240_000, interval: 500 }).toEqual([]);
    } finally {
      child.kill('SIGTERM');
    }
  },
  kills * 15_000 + 300_000,
);
