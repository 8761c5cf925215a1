import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire, getCompileCacheDir } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { createClient, type ServerClient } from '@mb/server/client';
import { createTransport } from 'nodemailer';
import type { Lab } from './lab.ts';

const require = createRequire(import.meta.url);
const mb = join(require.resolve('@mb/cli/package.json'), '../src/index.ts');
// Compiled sources are kept, so that a second run starts faster.
const env = { ...process.env, NODE_COMPILE_CACHE: getCompileCacheDir() };

/** A running `mb serve`, and what its clients need. */
export interface Service extends AsyncDisposable {
  readonly url: string;
  readonly client: ServerClient;
  /** The lines of `/metrics` that begin with one of these names. */
  metrics(...names: string[]): Promise<string[]>;
  /** Sends one message by SMTP submission; gives the id that the server told. */
  submit(message: { from: string; to: string; subject: string; text: string }): Promise<string>;
}

/** Starts `mb serve` with a queue of its own and a key for one program. */
export async function startService(lab: Lab): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'mb-demo-'));
  const file = async (name: string, content: string) => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const store = join(folder, 'queue.db');
  const token = await makeKey(store);
  const certificate = await lab.issue('localhost');
  const child = spawn(
    process.execPath,
    [
      ...['--conditions=@mb/source', mb, '--no-config', 'serve', '--json', '--store', store],
      ...['--hostname', lab.hostname, '--http', '127.0.0.1:0', '--submissions', '127.0.0.1:0'],
      ...[
        '--tls-key',
        await file('tls.key', certificate.key),
        '--tls-cert',
        await file('tls.pem', certificate.cert),
      ],
      ...['--dkim-key', await file('dkim.pem', lab.dkim.privateKey), '--dkim-selector', lab.dkim.selector],
      ...[
        '--dkim-domain',
        lab.dkim.domain,
        '--resolver',
        lab.dns.server,
        '--ca',
        await file('ca.pem', lab.authority),
      ],
      ...['--port', String(lab.servers[0]!.port), '--allow', '127.0.1.0/24'],
      ...['--webhook-allow', '127.0.0.0/8'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env },
  );
  child.stderr!.on('data', (text) => process.stderr.write(text));
  const { http, submissions } = await addressesOf(child);
  const url = `http://${http}`;
  const transport = createTransport({
    host: 'localhost',
    port: Number(submissions!.split(':')[1]),
    secure: true,
    tls: { ca: lab.authority },
    auth: { user: 'shop', pass: token },
  });
  return {
    url,
    client: createClient({ url, token }),
    async metrics(...names) {
      const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
      const lines = (await response.text()).split('\n');
      return lines.filter((line) => names.some((name) => line.startsWith(name)));
    },
    async submit(message) {
      const { response } = await transport.sendMail(message);
      return /Queued as (\S+)/.exec(response)![1]!;
    },
    async [Symbol.asyncDispose]() {
      transport.close();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** `mb key new` prints the token, and nothing else. */
async function makeKey(store: string): Promise<string> {
  const flags = ['key', 'new', '--store', store, '--name', 'shop', '--scope', 'send,read,admin'];
  const child = spawn(process.execPath, ['--conditions=@mb/source', mb, '--no-config', ...flags], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env,
  });
  return (await text(child.stdout)).trim();
}

/** Where the service listens, from the first line of its log. */
async function addressesOf(child: ChildProcess): Promise<Record<string, string>> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const entry = JSON.parse(line) as Record<string, string>;
    if (Object.values(entry).includes('server-started')) {
      child.stdout!.resume();
      return entry;
    }
  }
  throw new Error('mb serve ended before it had started.');
}

/** What happened to a message, until it is delivered. */
export async function timelineOf({ client }: Service, id: string) {
  const params = { path: { id } };
  for (let end = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const { data } = await client.GET('/v1/messages/{id}/events', { params });
    const events = data?.data ?? [];
    if (events.some(({ type }) => type === 'delivered') || Date.now() > end) return events;
  }
}
