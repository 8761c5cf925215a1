import { basename } from 'node:path';
import {
  type AddressInput,
  type Alternative,
  type Attachment,
  type MailboxInput,
  type Message,
  parseAddressList,
} from '@mb/mime';
import { fileAttachment } from '@mb/mime/node';
import { CliError } from '../errors.ts';
import { readInput, readStandardInput, unreadable } from './file.ts';
import type { SendFlags } from './flags.ts';

/** Makes the message from the flags; without a flag for the body, it is read from standard input. */
export async function readMessage(flags: SendFlags): Promise<Message> {
  if (flags.from === undefined) {
    throw new CliError('MB_CLI_USAGE', 'The message has no author. Give --from "Ann <ann@example.com>".');
  }
  const { sender, subject, messageId, inReplyTo, references, date, header, priority, autoSubmitted } = flags;
  return {
    from: parseAddressList(flags.from) as MailboxInput[],
    ...optional('to', addresses(flags.to)),
    ...optional('cc', addresses(flags.cc)),
    ...optional('bcc', addresses(flags.bcc)),
    ...optional('replyTo', addresses(flags.replyTo)),
    ...optional('sender', sender),
    ...optional('subject', subject),
    ...optional('attachments', await readAttachments(flags)),
    ...optional('headers', header?.map(parseHeader)),
    ...optional('messageId', messageId),
    ...optional('inReplyTo', inReplyTo),
    ...optional('references', references),
    ...optional('date', date),
    ...optional('priority', priority),
    ...optional('autoSubmitted', autoSubmitted),
    ...optional('list', readList(flags)),
    ...optional('envelope', readEnvelope(flags)),
    // Last, so that an error elsewhere is found before the user types a body.
    ...(await readBodies(flags)),
  };
}

/** Domain of the first author; empty when From has no mailbox. */
export function authorDomain(from: string): string {
  const first = parseAddressList(from)[0];
  return first && 'domain' in first ? first.domain : '';
}

function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}

function addresses(values: readonly string[] | undefined): AddressInput[] | undefined {
  return values?.flatMap((value) => parseAddressList(value));
}

function readList({ unsubscribe, oneClick }: SendFlags): Message['list'] {
  if (unsubscribe === undefined && oneClick === undefined) return undefined;
  return { ...optional('unsubscribe', unsubscribe), ...optional('oneClick', oneClick) };
}

/** The envelope, if flags change it. */
function readEnvelope({ envelopeFrom, envelopeTo }: SendFlags): Message['envelope'] {
  if (envelopeFrom === undefined && envelopeTo === undefined) return undefined;
  return { ...optional('from', envelopeFrom), ...optional('to', envelopeTo) };
}

async function readBodies(flags: SendFlags): Promise<Pick<Message, 'text' | 'html' | 'alternatives'>> {
  const { text, textFile, html, htmlFile, alternative } = flags;
  const fromInput = [textFile, htmlFile].filter((file) => file === '-').length;
  if (fromInput > 1)
    throw new CliError('MB_CLI_USAGE', '--text-file and --html-file cannot both be standard input.');
  const bodies = {
    ...optional(
      'text',
      textFile === undefined ? text : (await readInput('--text-file', textFile)).toString(),
    ),
    ...optional(
      'html',
      htmlFile === undefined ? html : (await readInput('--html-file', htmlFile)).toString(),
    ),
    ...optional('alternatives', alternative && (await Promise.all(alternative.map(readAlternative)))),
  };
  if (Object.keys(bodies).length > 0) return bodies;
  return { text: (await readStandardInput()).toString() };
}

/** Reads `type:file`; a media type has no colon. */
async function readAlternative(value: string): Promise<Alternative> {
  const [, contentType, path] = /^([^:/]+\/[^:]+):(.+)$/.exec(value) ?? [];
  if (contentType === undefined || path === undefined) {
    throw new CliError(
      'MB_CLI_USAGE',
      '--alternative must be a type and a file, such as text/calendar:invitation.ics.',
    );
  }
  return { contentType, content: await readInput('--alternative', path) };
}

async function readAttachments({ attach = [], inline = [] }: SendFlags): Promise<Attachment[] | undefined> {
  if (attach.length + inline.length === 0) return undefined;
  const related = inline.map((value) => {
    const [, path = value, contentId = basename(path)] = /^(.*)=([^=/]+)$/.exec(value) ?? [];
    return openAttachment('--inline', path, { contentId });
  });
  return Promise.all([...related, ...attach.map((path) => openAttachment('--attach', path, {}))]);
}

async function openAttachment(
  flag: string,
  path: string,
  options: { contentId?: string },
): Promise<Attachment> {
  try {
    return await fileAttachment(path, options);
  } catch (cause) {
    throw unreadable(flag, path, cause);
  }
}

function parseHeader(line: string): readonly [name: string, value: string] {
  const [, name, value] = /^([^\s:]+):\s*(.*)$/s.exec(line) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new CliError('MB_CLI_USAGE', `--header must be a name, a colon and a value, not "${line}".`);
}
