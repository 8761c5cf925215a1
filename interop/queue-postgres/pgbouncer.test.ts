/**
 * The queue behind PgBouncer in transaction mode, where each transaction may run on another server connection:
 * nothing may depend on the session. Judged by the suite that every store passes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenStore, storeConformance } from '@mb/broker/store-conformance';
import { PostgresStore } from '@mb/queue-postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conformanceStores } from '../../packages/queue-postgres/test/conformance-stores.ts';
import { freePort, startServer } from '../../packages/queue-postgres/test/server.ts';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { type LabProcess, startProcess } from '../lab/process.ts';

let postgres: Awaited<ReturnType<typeof startServer>>;
let bouncer: LabProcess;
let connection: { connectionString: string };
let admin: Client;
let open: OpenStore;

beforeAll(async () => {
  await ensureDebianPackages(['pgbouncer']);
  postgres = await startServer(['-c', 'autovacuum=off', '-c', 'fsync=off']);
  const server = new URL(postgres.url);
  const port = await freePort();
  const settings = join(makeFolder('pgbouncer'), 'pgbouncer.ini');
  writeFileSync(
    settings,
    `[databases]
queue = host=127.0.0.1 port=${server.port} dbname=postgres user=postgres password=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
`,
  );
  // It refuses to run as root, as PostgreSQL does.
  bouncer = await startProcess('/usr/sbin/pgbouncer', {
    args: ['-u', 'postgres', settings],
    ready: { address: '127.0.0.1', port },
  });
  connection = { connectionString: `postgres://postgres@127.0.0.1:${port}/queue` };
  admin = new Client(postgres.url);
  await admin.connect();
  open = conformanceStores(admin, 'conformance', { connection, listen: false });
});

afterAll(async () => {
  await admin?.end();
  await bouncer?.stop();
  await postgres?.server.stop();
  postgres?.remove();
});

describe('behind PgBouncer in transaction mode', () => {
  for (const { name, run } of storeConformance) it(name, () => run((options) => open(options)));

  it('Q-12 joins the application’s transaction', async () => {
    const store = new PostgresStore({ connection, schema: 'joined', listen: false });
    await store.open();
    const app = new Client(connection);
    await app.connect();
    const recipients = [{ address: 'a@example.net', domain: 'example.net' }];
    const message = { sender: 'sender@example.com', recipients, content: Buffer.from('Subject: x\r\n\r\n') };
    for (const end of ['ROLLBACK', 'COMMIT']) {
      await app.query('BEGIN');
      await store.accept(message, { transaction: app });
      await app.query(end);
    }
    expect((await store.list({})).rows.length).toBe(1);
    await app.end();
    await store.close();
  });
});
