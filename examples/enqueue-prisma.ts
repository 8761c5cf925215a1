// Enqueue mail within an interactive transaction of Prisma: the message exists if and only if the order does.
import { MailBroker } from '@mb/broker';
import { PostgresStore } from '@mb/queue-postgres';
import { PrismaPg } from '@prisma/adapter-pg';
import { startPostgres } from './postgres/start-postgres.ts';
import { PrismaClient } from './prisma/generated/client.ts';

await using postgres = await startPostgres();
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: postgres.url }) });
await prisma.$executeRaw`CREATE TABLE orders (id int PRIMARY KEY)`;
const store = new PostgresStore({ connection: { connectionString: postgres.url } });
await store.open();
const broker = new MailBroker({ hostname: 'mail.example.com', store });

/** Prisma's transaction in the shape that `enqueue` takes. */
const within = (tx: { $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown> }) => ({
  query: async (text: string, values: unknown[] = []) => ({
    rows: (await tx.$queryRawUnsafe(text, ...values)) as unknown[],
  }),
});

async function placeOrder(id: number, payment: 'paid' | 'refused'): Promise<void> {
  await prisma.$transaction(async (tx) => {
    await tx.order.create({ data: { id } });
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
await prisma.$disconnect();
