/**
 * Tasks of the attachment row: compose a message with a big file and deliver it.
 * Each task loads its client itself, so that none pays for another's code.
 */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { CLIENT, RECIPIENT, SENDER } from './payload.ts';

/** What each task is given. */
export interface AttachmentOrder {
  readonly port: number;
  readonly file: string;
}

const SUBJECT = 'A film';
const TEXT = 'See the attachment.';

/** Does nothing: the memory of a process that is merely there. */
export async function idle(): Promise<boolean> {
  return true;
}

/** A file in lines of base64, piece by piece. */
export async function* base64Of(file: string): AsyncGenerator<string> {
  // A multiple of the 57 octets that make a line.
  for await (const chunk of createReadStream(file, { highWaterMark: 57 * 256 }))
    yield (chunk as Buffer).toString('base64').replaceAll(/.{1,76}/g, '$&\r\n');
}

/** The floor: the file in base64, piece by piece, into a socket that says when it is full. */
export async function streamOnly({ port, file }: AttachmentOrder): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const reply = async () => {
    const [octets] = (await once(socket, 'data')) as [Buffer];
    if (octets[0] !== 0x32 && octets[0] !== 0x33) throw new Error(octets.toString('latin1'));
  };
  await reply();
  for (const command of [`EHLO ${CLIENT}`, `MAIL FROM:<${SENDER}>`, `RCPT TO:<${RECIPIENT}>`, 'DATA']) {
    socket.write(`${command}\r\n`);
    await reply();
  }
  socket.write(`Subject: ${SUBJECT}\r\nContent-Transfer-Encoding: base64\r\n\r\n`);
  for await (const lines of base64Of(file)) {
    if (!socket.write(lines, 'latin1')) await once(socket, 'drain');
  }
  socket.write('.\r\n');
  await reply();
  socket.end('QUIT\r\n');
  return true;
}

export async function ours({ port, file }: AttachmentOrder): Promise<boolean> {
  const [{ composeMessage }, { fileAttachment }, client] = await Promise.all([
    import('@mb/mime'),
    import('@mb/mime/node'),
    import('@mb/smtp-client'),
  ]);
  const message = composeMessage({
    from: SENDER,
    to: RECIPIENT,
    subject: SUBJECT,
    text: TEXT,
    attachments: [await fileAttachment(file)],
  });
  const connection = await client.connect({
    host: '127.0.0.1',
    port,
    hostname: CLIENT,
    tls: { level: 'none' },
  });
  const { recipients } = await connection.deliver({ from: SENDER, to: [RECIPIENT] }, message);
  await connection.close();
  return recipients[0]?.status === 'delivered';
}

export async function nodemailer({ port, file }: AttachmentOrder): Promise<boolean> {
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({ host: '127.0.0.1', port, name: CLIENT, ignoreTLS: true });
  const { accepted } = await transport.sendMail({
    from: SENDER,
    to: RECIPIENT,
    subject: SUBJECT,
    text: TEXT,
    attachments: [{ path: file }],
  });
  return accepted?.length === 1;
}

export async function emailjs({ port, file }: AttachmentOrder): Promise<boolean> {
  const { SMTPClient, Message } = await import('emailjs');
  const client = new SMTPClient({ host: '127.0.0.1', port, ssl: false, tls: false, timeout: 60_000 });
  const attachment = { path: file, name: path.basename(file), type: 'application/octet-stream' };
  await client.sendAsync(
    new Message({ from: SENDER, to: RECIPIENT, subject: SUBJECT, text: TEXT, attachment }),
  );
  return true;
}
