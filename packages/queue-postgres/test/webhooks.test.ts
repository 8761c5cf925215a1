import { fileURLToPath } from 'node:url';
import { PostgresStore } from '@mb/queue-postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { killInTheMidst } from '../../broker/test/crash/webhook-crash.ts';
import { webhookDeliveryTests } from '../../broker/test/webhooks/delivery-tests.ts';

const connectionString = inject('postgresUrl');
const script = fileURLToPath(new URL('./processes/webhook-process.ts', import.meta.url));
const schemas: string[] = [];
let admin: Client;

beforeAll(async () => {
  admin = new Client({ connectionString });
  await admin.connect();
});

afterAll(async () => {
  for (const schema of schemas) await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await admin.end();
});

function newSchema(): string {
  const schema = `webhooks_${process.pid}_${schemas.length}`;
  schemas.push(schema);
  return schema;
}

async function openStore(schema = newSchema()): Promise<PostgresStore> {
  const store = new PostgresStore({ connection: { connectionString }, schema, pollMs: 50 });
  await store.open();
  return store;
}

describe('WHK-82 the delivery of webhooks on PostgreSQL', () => {
  webhookDeliveryTests(() => openStore());
});

it('WHK-83 after kill -9 each event comes at least once from PostgreSQL, with the id that it had', async () => {
  const schema = newSchema();
  const { accepted, eventIds, deadLetters } = await killInTheMidst({
    openStore: () => openStore(schema),
    worker: [script, connectionString, schema],
  });
  expect(accepted.length).toBeGreaterThan(50);
  for (const id of accepted) expect([...(eventIds.get(id) ?? [])], id).toHaveLength(1);
  expect(deadLetters).toBe(0);
}, 300_000);
