// A strict consumer's everyday use: it compiles, or the declarations are wrong.
import { MailBroker, type RecipientOutcome } from '@mb/broker';
import { generateKeyPair, signMessage, verifyMessage } from '@mb/dkim';
import { createResolver, findMailRoute, type MailRoute } from '@mb/dns';
import { composeMessage, type Message, MimeError } from '@mb/mime';
import { fileAttachment } from '@mb/mime/node';
import { mbTransport } from '@mb/nodemailer';
import { connect, SmtpError } from '@mb/smtp-client';
import { startSmtpHost } from '@mb/testkit';
import nodemailer from 'nodemailer';

const message: Message = {
  from: { name: 'Ada', address: 'ada@example.com' },
  to: ['bob@example.org', { address: 'eve@example.net' }],
  subject: 'Grüße',
  text: 'Hello.',
  attachments: [{ filename: 'a.bin', content: new Uint8Array(3) }, await fileAttachment('package.json')],
};

export async function send(): Promise<string[]> {
  const { privateKey } = await generateKeyPair({ domain: 'example.com', selector: 's1' });
  const broker = new MailBroker({
    hostname: 'mail.example.com',
    dkim: { domain: 'example.com', selector: 's1', privateKey },
  });
  const outcomes: RecipientOutcome[] = await broker.send(message, { signal: AbortSignal.timeout(1_000) });
  return outcomes.map(describe);
}

function describe(outcome: RecipientOutcome): string {
  switch (outcome.status) {
    case 'delivered':
      return `${outcome.host} ${outcome.reply.code}`;
    case 'failed':
    case 'deferred':
    case 'unknown':
      return outcome.reason;
  }
}

export async function layers(): Promise<MailRoute | undefined> {
  try {
    const octets: Uint8Array = await composeMessage(message).bytes();
    const fields: string = await signMessage(octets, {
      domain: 'example.com',
      selector: 's1',
      privateKey: 'PEM',
    });
    const { signatures } = await verifyMessage(octets, { resolveTxt: async () => [[fields]] });
    const host = await startSmtpHost();
    const connection = await connect({ host: host.address, port: host.port, hostname: 'client.example.com' });
    const { recipients } = await connection.deliver(
      { from: 'ada@example.com', to: ['bob@example.org'] },
      octets,
    );
    console.log(signatures.length, recipients.length);
    return await findMailRoute('example.org', createResolver());
  } catch (error) {
    if (MimeError.isInstance(error)) console.error(error.code, error.kind, error.retryable);
    if (SmtpError.isInstance(error)) console.error(error.code, error.kind, error.retryable);
    return undefined;
  }
}

export async function bridge(broker: MailBroker): Promise<string[]> {
  const transporter = nodemailer.createTransport(mbTransport({ broker, mode: 'queue' }), {
    from: 'ada@example.com',
  });
  const { accepted, outcomes } = await transporter.sendMail({ to: 'bob@example.org', text: 'Hello.' });
  return [...accepted, ...outcomes.map(({ status }) => status)];
}

// Wrong use does not compile.
// @ts-expect-error: a message has an author
composeMessage({ to: 'bob@example.org' });
// @ts-expect-error: a broker needs a host name
new MailBroker({});
