// Enqueue mail within a transaction of Drizzle: the message exists if and only if the order does.
import { MailBroker } from '@mb/broker';
import { PostgresStore } from '@mb/queue-postgres';
import { type SQL, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import { Pool } from 'pg';
import { startPostgres } from './postgres/start-postgres.ts';

const orders = pgTable('orders', { id: integer().primaryKey() });

await using postgres = await startPostgres();
const pool = new Pool({ connectionString: postgres.url });
const db = drizzle(pool);
await db.execute(sql`CREATE TABLE orders (id int PRIMARY KEY)`);
const store = new PostgresStore({ connection: { connectionString: postgres.url } });
await store.open();
const broker = new MailBroker({ hostname: 'mail.example.com', store });

/** Drizzle's transaction in the shape that `enqueue` takes: `$1` becomes a parameter of its own `sql`. */
const within = (tx: { execute(query: SQL): Promise<{ rows: unknown[] }> }) => ({
  query(text: string, values: unknown[] = []) {
    const parts = text.split(/\$(\d+)/);
    return tx.execute(
      sql.join(parts.map((part, i) => (i % 2 ? sql.param(values[+part - 1]) : sql.raw(part)))),
    );
  },
});

async function placeOrder(id: number, payment: 'paid' | 'refused'): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.insert(orders).values({ id });
    const message = {
      from: 'shop@example.com',
      to: 'zoe@example.org',
      subject: `Order ${id}`,
      text: 'Thank you!',
    };
    await broker.enqueue(message, { transaction: within(tx), idempotencyKey: `order-${id}` });
    if (payment === 'refused') throw new Error('The card was refused.');
  });
}

await placeOrder(1, 'paid');
console.log('after a commit:', (await store.list({})).rows.length, 'message');
await placeOrder(2, 'refused').catch((error: Error) => console.log(error.message));
console.log('after a rollback:', (await store.list({})).rows.length, 'message');

await store.close();
await pool.end();
