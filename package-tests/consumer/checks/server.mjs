import assert from './assert.mjs';

/** Accepts one message by HTTP with the typed client and one by SMTP on loopback, and shows both in the queue. */
export async function check(modules, load) {
  const { createServer } = modules['@mb/server'];
  const { createClient } = modules['@mb/server/client'];
  const { MailBroker, MemoryStore } = await load('@mb/broker');
  const { connect } = await load('@mb/smtp-client');
  const store = new MemoryStore();
  await store.open();
  const broker = new MailBroker({ hostname: 'mail.example.com', store });
  const server = createServer({ broker });
  try {
    const { token } = await server.keys.create({ name: 'shop', scopes: ['send', 'read'] });
    const { port } = await server.listen({ port: 0 });
    const client = createClient({ url: `http://127.0.0.1:${port}`, token });
    const { data, error } = await client.POST('/v1/messages', {
      body: { from: 'ada@example.com', to: 'bob@example.org', subject: 'Grüße', text: 'Hello.' },
    });
    assert(data?.id !== undefined, JSON.stringify(error));
    const smtp = await server.listenSubmission({ security: 'local', port: 0, hostname: 'mail.example.com' });
    const connection = await connect({ ...smtp, hostname: 'app.example.com', tls: { level: 'none' } });
    const raw = Buffer.from('From: ada@example.com\r\nSubject: Hi\r\n\r\nHello.\r\n');
    await connection.deliver({ from: 'ada@example.com', to: ['eve@example.org'] }, raw);
    await connection.close();
    const { data: page } = await client.GET('/v1/recipients');
    assert(
      page.data.map(({ address }) => address).join() === 'bob@example.org,eve@example.org',
      JSON.stringify(page),
    );
  } finally {
    await server.close({ graceMs: 0 });
    await store.close();
  }
}
