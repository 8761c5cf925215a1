import type { ReadyMessage } from '@mb/broker';
import { findHeaderEnd, type HeaderBlock, type Mailbox, parseAddressList, parseHeaderBlock } from '@mb/mime';
import { CliError } from '../errors.ts';
import { openInput } from '../spooled-input.ts';
import type { SendFlags } from './flags.ts';

/** Maximum size of a header, in octets. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** A ready message and its header. */
export interface ReadMessage {
  readonly message: ReadyMessage;
  readonly headers: HeaderBlock;
}

/** Reads a ready message from a file, with the envelope from flags or else from its header. */
export async function readReadyMessage(path: string, flags: SendFlags): Promise<ReadMessage> {
  const { header, raw } = await splitHead(openInput('--eml', path));
  const { headers } = parseHeaderBlock(header);
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

/** RFC 5322 §3.6.2: the mailbox that sent the message is in Sender, or else in From. */
function returnPath(headers: HeaderBlock): string {
  const [first] = mailboxes(headers.get('Sender') ?? headers.get('From') ?? '');
  if (first !== undefined) return first;
  throw new CliError(
    'MB_CLI_USAGE',
    'The message has no From address for the return path; give --envelope-from ADDRESS.',
  );
}

function mailboxes(list: string): string[] {
  // The file may be a message that was received.
  const members = parseAddressList(list, { addresses: 'as-received' }).flatMap((one): readonly Mailbox[] =>
    'members' in one ? one.members : [one],
  );
  return members.map(({ address }) => address);
}

/** Returns the header of a message, and a stream of the whole message. */
async function splitHead(
  source: AsyncGenerator<Buffer>,
): Promise<{ readonly header: Buffer; readonly raw: AsyncIterable<Uint8Array> }> {
  let head = Buffer.alloc(0);
  let end = 0;
  while (end === head.length && head.length < MAX_HEADER_BYTES) {
    const { value, done } = await source.next();
    if (done) break;
    // The last octets of a chunk may be part of the empty line.
    const searched = Math.max(0, head.length - 2);
    head = Buffer.concat([head, value]);
    end = findHeaderEnd(head, searched);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* source;
  }
  return { header: head.subarray(0, Math.min(end, MAX_HEADER_BYTES)), raw: whole() };
}
