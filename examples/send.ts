// Send a message straight to the mail exchangers of its recipients: composed, signed, routed, delivered.
import { MailBroker } from '@mb/broker';
import { generateKeyPair } from '@mb/dkim';
import { startDnsServer, startSmtpHost } from '@mb/testkit';

await using host = await startSmtpHost({ hostname: 'mx.example.org' });
await using dns = await startDnsServer({
  zones: { 'example.org': { records: { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } } } },
});
const { privateKey } = await generateKeyPair({ domain: 'example.com', selector: 's1' });

const broker = new MailBroker({
  hostname: 'mail.example.com',
  dkim: { domain: 'example.com', selector: 's1', privateKey },
  // The lab instead of the internet; leave both out in production.
  dns: { servers: [dns.server] },
  delivery: { port: host.port, allowAddresses: ['127.0.0.1/32'] },
});

const outcomes = await broker.send({
  from: 'zoe@example.com',
  to: ['alice@example.org', 'bob@gone.test'],
  subject: 'Hello',
  text: 'Hello!',
});
for (const outcome of outcomes) {
  const { recipient, status } = outcome;
  console.log(`${recipient}: ${status}`, status === 'delivered' ? outcome.reply.lines[0] : outcome.reason);
}
