// Deliver one message over one connection, and see what became of each recipient.
import { connect } from '@mb/smtp-client';
import { startSmtpHost } from '@mb/testkit';

await using host = await startSmtpHost({
  script: { recipients: { 'nobody@example.org': '550 5.1.1 No such mailbox' } },
});

const connection = await connect({ host: host.address, port: host.port, hostname: 'mail.example.com' });
const { recipients } = await connection.deliver(
  { from: 'zoe@example.com', to: ['alice@example.org', 'nobody@example.org'] },
  new TextEncoder().encode('From: zoe@example.com\r\nSubject: Hello\r\n\r\n.A line with a dot.\r\n'),
);
await connection.close();

for (const { recipient, status, reply } of recipients)
  console.log(recipient, status, reply?.code, reply?.lines[0]);
console.log(host.messages[0]?.content.toString());
