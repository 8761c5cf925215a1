import assert from './assert.mjs';

/** Composes, signs, routes and delivers one message to a scripted host that a DNS server names. */
export async function check(modules, load) {
  const { MailBroker } = modules['@mb/broker'];
  const { generateKeyPair, verifyMessage } = await load('@mb/dkim');
  const { createSelfSignedCertificate, startDnsServer, startSmtpHost } = await load('@mb/testkit');
  const { privateKey, dnsName, dnsRecord } = await generateKeyPair({ domain: 'example.com', selector: 's1' });
  const host = await startSmtpHost({ tls: await createSelfSignedCertificate({ names: ['mx.example.org'] }) });
  const dns = await startDnsServer({
    zones: { 'example.org': { records: { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } } } },
  });
  try {
    const broker = new MailBroker({
      hostname: 'mail.example.com',
      dkim: { domain: 'example.com', selector: 's1', privateKey },
      dns: { servers: [`${dns.address}:${dns.port}`] },
      delivery: { port: host.port, allowAddresses: ['127.0.0.0/8'] },
    });
    const outcomes = await broker.send({
      from: 'ada@example.com',
      to: 'bob@example.org',
      subject: 'Grüße',
      text: 'Hello.',
    });
    assert(outcomes.map(({ status }) => status).join() === 'delivered', JSON.stringify(outcomes));
    assert(outcomes[0].tls.secure, 'the session was encrypted');
    await host.until(() => host.messages.length === 1);
    const resolveTxt = async (name) => (name === dnsName ? [[dnsRecord]] : []);
    const { status } = await verifyMessage(host.messages[0].content, { resolveTxt });
    assert(status === 'pass', `the signature is ${status}`);
  } finally {
    await dns.close();
    await host.close();
  }
}
