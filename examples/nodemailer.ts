// A program of nodemailer with one changed line: the one that makes the transport.
import { MailBroker } from '@mb/broker';
import { mbTransport } from '@mb/nodemailer';
import { createMailbox } from '@mb/testkit';
import nodemailer from 'nodemailer';

await using mailbox = await createMailbox();
await using broker = new MailBroker({
  hostname: 'mail.example.com',
  // The mailbox of this example instead of the internet; leave it out in production.
  delivery: { routes: mailbox.routes },
});

// Before: nodemailer.createTransport({ host: 'smtp.example.com', auth: { user, pass } })
const transporter = nodemailer.createTransport(mbTransport({ broker }));

const info = await transporter.sendMail({
  from: '"Shop" <shop@example.com>',
  to: 'bob@example.org, carol@example.org',
  subject: 'Your order',
  html: '<p>Thank you.</p>',
});
console.log('accepted:', info.accepted.join(', '));
console.log('rejected:', info.rejected.length, 'pending:', info.pending.length);
for (const { recipient, status } of info.outcomes) console.log(`${recipient}: ${status}`);
