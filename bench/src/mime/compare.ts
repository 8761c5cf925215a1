import type { SampleMessage } from './messages.ts';

/** What a parser read, in the words of `SampleMessage`. */
export interface ReadMessage {
  readonly subject: string | undefined;
  /** From first, then To. */
  readonly mailboxes: readonly {
    readonly name?: string | undefined;
    readonly address?: string | undefined;
  }[];
  readonly text: string | undefined;
  readonly html: string | undefined;
  readonly attachments: readonly { readonly filename: string | undefined; readonly content: Uint8Array }[];
}

/** Tells the first difference between a message and what was read of it. */
export function compareMessage(read: ReadMessage, message: SampleMessage): string | undefined {
  if (read.subject !== message.subject) return `the subject reads as ${JSON.stringify(read.subject)}`;
  const expected = [message.from, ...message.to].map((m) => `${m.name} <${m.address}>`).join(', ');
  const mailboxes = read.mailboxes.map((m) => `${m.name ?? ''} <${m.address}>`).join(', ');
  if (mailboxes !== expected) return `the mailboxes read as ${mailboxes}`;
  if (!sameText(read.text, message.text)) return 'the text differs';
  if (!sameText(read.html, message.html)) return 'the HTML differs';
  if (read.attachments.length !== message.attachments.length) return `${read.attachments.length} attachments`;
  for (const [i, { filename, content }] of message.attachments.entries()) {
    const attachment = read.attachments[i]!;
    if (attachment.filename !== filename || !content.equals(attachment.content)) {
      return `attachment ${filename} differs`;
    }
  }
  return undefined;
}

/** Line ends and a final line break are the composer's choice. */
function sameText(read: string | undefined, written: string | undefined): boolean {
  const normal = (text: string | undefined) => (text ?? '').replaceAll('\r\n', '\n').trimEnd();
  return normal(read) === normal(written);
}
