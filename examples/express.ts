// A password reset in Express: accepted durably, answered at once, delivered by a worker in the same process.
import { MailBroker, MemoryStore, transactional } from '@mb/broker';
import { createMailbox } from '@mb/testkit';
import express from 'express';

await using mailbox = await createMailbox();
const broker = new MailBroker({
  hostname: 'mail.example.com',
  store: new MemoryStore(), // in production: new SqliteStore('queue.db') of @mb/broker/sqlite
  delivery: { routes: mailbox.routes }, // only for this example
});
broker.start();

const app = express().use(express.json());
app.post('/reset', async (request, response) => {
  const message = {
    from: 'no-reply@example.com',
    to: request.body.email,
    subject: 'Reset your password',
    text: 'Open https://app.example.com/reset?token=1',
  };
  try {
    const { id } = await broker.enqueue(message, transactional);
    response.status(202).json({ id });
  } catch (error) {
    // What a user typed wrongly is 400, all else is ours.
    const { kind, message: reason } = error as { kind?: string; message: string };
    response.status(kind === 'invalid-input' ? 400 : 500).json({ error: reason });
  }
});

const server = app.listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const { port } = server.address() as { port: number };
const post = (email: string) =>
  fetch(`http://127.0.0.1:${port}/reset`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email }),
  });
console.log('bob@example.org:', (await post('bob@example.org')).status);
console.log('not an address:', (await post('not an address')).status);
console.log('link:', (await mailbox.waitForMessage({ to: 'bob@example.org' })).links()[0]);
server.close();
await broker.close();
