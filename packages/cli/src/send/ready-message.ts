import type { ReadyMessage } from '@mb/broker';
import { type HeaderBlock, type Mailbox, parseAddressList, parseHeaderBlock } from '@mb/mime';
import { CliError } from '../errors.ts';
import { openInput } from '../spooled-input.ts';
import type { SendFlags } from './flags.ts';

/** Recipients are looked for in so much of a message. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** A message that was read, and what its header says. */
export interface ReadMessage {
  readonly message: ReadyMessage;
  readonly headers: HeaderBlock;
}

/** A file that is a message already, with the envelope from flags, or else from its header. */
export async function readReadyMessage(path: string, flags: SendFlags): Promise<ReadMessage> {
  const { head, raw } = await splitHead(openInput('--eml', path));
  const headers = headerOf(head);
  if (!headers.fields.some(({ name }) => name !== '')) {
    throw new CliError(
      'MB_CLI_USAGE',
      `--eml: ${path} does not begin with header fields, so it is not a message.`,
    );
  }
  const to = flags.envelopeTo
    ? flags.envelopeTo.flatMap(mailboxes)
    : ['To', 'Cc', 'Bcc'].flatMap((name) => headers.getAll(name).flatMap(mailboxes));
  if (to.length === 0) {
    throw new CliError('MB_CLI_USAGE', 'The message names no recipient; give --envelope-to ADDRESS.');
  }
  const envelope = { from: flags.envelopeFrom ?? returnPath(headers), to };
  return { message: { raw, envelope, addresses: 'as-received' }, headers };
}

/** RFC 5322 §3.6.2: the responsible mailbox is in Sender, or in From. */
function returnPath(headers: HeaderBlock): string {
  const [first] = mailboxes(headers.get('Sender') ?? headers.get('From') ?? '');
  if (first !== undefined) return first;
  throw new CliError(
    'MB_CLI_USAGE',
    'The message has no From to return it to; give --envelope-from ADDRESS.',
  );
}

function mailboxes(list: string): string[] {
  // The file may be a message that was received.
  const members = parseAddressList(list, { addresses: 'as-received' }).flatMap((one): readonly Mailbox[] =>
    'members' in one ? one.members : [one],
  );
  return members.map(({ address }) => address);
}

/** The start of a stream, and the whole of it. */
async function splitHead(
  source: AsyncGenerator<Buffer>,
): Promise<{ readonly head: Buffer; readonly raw: AsyncIterable<Uint8Array> }> {
  const pieces: Buffer[] = [];
  let size = 0;
  let over = false;
  let before = '';
  while (!over && size < MAX_HEADER_BYTES) {
    const { value, done } = await source.next();
    if (done) break;
    pieces.push(value);
    size += value.length;
    over = /\n\r?\n/.test(before + value.toString('latin1'));
    before = value.subarray(-2).toString('latin1');
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* pieces.splice(0);
    yield* source;
  }
  const head = Buffer.concat(pieces);
  return { head, raw: whole() };
}

function headerOf(raw: Buffer): HeaderBlock {
  const [front = ''] = raw
    .subarray(0, MAX_HEADER_BYTES)
    .toString('latin1')
    .split(/(?<=\n)\r?\n/, 1);
  return parseHeaderBlock(raw.subarray(0, front.length)).headers;
}
