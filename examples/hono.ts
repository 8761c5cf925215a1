// Mail in Hono, with an HTML template whose values are escaped.
import { MailBroker, MemoryStore, transactional } from '@mb/broker';
import { parseMessageTemplate } from '@mb/broker/template';
import { createMailbox } from '@mb/testkit';
import { Hono } from 'hono';

await using mailbox = await createMailbox();
await using broker = new MailBroker({
  hostname: 'mail.example.com',
  store: new MemoryStore(), // in production: new SqliteStore('queue.db') of @mb/broker/sqlite
  delivery: { routes: mailbox.routes }, // only for this example
});
broker.start();

const welcome = parseMessageTemplate({
  from: 'no-reply@example.com',
  subject: 'Welcome, {{name|friend}}',
  text: 'Hello {{name|friend}}, open https://app.example.com/start',
  html: '<p>Hello {{name|friend}}, <a href="https://app.example.com/start">start</a>.</p>',
});

const app = new Hono();
app.post('/welcome', async (context) => {
  const { email, name } = await context.req.json<{ email: string; name?: string }>();
  const { id } = await broker.enqueue({ ...welcome.render({ name }), to: email }, transactional);
  return context.json({ id }, 202);
});

const body = JSON.stringify({ email: 'bob@example.org', name: '<b>Bob</b>' });
console.log((await app.request('/welcome', { method: 'POST', body })).status);
const message = await mailbox.waitForMessage({ to: 'bob@example.org' });
console.log(message.subject);
console.log(message.html.trim());
