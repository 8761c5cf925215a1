import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FreezableProxy, startProxy } from '../processes/proxy.ts';
import { startServer } from '../server.ts';
import { expectRetryable, openStore, queryTimeoutMs, runThrough, sleep } from './troubled-queue.ts';

const maxConnections = 25;

let server: Awaited<ReturnType<typeof startServer>>;
let dataDirectory: string;
let schemas = 0;
const nextSchema = () => `trouble${schemas++}`;

beforeAll(async () => {
  // Without fsync, because a killed process loses nothing that it wrote, and no test here cuts the power.
  const flags = [`max_connections=${maxConnections}`, 'fsync=off', 'autovacuum=off'];
  server = await startServer(
    flags.flatMap((flag) => ['-c', flag]),
    { persistent: true },
  );
  const [row] = await ask<{ data_directory: string }>('SHOW data_directory');
  dataDirectory = row?.data_directory ?? '';
}, 120_000);

afterAll(async () => {
  await server?.server.stop();
  server?.remove();
});

async function ask<Row>(text: string): Promise<Row[]> {
  const client = new Client({ connectionString: server.url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
  }
}

/** The server's first process and all of its children. */
function serverProcesses(): number[] {
  const [first = ''] = readFileSync(`${dataDirectory}/postmaster.pid`, 'utf8').split('\n');
  const children = readFileSync(`/proc/${first}/task/${first}/children`, 'utf8').trim().split(' ');
  return [first, ...children].filter(Boolean).map(Number);
}

/** Starts the server again when all of its killed processes have ended. */
async function restart(): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await server.server.start();
    } catch (error) {
      if (tries === 20) throw error;
      await sleep(500);
    }
  }
}

/** Kinds of trouble; each resolves when the server works again. */
const troubles: Readonly<Record<string, (schema: string) => Promise<void>>> = {
  async 'one of its processes killed, after which it restarts itself'() {
    const [row] = await ask<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1`,
    );
    process.kill(row?.pid ?? Number.NaN, 'SIGKILL');
    await sleep(500);
  },
  async 'its first process killed'() {
    const [first = Number.NaN] = serverProcesses();
    process.kill(first, 'SIGKILL');
    await sleep(1000);
    await restart();
  },
  async 'paused for longer than query_timeout'() {
    const pids = serverProcesses();
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await sleep(2.5 * queryTimeoutMs);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  },
  async 'stopped, so that connections are refused'() {
    await server.server.stop();
    await sleep(1500);
    await server.server.start();
  },
  async 'all its connections taken by others'() {
    const others: Client[] = [];
    const cutMine = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND application_name <> 'other'`;
    let refused: unknown;
    for (let tries = 0; tries < 500 && refused === undefined; tries++) {
      const client = new Client({ connectionString: server.url, application_name: 'other' });
      client.on('error', () => {});
      try {
        await client.connect();
        others.push(client);
        await others[0]?.query(cutMine);
      } catch (error) {
        refused = error;
      }
    }
    expect(refused).toMatchObject({ code: '53300' });
    await sleep(1500);
    await Promise.all(others.map((client) => client.end().catch(() => {})));
  },
  async 'a disk that takes no more rows'(schema) {
    // The error of the server when the file of a table cannot grow; interop/ fills a real disk.
    await ask(
      `CREATE FUNCTION ${schema}.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
       CREATE TRIGGER full_disk BEFORE INSERT ON ${schema}.message FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.full_disk();
       CREATE TRIGGER full_disk BEFORE INSERT ON ${schema}.event FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.full_disk()`,
    );
    await sleep(1500);
    await ask(`DROP FUNCTION ${schema}.full_disk() CASCADE`);
  },
};

describe('SAFE-27 SAFE-77 SAFE-76 a queue whose server is in trouble loses nothing and continues', {
  retry: 0,
}, () => {
  for (const [name, trouble] of Object.entries(troubles)) {
    it(`SAFE-27 SAFE-77 SAFE-76 ${name}`, { timeout: 120_000 }, async () => {
      const schema = nextSchema();
      const troubled = await runThrough(server.url, schema, () => trouble(schema));
      expectRetryable(troubled);
    });
  }

  it('SAFE-27 SAFE-77 SAFE-76 a network that is cut within transactions, again and again', {
    timeout: 120_000,
  }, async () => {
    const { hostname, port, pathname, username, password } = new URL(server.url);
    const proxy: FreezableProxy = await startProxy({ host: hostname, port: Number(port) });
    try {
      const url = `postgres://${username}:${password}@127.0.0.1:${proxy.port}${pathname}`;
      const troubled = await runThrough(url, nextSchema(), async () => {
        for (let cut = 0; cut < 15; cut++) {
          proxy.cut();
          await sleep(40 + 10 * cut);
        }
        // Then the network drops packets: nothing arrives and nothing closes.
        proxy.freeze();
        await sleep(1.5 * queryTimeoutMs);
        proxy.cut();
        proxy.thaw();
      });
      expectRetryable(troubled);
    } finally {
      proxy.close();
    }
  });

  it.each(['message', 'recipient', 'event', 'record'])(
    'SAFE-27 SAFE-77 SAFE-76 a table that vanished and came back: %s',
    {
      timeout: 120_000,
    },
    async (table) => {
      const schema = nextSchema();
      const { refused, told } = await runThrough(server.url, schema, async () => {
        await ask(`ALTER TABLE ${schema}.${table} RENAME TO away`);
        await sleep(1500);
        await ask(`ALTER TABLE ${schema}.away RENAME TO ${table}`);
      });
      expect(refused.length + told.length).toBeGreaterThan(0);
      // The same call fails until an operator restores the table.
      for (const error of [...refused, ...told])
        expect(error).toMatchObject({ code: 'MB_BROKER_STORE_FAILED' });
    },
  );

  it('SAFE-27 SAFE-77 SAFE-76 a server that is down at the start is a typed error, and open() may be repeated', {
    timeout: 60_000,
  }, async () => {
    await server.server.stop();
    const store = openStore(server.url, nextSchema());
    await expect(store.open()).rejects.toMatchObject({
      code: 'MB_BROKER_STORE_FAILED',
      kind: 'network',
      retryable: true,
    });
    await server.server.start();
    await store.open();
    expect(await store.stats()).toMatchObject({ queued: 0 });
    await store.close();
  });
});
