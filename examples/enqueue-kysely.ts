// Enqueue mail within a transaction of Kysely: the message exists if and only if the order does.
import { MailBroker } from '@mb/broker';
import { PostgresStore } from '@mb/queue-postgres';
import { CompiledQuery, Kysely, PostgresDialect, type Transaction } from 'kysely';
import { Pool } from 'pg';
import { startPostgres } from './postgres/start-postgres.ts';

interface Tables {
  orders: { id: number };
}

await using postgres = await startPostgres();
const db = new Kysely<Tables>({
  dialect: new PostgresDialect({ pool: new Pool({ connectionString: postgres.url }) }),
});
await db.schema.createTable('orders').addColumn('id', 'integer').execute();
const store = new PostgresStore({ connection: { connectionString: postgres.url } });
await store.open();
const broker = new MailBroker({ hostname: 'mail.example.com', store });

/** Kysely's transaction in the shape that `enqueue` takes. */
const within = (trx: Transaction<Tables>) => ({
  query: (text: string, values: unknown[] = []) => trx.executeQuery(CompiledQuery.raw(text, values)),
});

async function placeOrder(id: number, payment: 'paid' | 'refused'): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.insertInto('orders').values({ id }).execute();
    const message = {
      from: 'shop@example.com',
      to: 'zoe@example.org',
      subject: `Order ${id}`,
      text: 'Thank you!',
    };
    await broker.enqueue(message, { transaction: within(trx), idempotencyKey: `order-${id}` });
    if (payment === 'refused') throw new Error('The card was refused.');
  });
}

await placeOrder(1, 'paid');
console.log('after a commit:', (await store.list({})).rows.length, 'message');
await placeOrder(2, 'refused').catch((error: Error) => console.log(error.message));
console.log('after a rollback:', (await store.list({})).rows.length, 'message');

await store.close();
await db.destroy();
