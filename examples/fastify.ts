// Mail in Fastify: the broker is a decoration that ends with the server.
import { MailBroker, MemoryStore, transactional } from '@mb/broker';
import { createMailbox } from '@mb/testkit';
import fastify from 'fastify';

await using mailbox = await createMailbox();
const broker = new MailBroker({
  hostname: 'mail.example.com',
  store: new MemoryStore(), // in production: new SqliteStore('queue.db') of @mb/broker/sqlite
  delivery: { routes: mailbox.routes }, // only for this example
});

const app = fastify();
app.addHook('onReady', async () => broker.start());
app.addHook('onClose', async () => broker.close());
app.post<{ Body: { email: string } }>('/welcome', async (request, reply) => {
  const message = {
    from: 'no-reply@example.com',
    to: request.body.email,
    subject: 'Welcome',
    text: 'Your code is 123456.',
  };
  // The same request again queues nothing new.
  const idempotencyKey = `welcome-${request.body.email}`;
  const { id, duplicate } = await broker.enqueue(message, { ...transactional, idempotencyKey });
  return reply.status(202).send({ id, duplicate });
});

const post = () => app.inject({ method: 'POST', url: '/welcome', payload: { email: 'bob@example.org' } });
console.log((await post()).statusCode, (await post()).json());
console.log('code:', (await mailbox.waitForMessage({ subject: 'Welcome' })).codes()[0]);
await app.close();
