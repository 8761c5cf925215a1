// The everyday use of a strict CommonJS program: its compiler sees `require()`, and all types are there.
import { MailBroker, type RecipientOutcome } from '@mb/broker';
import { parseMessageTemplate } from '@mb/broker/template';
import { generateKeyPair, signMessage } from '@mb/dkim';
import { createResolver } from '@mb/dns';
import { createMemoryResolver } from '@mb/dns/memory';
import { composeMessage, type Message, MimeError } from '@mb/mime';
import { fileAttachment } from '@mb/mime/node';
import { fromNodemailer, mbTransport } from '@mb/nodemailer';
import { createServer } from '@mb/server';
import { connect } from '@mb/smtp-client';
import { createMailbox } from '@mb/testkit';

const message: Message = { from: 'ada@example.com', to: 'bob@example.org', text: 'Hello.' };

async function send(): Promise<RecipientOutcome | undefined> {
  const { privateKey } = await generateKeyPair({ domain: 'example.com', selector: 's1' });
  const dkim = { domain: 'example.com', selector: 's1', privateKey };
  const mailbox = await createMailbox();
  // One class, whichever package it comes through: a message of one is a message of the other.
  const broker = new MailBroker({ hostname: 'mail.example.com', dkim, delivery: { routes: mailbox.routes } });
  const transport = mbTransport({ broker, mode: 'queue' });
  const template = parseMessageTemplate({ ...message, subject: 'Hi {{name}}' });
  const [outcome] = await broker.send(template.render({ name: 'Bob' }));
  const converted = await fromNodemailer({ from: 'ada@example.com', to: 'bob@example.org', text: 'x' });
  await broker.enqueue(converted);
  console.log(transport.name, (await signMessage(await composeMessage(message).bytes(), dkim)).length);
  return outcome;
}

async function parts(): Promise<void> {
  try {
    const connection = await connect({ host: '192.0.2.1', port: 25, hostname: 'client.example.com' });
    await connection.close();
    console.log(createResolver(), createMemoryResolver({}), await fileAttachment('package.json'));
  } catch (error) {
    if (MimeError.isInstance(error)) console.error(error.code, error.kind, error.retryable);
  }
}

module.exports = { send, parts, createServer };
