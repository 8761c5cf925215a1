import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type ServerClient } from '@mb/server/client';
import { createCertificateAuthority, startSmtpHost } from '@mb/testkit';
import { inject } from 'vitest';
import type { databases } from './shared-servers.ts';

const binary = join(import.meta.dirname, '../packages/cli/src/index.ts');

/** A queue in a place of its own. */
export interface Place {
  /** What `--store` takes. */
  readonly store: string;
  remove(): Promise<void>;
}

/** Where a queue may be kept. */
export const storeKinds = ['SQLite', 'PostgreSQL'] as const;
export type StoreKind = (typeof storeKinds)[number];

/** A place for the queue of a test file: a file, or a database of the shared server. */
export async function openPlace(kind: StoreKind, database: (typeof databases)[number]): Promise<Place> {
  if (kind === 'PostgreSQL') {
    const url = new URL(inject('postgresUrl'));
    url.pathname = `/${database}`;
    // It goes with the server.
    return { store: url.href, remove: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), 'mb-browser-'));
  return { store: join(folder, 'queue.db'), remove: () => rm(folder, { recursive: true }) };
}

/** A mail exchanger, with the file of the authority that its certificate is from. */
export interface Exchanger {
  readonly port: number;
  readonly ca: string;
  close(): Promise<void>;
}

/** A mail exchanger that decides by the local part: `later-…` is deferred, `gone-…` refused, all else taken. */
export async function startExchanger(): Promise<Exchanger> {
  const authority = await createCertificateAuthority();
  const { key, cert } = await authority.issue({ names: ['127.0.0.1'] });
  const folder = await mkdtemp(join(tmpdir(), 'mb-browser-'));
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, authority.root);
  const host = await startSmtpHost({
    address: '127.0.0.1',
    hostname: 'localhost',
    tls: { key, cert },
    script: {
      rcpt: ({ recipient }) =>
        recipient.startsWith('later-')
          ? '451 4.7.1 Greylisted, try again later'
          : recipient.startsWith('gone-')
            ? '550 5.1.1 No such user'
            : undefined,
    },
  });
  return {
    port: host.port,
    ca,
    async close() {
      await host.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A running `mb serve`. */
export interface Service {
  readonly url: string;
  readonly store: string;
  /** With a key that may do everything. */
  readonly api: ServerClient;
  readonly token: string;
  /** Ends the process, as a crash would. */
  kill(): Promise<void>;
}

/** Runs `mb` to its end. */
async function mb(args: readonly string[]): Promise<string> {
  const child = spawnMb(args);
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (data) => {
    stdout += data;
  });
  child.stderr!.on('data', (data) => {
    stderr += data;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`mb ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** What a service of a test does differently. */
export interface ServicePlan {
  readonly port?: number;
  /** The key of an earlier service on the same store. */
  readonly token?: string;
  /** Further flags of `mb serve`. */
  readonly flags?: readonly string[];
}

/** Starts the service on a store, delivering through one host. */
export async function startService(
  store: string,
  exchanger: Exchanger,
  { port = 0, token, flags = [] }: ServicePlan = {},
): Promise<Service> {
  const key =
    token ??
    (await mb([
      'key',
      'new',
      '--store',
      store,
      '--name',
      'operator',
      '--scope',
      'send,read,content,operate,admin',
    ]));
  const child = spawnMb([
    ...['serve', '--store', store, '--hostname', 'mail.example.com', '--http', `127.0.0.1:${port}`],
    ...['--relay', `127.0.0.1:${exchanger.port}`, '--ca', exchanger.ca, '--role', 'http,worker'],
    ...flags,
  ]);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const address = await started(child);
  const url = `http://${address}`;
  return {
    url,
    store,
    token: key,
    api: createClient({ url, token: key }),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function spawnMb(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--conditions=@mb/source', binary, ...args], {
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'mb-compile-cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The address that the service has said it listens at. */
function started(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (data: Buffer) => {
      output += data;
      const line = output.split('\n').find((one) => one.includes('server-started'));
      if (line) resolve((JSON.parse(line) as { readonly http: string }).http);
    };
    child.stdout!.on('data', read);
    child.stderr!.on('data', read);
    child.once('close', (code) => reject(new Error(`mb serve ended with ${code}:\n${output}`)));
  });
}
