import { type Group, type Mailbox, parseMessage } from '@mb/mime';
import type { Contender, Field } from '../harness/row.ts';
import { compareMessage, type ReadMessage } from './compare.ts';
import { composeWithNodemailer } from './compose-peers.ts';
import type { SampleMessage } from './messages.ts';
import { readWithMailparser, readWithPostalMime } from './read-peers.ts';

/** Parses a message with all its parts; the limit only decodes the base64 of attachments, or reads all as UTF-8. */
export async function parseField(message: SampleMessage): Promise<Field> {
  const octets = await composeWithNodemailer(message);
  const check = (read: unknown) => compareMessage(read as ReadMessage, message);
  const contenders: Contender[] = [
    { name: '@mb/mime', role: 'ours', run: () => readWithOurs(octets), check },
    {
      name: 'postal-mime',
      role: 'peer',
      package: 'postal-mime',
      run: () => readWithPostalMime(octets),
      check,
    },
    { name: 'mailparser', role: 'peer', package: 'mailparser', run: () => readWithMailparser(octets), check },
    limit(octets, message),
  ];
  return { contenders };
}

async function readWithOurs(octets: Uint8Array): Promise<ReadMessage> {
  const { subject, from, to, text, html, attachments } = await parseMessage(octets);
  return {
    subject,
    mailboxes: [...from, ...to].filter(isMailbox),
    text,
    html,
    attachments: attachments.map(({ filename, content }) => ({ filename, content })),
  };
}

function isMailbox(entry: Mailbox | Group): entry is Mailbox {
  return 'address' in entry;
}

function limit(octets: Buffer, { attachments }: SampleMessage): Contender {
  const encoded = attachments.map(({ content }) => Buffer.from(content.toString('base64')));
  if (encoded.length === 0) {
    return {
      name: 'decode + copy',
      role: 'limit',
      run: () => octets.toString('utf8'),
      check: (text) => ((text as string).length > 0 ? undefined : 'nothing read'),
    };
  }
  return {
    name: 'decode + copy',
    role: 'limit',
    run: () => encoded.map((base64) => Buffer.from(base64.toString('latin1'), 'base64')),
    check: (decoded) => {
      const right = (decoded as Buffer[]).every((content, i) => content.equals(attachments[i]!.content));
      return right ? undefined : 'wrong octets';
    },
  };
}
