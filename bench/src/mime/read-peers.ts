import { type AddressObject, simpleParser } from 'mailparser';
import PostalMime from 'postal-mime';
import type { ReadMessage } from './compare.ts';

/** Parses with postal-mime. */
export async function readWithPostalMime(octets: Uint8Array): Promise<ReadMessage> {
  const { subject, from, to, text, html, attachments } = await PostalMime.parse(octets);
  return {
    subject,
    mailboxes: [from, ...(to ?? [])].map((mailbox) => ({ name: mailbox?.name, address: mailbox?.address })),
    text,
    html,
    attachments: attachments.map(({ filename, content }) => ({
      filename: filename ?? undefined,
      content: typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content),
    })),
  };
}

/** Parses with mailparser, without the HTML that it makes of plain text and the other way round. */
export async function readWithMailparser(octets: Uint8Array): Promise<ReadMessage> {
  const parsed = await simpleParser(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength), {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
  });
  return {
    subject: parsed.subject,
    mailboxes: [parsed.from, parsed.to].flatMap(mailboxesOf),
    text: parsed.text,
    html: parsed.html === false ? undefined : parsed.html,
    attachments: parsed.attachments.map(({ filename, content }) => ({ filename, content })),
  };
}

function mailboxesOf(field: AddressObject | AddressObject[] | undefined): AddressObject['value'] {
  return [field ?? []].flat().flatMap(({ value }) => value);
}
