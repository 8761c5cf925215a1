import { englishText } from '../mime/texts.ts';

/** Who sends to whom in every row. */
export const SENDER = 'shop@example.org';
export const RECIPIENT = 'jane@example.com';
/** The client's name in EHLO. */
export const CLIENT = 'client.example.org';

const HEADER = [
  `From: Example Shop <${SENDER}>`,
  `To: Jane Doe <${RECIPIENT}>`,
  'Subject: Your order 4478',
  'Date: Sat, 21 Nov 2026 10:00:00 +0000',
  'Message-ID: <7f0f6a3c-0e1b-4f5e-9d47-0a6f2b9d7c11@example.org>',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=us-ascii',
].join('\r\n');

/** Body of the message of most rows; one line begins with a dot, to see that it arrives. */
export const BODY = `.dot at the beginning of a line\r\n${englishText(4600)}`;

/** A message of about 5 kB, as octets ready to send. */
export const MESSAGE = Buffer.from(`${HEADER}\r\n\r\n${BODY}`, 'latin1');
