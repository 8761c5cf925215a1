// A route handler of Next.js (app/api/reset/route.ts). The broker is made once for the process, also while files are
// reloaded in development; `mb work` or another process can deliver instead of broker.start().
import { MailBroker, MemoryStore, transactional } from '@mb/broker';
import { createMailbox } from '@mb/testkit';

await using mailbox = await createMailbox();

const shared = globalThis as { broker?: MailBroker };
shared.broker ??= createBroker();
const { broker } = shared;

function createBroker(): MailBroker {
  const made = new MailBroker({
    hostname: 'mail.example.com',
    store: new MemoryStore(), // in production: PostgresStore of @mb/queue-postgres
    delivery: { routes: mailbox.routes }, // only for this example
  });
  made.start();
  return made;
}

export async function POST(request: Request): Promise<Response> {
  const { email } = (await request.json()) as { email: string };
  const message = { from: 'no-reply@example.com', to: email, subject: 'Reset', text: 'Your code is 123456.' };
  const { id } = await broker.enqueue(message, { ...transactional, signal: request.signal });
  return Response.json({ id }, { status: 202 });
}

const request = new Request('https://app.example.com/api/reset', {
  method: 'POST',
  body: JSON.stringify({ email: 'bob@example.org' }),
});
console.log((await POST(request)).status);
console.log('code:', (await mailbox.waitForMessage({ to: 'bob@example.org' })).codes()[0]);
await broker.close();
