import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SmtpHost, startSmtpHost } from '@mb/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort, startServer } from '../../packages/queue-postgres/test/server.ts';
import { mustRun } from '../lab/process.ts';

const node = process.execPath;
const cli = join(import.meta.dirname, '../../packages/cli/src/index.ts');
const mb = (...args: readonly string[]) => ['--conditions=@mb/source', cli, '--no-config', ...args];

let database: Awaited<ReturnType<typeof startServer>>;
let host: SmtpHost;
let token: string;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  database = await startServer();
  host = await startSmtpHost({ address: '127.0.36.1', hostname: 'mx.test' });
  const flags = ['--store', database.url, '--name', 'test', '--scope', 'send,read'];
  token = (await mustRun(node, mb('key', 'new', ...flags))).trim();
}, 120_000);

afterAll(async () => {
  await Promise.all([...running].map((child) => stop(child)));
  await host?.close();
  await database?.server.stop();
  database?.remove();
});

/** Starts a process of the service, and waits until it has. */
async function serve(role: string, port: number): Promise<ChildProcess> {
  const child = spawn(
    node,
    mb(
      'serve',
      ...['--hostname', 'mail.client.test', '--http', `127.0.0.1:${port}`],
      ...['--dev', `${host.address}:${host.port}`, '--role', role, '--drain', '1'],
    ),
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, MB_STORE: database.url } },
  );
  child.stderr!.on('data', (text) => process.stderr.write(text));
  running.add(child);
  let output = '';
  child.stdout!.on('data', (chunk) => {
    output += chunk;
  });
  await vi.waitFor(() => expect(output).toContain('server-started'), { timeout: 60_000, interval: 50 });
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** Posts a message; the status, and the id that it got. */
async function post(url: string, subject: string, key: string): Promise<{ status: number; id?: string }> {
  const response = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify({ from: 'ann@sender.test', to: 'bob@one.test', subject, text: 'Hello' }),
  });
  const { id } = (await response.json()) as { id?: string };
  return { status: response.status, ...(id !== undefined && { id }) };
}

/** How often each subject has arrived. */
function arrivals(prefix: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { content } of host.messages) {
    const subject = /^Subject: (.*)\r$/m.exec(Buffer.from(content).toString())?.[1] ?? '';
    if (subject.startsWith(prefix)) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  }
  return counts;
}

/** Sends each request to a server in turn that is ready, as any load balancer does. */
async function startBalancer(ports: readonly number[]): Promise<{ url: string; close(): void }> {
  const ready = new Set(ports);
  let turn = 0;
  const checks = setInterval(() => {
    for (const port of ports) {
      fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(500) }).then(
        ({ ok }) => (ok ? ready.add(port) : ready.delete(port)),
        () => ready.delete(port),
      );
    }
  }, 50);
  const server: Server = createServer((incoming, response) => {
    const candidates = ports.filter((port) => ready.has(port));
    const port = candidates[turn++ % candidates.length] ?? ports[0]!;
    const { method, url: path, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { 'content-type': 'application/json' });
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end('{}'));
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      clearInterval(checks);
      server.close();
      server.closeAllConnections();
    },
  };
}

describe('two servers and two workers on one PostgreSQL', () => {
  const ports: number[] = [];
  const servers: ChildProcess[] = [];

  beforeAll(async () => {
    ports.push(await freePort(), await freePort());
    for (const port of ports) servers.push(await serve('http', port));
    for (let n = 0; n < 2; n += 1) await serve('worker', 0);
  }, 120_000);

  it('SRV-64 the same key at both servers at the same time gives one message', async () => {
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    for (let round = 0; round < 30; round += 1) {
      const answers = await Promise.all(
        [...urls, ...urls].map((url) => post(url, `same-${round}`, `same-${round}`)),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    }
    await expect.poll(() => arrivals('same-').size, { timeout: 60_000 }).toBe(30);
    await sleep(500);
    expect([...arrivals('same-').values()]).toEqual(new Array(30).fill(1));
  }, 120_000);

  it('SRV-65 servers are restarted one after the other: no request is refused, nothing is lost or sent twice', async () => {
    const balancer = await startBalancer(ports);
    const accepted = new Set<string>();
    const refused: unknown[] = [];
    let going = true;
    const client = async (name: string) => {
      for (let n = 0; going; n += 1) {
        const subject = `restart-${name}-${n}`;
        try {
          const { status } = await post(balancer.url, subject, subject);
          if (status === 202) accepted.add(subject);
          else refused.push([subject, status]);
        } catch (error) {
          refused.push([subject, String(error)]);
        }
      }
    };
    const clients = ['a', 'b', 'c', 'd'].map((name) => client(name));
    for (const [index, port] of ports.entries()) {
      await stop(servers[index]!);
      servers[index] = await serve('http', port);
      // The balancer sees it before the other one goes.
      await sleep(500);
    }
    going = false;
    await Promise.all(clients);
    balancer.close();
    expect(refused).toEqual([]);
    expect(accepted.size).toBeGreaterThan(50);
    await expect.poll(() => arrivals('restart-').size, { timeout: 120_000 }).toBe(accepted.size);
    await sleep(500);
    expect([...arrivals('restart-')].filter(([, count]) => count !== 1)).toEqual([]);
  }, 300_000);
});
