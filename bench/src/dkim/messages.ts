import { randomBytes } from 'node:crypto';
import { englishText, htmlText } from '../mime/texts.ts';

/** A message as it goes over the wire, and its body alone, which the limits hash. */
export interface RawMessage {
  readonly octets: Buffer;
  readonly body: Buffer;
}

/** Header of a message that passed a composer and one relay. */
const HEADER = [
  'Received: from app.example.com (app.example.com [192.0.2.17]) by out.example.com with ESMTPS id 4QxB2c;',
  '\tSat, 21 Nov 2026 10:00:00 +0000 (UTC)',
  'From: Example Shop <shop@example.com>',
  'To: Jane Doe <jane@example.org>, =?UTF-8?Q?Zo=C3=AB_=C5=81ukasiewicz?= <zoe@example.org>',
  'Subject: =?UTF-8?Q?R=C3=A9servation_confirm=C3=A9e?= and the invoice for your order 4478',
  'Date: Sat, 21 Nov 2026 10:00:00 +0000',
  'Message-ID: <7f0f6a3c-0e1b-4f5e-9d47-0a6f2b9d7c11@example.com>',
  'MIME-Version: 1.0',
  'List-Unsubscribe: <https://www.example.com/unsubscribe?u=4478>',
  'Reply-To: service@example.com',
].join('\r\n');

/** About 3 kB of plain text. */
export function textMessage(): RawMessage {
  return assemble('Content-Type: text/plain; charset=utf-8\r\n', Buffer.from(englishText(2400)));
}

/** About 50 kB of HTML. */
export function htmlMessage(): RawMessage {
  return assemble('Content-Type: text/html; charset=utf-8\r\n', Buffer.from(htmlText(49_000)));
}

/** A message with an attachment in base64, this many octets in all. */
export function attachmentMessage(bytes: number): RawMessage {
  const lines = randomBytes(Math.floor((bytes * 57) / 78))
    .toString('base64')
    .replaceAll(/.{76}/g, '$&\r\n');
  const type = 'Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n';
  return assemble(type, Buffer.from(`${lines}\r\n`, 'latin1'));
}

function assemble(contentFields: string, body: Buffer): RawMessage {
  return { octets: Buffer.concat([Buffer.from(`${HEADER}\r\n${contentFields}\r\n`), body]), body };
}
