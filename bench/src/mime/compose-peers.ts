import { Message as EmailjsMessage, type MessageAttachment } from 'emailjs';
import { createMimeMessage } from 'mimetext';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { SampleMailbox, SampleMessage } from './messages.ts';

/** nodemailer's composer, as its transports call it. */
export function composeWithNodemailer(message: SampleMessage): Promise<Buffer> {
  const composer = new MailComposer({
    from: message.from,
    to: [...message.to],
    subject: message.subject,
    text: message.text,
    html: message.html,
    attachments: message.attachments.map((attachment) => ({ ...attachment })),
  });
  return composer.compile().build();
}

/** emailjs: attachments are strings of base64, and the HTML is an attachment marked as alternative. */
export async function composeWithEmailjs(message: SampleMessage): Promise<Buffer> {
  const attachment: MessageAttachment[] = message.attachments.map(({ filename, contentType, content }) => ({
    name: filename,
    type: contentType,
    data: content.toString('base64'),
    encoded: true,
  }));
  if (message.html !== undefined) attachment.unshift({ data: message.html, alternative: true });
  const composed = new EmailjsMessage({
    from: mailboxText(message.from),
    to: message.to.map(mailboxText).join(', '),
    subject: message.subject,
    text: message.text ?? null,
    attachment,
  });
  return Buffer.from(await composed.readAsync());
}

/** mimetext: parts arrive encoded by the caller, here with Node's base64. */
export function composeWithMimetext(message: SampleMessage): Buffer {
  const composed = createMimeMessage();
  composed.setSender({ name: message.from.name, addr: message.from.address });
  composed.setTo(message.to.map(({ name, address }) => ({ name, addr: address })));
  composed.setSubject(message.subject);
  if (message.text !== undefined) composed.addMessage(textPart('text/plain', message.text));
  if (message.html !== undefined) composed.addMessage(textPart('text/html', message.html));
  for (const { filename, contentType, content } of message.attachments) {
    composed.addAttachment({ filename, contentType, data: content.toString('base64') });
  }
  return Buffer.from(composed.asRaw());
}

function textPart(contentType: string, data: string) {
  return { contentType, data: Buffer.from(data).toString('base64'), encoding: 'base64' as const };
}

function mailboxText({ name, address }: SampleMailbox): string {
  return `${name} <${address}>`;
}
