/**
 * Tasks of the streaming row: compose a message with one huge attachment and let its octets go by.
 * Each task loads its composer itself, so that none pays for another's code.
 */
import { Readable } from 'node:stream';

const CHUNK = Buffer.alloc(
  64 * 1024,
  'The same 64 KiB again and again; what counts is what the composer keeps. ',
);

/** The attachment's octets; the source itself holds one chunk. */
function* attachment(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length)
    yield left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
}

/** Does nothing: the memory of a process that is merely there. */
export async function idle(): Promise<number> {
  return 0;
}

/** The floor: base64 of each chunk by Node, nothing around it. */
export async function encodeOnly(bytes: number): Promise<number> {
  let written = 0;
  for await (const chunk of Readable.from(attachment(bytes)))
    written += (chunk as Buffer).toString('base64').length;
  return written;
}

export async function ours(bytes: number): Promise<number> {
  const { composeMessage } = await import('@mb/mime');
  const message = composeMessage({
    from: 'shop@example.com',
    to: 'jane@example.org',
    subject: 'A film',
    text: 'See the attachment.',
    attachments: [{ filename: 'film.mp4', content: Readable.from(attachment(bytes)) }],
  });
  return drain(message);
}

export async function nodemailer(bytes: number): Promise<number> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const composer = new MailComposer({
    from: 'shop@example.com',
    to: 'jane@example.org',
    subject: 'A film',
    text: 'See the attachment.',
    attachments: [{ filename: 'film.mp4', content: Readable.from(attachment(bytes)) }],
  });
  return drain(composer.compile().createReadStream());
}

export async function emailjs(bytes: number): Promise<number> {
  const { Message } = await import('emailjs');
  const message = new Message({
    from: 'shop@example.com',
    to: 'jane@example.org',
    subject: 'A film',
    text: 'See the attachment.',
    attachment: [{ name: 'film.mp4', type: 'video/mp4', stream: Readable.from(attachment(bytes)) }],
  });
  return new Promise((resolve, reject) => {
    let written = 0;
    const stream = message.stream();
    stream.on('data', (chunk: string | Buffer) => {
      written += chunk.length;
    });
    stream.on('end', () => resolve(written));
    stream.on('error', reject);
  });
}

async function drain(stream: AsyncIterable<unknown>): Promise<number> {
  let written = 0;
  for await (const chunk of stream) written += (chunk as Uint8Array).length;
  return written;
}
