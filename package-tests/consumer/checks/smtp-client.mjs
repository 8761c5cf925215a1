import assert from './assert.mjs';

/** Delivers over STARTTLS to a scripted host; one recipient is refused. */
export async function check(modules, load) {
  const { connect } = modules['@mb/smtp-client'];
  const { SmtpSession } = modules['@mb/smtp-client/protocol'];
  const { createSelfSignedCertificate, startSmtpHost } = await load('@mb/testkit');
  assert(typeof SmtpSession === 'function', 'the protocol subpath has the session');
  const host = await startSmtpHost({
    tls: await createSelfSignedCertificate({ names: ['mx.example.com'] }),
    script: { recipients: { 'gone@example.org': '550 5.1.1 gone' } },
  });
  try {
    const connection = await connect({ host: host.address, port: host.port, hostname: 'client.example.com' });
    const content = new TextEncoder().encode('From: ada@example.com\r\n\r\nHello.\r\n');
    const { recipients } = await connection.deliver(
      { from: 'ada@example.com', to: ['bob@example.org', 'gone@example.org'] },
      content,
    );
    await connection.close();
    assert(recipients.map(({ status }) => status).join() === 'delivered,failed', JSON.stringify(recipients));
    await host.until(() => host.messages.length === 1);
  } finally {
    await host.close();
  }
}
