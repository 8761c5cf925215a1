// Enqueue mail within your own transaction, with node-postgres: the message exists if and only if the order does.
import { MailBroker } from '@mb/broker';
import { PostgresStore } from '@mb/queue-postgres';
import { Pool } from 'pg';
import { startPostgres } from './postgres/start-postgres.ts';

await using postgres = await startPostgres();
const pool = new Pool({ connectionString: postgres.url });
await pool.query('CREATE TABLE orders (id int PRIMARY KEY)');
const store = new PostgresStore({ connection: { connectionString: postgres.url } });
await store.open();
const broker = new MailBroker({ hostname: 'mail.example.com', store });

async function placeOrder(id: number, end: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('INSERT INTO orders (id) VALUES ($1)', [id]);
    const message = {
      from: 'shop@example.com',
      to: 'zoe@example.org',
      subject: `Order ${id}`,
      text: 'Thank you!',
    };
    await broker.enqueue(message, { transaction: client, idempotencyKey: `order-${id}` });
    await client.query(end);
  } finally {
    client.release();
  }
}

await placeOrder(1, 'COMMIT');
console.log('after a commit:', (await store.list({})).rows.length, 'message');
await placeOrder(2, 'ROLLBACK');
console.log('after a rollback:', (await store.list({})).rows.length, 'message');

await store.close();
await pool.end();
