import { randomUUID } from 'node:crypto';
import { composeMessage } from '@mb/mime';
import type { Contender, Field } from '../harness/row.ts';
import { compareMessage } from './compare.ts';
import { composeWithEmailjs, composeWithMimetext, composeWithNodemailer } from './compose-peers.ts';
import type { SampleMessage } from './messages.ts';
import { readWithPostalMime } from './read-peers.ts';

/** Composes a message to octets that are ready for the wire. */
export async function composeField(message: SampleMessage): Promise<Field> {
  const check = (output: unknown) => checkMessage(output as Uint8Array, message);
  // The limit copies a finished message of the right size; whose it is does not matter.
  const finished = await composeWithNodemailer(message);
  const contenders: Contender[] = [
    { name: '@mb/mime', role: 'ours', run: () => composeMessage(message).bytes(), check },
    {
      name: 'nodemailer',
      role: 'peer',
      package: 'nodemailer',
      run: () => composeWithNodemailer(message),
      check,
    },
    { name: 'emailjs', role: 'peer', package: 'emailjs', run: () => composeWithEmailjs(message), check },
    { name: 'mimetext', role: 'peer', package: 'mimetext', run: () => composeWithMimetext(message), check },
    {
      name: 'copy + id + date',
      role: 'limit',
      run: () => leastWork(message, finished),
      check: (output) => ((output as Buffer).length >= finished.length ? undefined : 'octets are missing'),
    },
  ];
  return { contenders };
}

/**
 * What no composer can avoid: UTF-8 of texts that are not ASCII, base64 of attachments, an identifier, a date,
 * and one copy of the whole.
 */
function leastWork(message: SampleMessage, finished: Buffer): Buffer {
  const identifier = `<${randomUUID()}@example.com>`;
  const date = new Date().toUTCString();
  const out = Buffer.allocUnsafe(finished.length + identifier.length + date.length);
  let at = 0;
  for (const { content } of message.attachments) at += out.write(content.toString('base64'), at, 'latin1');
  if (at === 0) {
    for (const text of [message.subject, message.text, message.html])
      if (text !== undefined) out.write(text, 'utf8');
  }
  finished.copy(out, at, at);
  out.write(identifier, finished.length, 'latin1');
  out.write(date, finished.length + identifier.length, 'latin1');
  return out;
}

/** Reads the message with postal-mime and compares every field and part with what went in. */
async function checkMessage(octets: Uint8Array, message: SampleMessage): Promise<string | undefined> {
  const header = Buffer.from(octets.subarray(0, 4000)).toString('latin1');
  if (!/^message-id:/im.test(header) || !/^date:/im.test(header)) return 'no Message-ID or Date';
  return checkForm(octets) ?? compareMessage(await readWithPostalMime(octets), message);
}

/** RFC 5322 §2.1.1 and RFC 2045 §2.7: CRLF, lines of at most 998 octets, and 8-bit octets only where declared. */
function checkForm(octets: Uint8Array): string | undefined {
  let lineStart = 0;
  let eightBit = false;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    if (octet > 0x7f) eightBit = true;
    if (octet !== 0x0a) continue;
    if (octets[i - 1] !== 0x0d) return 'a line ends with a bare LF';
    if (i - 1 - lineStart > 998) return `a line of ${i - 1 - lineStart} octets`;
    lineStart = i + 1;
  }
  const text = eightBit ? Buffer.from(octets).toString('latin1') : '';
  return eightBit && !/^content-transfer-encoding: *(8bit|binary)/im.test(text)
    ? '8-bit octets in parts declared as 7bit'
    : undefined;
}
