import { type Group, type Mailbox, toCanonical, toWire } from './address.ts';
import { formatDate } from './date.ts';
import { domainForWire } from './domain.ts';
import { MimeError } from './errors.ts';
import {
  FieldWriter,
  type HeaderCharset,
  mailboxesOf,
  reservedField,
  toAddresses,
  toMailbox,
} from './header-fields.ts';
import { checkUnsubscribe, formatListFields } from './list-fields.ts';
import type { Message } from './message.ts';
import { createMessageId, formatMessageId, formatReference } from './message-id.ts';
import { isAscii } from './utf8.ts';

/** The addresses of MAIL FROM and RCPT TO (RFC 5321 §3.3). */
export interface Envelope {
  /** The return path; empty for the null reverse-path. */
  readonly from: string;
  /** All recipients: those of the message's `envelope`, else of to, cc and bcc; each once, in order. */
  readonly to: readonly string[];
}

/** The header of a message without its content fields, and the values derived from it. */
export interface MessageHeader {
  readonly text: string;
  /** Whether the text is ASCII only. */
  readonly ascii: boolean;
  /** The first mailbox of From. */
  readonly author: Mailbox;
  readonly envelope: Envelope;
  readonly messageId: string;
  /** Whether the header or an address of the envelope has non-ASCII characters, so that SMTPUTF8 is needed. */
  readonly smtputf8: boolean;
}

/** The inputs of a header besides the message. */
export interface HeaderContext {
  readonly charset: HeaderCharset;
  readonly nowMs: number;
  /** Hexadecimal digits for the Message-ID. */
  readonly unique: string;
}

/**
 * Writes the header of a message (RFC 5322 §3.6).
 *
 * @throws {MimeError} MB_MIME_FROM_MISSING, MB_MIME_SENDER_MISSING, MB_MIME_DATE, MB_MIME_MESSAGE_ID and the errors of
 *   addresses and header values.
 */
export function writeMessageHeader(message: Message, context: HeaderContext): MessageHeader {
  const form = message.addresses;
  const from = mailboxesOf(toAddresses('from', message.from, form));
  const sender =
    message.sender === undefined ? undefined : toMailbox(message.sender, form, { field: 'sender' });
  const author = from[0];
  if (author === undefined) throw new MimeError('MB_MIME_FROM_MISSING', 'A message needs a from address.');
  if (from.length > 1 && sender === undefined) {
    // RFC 5322 §3.6.2
    throw new MimeError('MB_MIME_SENDER_MISSING', 'A message with several from addresses needs a sender.');
  }
  const to = toAddresses('to', message.to, form);
  const cc = toAddresses('cc', message.cc, form);
  const bcc = toAddresses('bcc', message.bcc, form);
  const messageId =
    message.messageId === undefined
      ? createMessageId(domainForWire((sender ?? author).domain), context.nowMs, context.unique)
      : formatMessageId(message.messageId);

  const writer = new FieldWriter(context.charset);
  writer.addresses('From', from);
  if (sender !== undefined) writer.addresses('Sender', [sender]);
  writeIfAny(writer, 'Reply-To', toAddresses('replyTo', message.replyTo, form));
  writeIfAny(writer, 'To', to);
  writeIfAny(writer, 'Cc', cc);
  if (message.subject !== undefined) writer.unstructured('Subject', message.subject);
  writer.raw('Date', formatDate(message.date === undefined ? context.nowMs : message.date));
  writer.raw('Message-ID', messageId);
  writeIds(writer, 'In-Reply-To', message.inReplyTo);
  writeIds(writer, 'References', message.references);
  if (message.list !== undefined) formatListFields(writer, message.list);
  writeMarks(writer, message);
  writeCustom(writer, message);
  if (message.part === undefined) writer.raw('MIME-Version', '1.0');

  const envelope = buildEnvelope(message, sender ?? author, mailboxesOf([...to, ...cc, ...bcc]));
  const { text, ascii } = writer;
  const smtputf8 = !ascii || !isAscii(envelope.from) || !envelope.to.every(isAscii);
  return { text, ascii, author, envelope, messageId, smtputf8 };
}

function writeIfAny(writer: FieldWriter, name: string, addresses: readonly (Mailbox | Group)[]): void {
  if (addresses.length > 0) writer.addresses(name, addresses);
}

function writeIds(writer: FieldWriter, name: string, input: string | readonly string[] | undefined): void {
  if (input === undefined) return;
  // A string is a field value; identifiers in angle brackets may contain white space.
  const ids = typeof input === 'string' ? (input.match(/<(?:"[^"]*"@)?[^<>]*>|[^\s<>]+/g) ?? []) : input;
  const value = ids.map(formatReference).join(' ');
  writer.ascii &&= isAscii(value);
  if (value !== '') writer.raw(name, value);
}

/** The values of X-Priority, Importance and Priority. */
const PRIORITY = {
  high: ['1 (Highest)', 'High', 'urgent'],
  normal: ['3 (Normal)', 'Normal', 'normal'],
  low: ['5 (Lowest)', 'Low', 'non-urgent'],
} as const;

function writeMarks(writer: FieldWriter, message: Message): void {
  const { autoSubmitted, precedence, priority, feedbackId } = message;
  if (autoSubmitted !== undefined) writer.raw('Auto-Submitted', autoSubmitted); // RFC 3834 §5
  if (precedence !== undefined) writer.raw('Precedence', precedence);
  if (priority !== undefined) {
    const [number, importance, word] = PRIORITY[priority];
    writer.raw('X-Priority', number);
    writer.raw('Importance', importance); // RFC 4021 §2.1.53
    writer.raw('Priority', word); // RFC 4021 §2.1.54
  }
  if (feedbackId !== undefined) writer.unstructured('Feedback-ID', feedbackId);
}

/** Fields that are written from properties of the message, except those of the content, and all forms of Bcc. */
const RESERVED =
  /^(?:from|sender|(?:in-)?reply-to|to|cc|(?:resent-)?bcc|subject|date|message-id|references)$/;

/** Fields that may appear only once (RFC 5322 §3.6, RFC 2369 §3.8, RFC 2919 §2, RFC 3834 §5, RFC 8058 §3.1). */
const SINGLETON =
  /^(?:list-(?:id|help|unsubscribe(?:-post)?|subscribe|post|owner|archive)|auto-submitted|precedence|feedback-id|(?:x-)?priority|importance)$/;

function writeCustom(writer: FieldWriter, message: Message): void {
  if (message.headers === undefined) return;
  const seen = new Set<string>();
  for (const match of writer.text.matchAll(/^([!-9;-~]+):/gm)) seen.add(match[1]!.toLowerCase());
  writer.custom(message.headers, message.addresses, (name, value) => {
    if (RESERVED.test(name)) throw reservedField(name);
    if (SINGLETON.test(name)) {
      if (seen.has(name))
        throw new MimeError('MB_MIME_HEADER_DUPLICATE', `The field ${name} may appear only once.`);
      seen.add(name);
    }
    if (typeof value === 'string') checkUnsubscribe(name, value);
  });
}

function buildEnvelope(message: Message, author: Mailbox, recipients: readonly Mailbox[]): Envelope {
  const { envelope, addresses } = message;
  const from = envelope?.from;
  const to =
    envelope?.to?.map((one, index) => toMailbox(one, addresses, { field: 'envelope.to', index })) ??
    recipients;
  const returnPath =
    from === undefined || from === '' ? author : toMailbox(from, addresses, { field: 'envelope.from' });
  return {
    from: from === '' ? '' : toWire(returnPath),
    to: to.length === 1 ? [toWire(to[0]!)] : distinctAddresses(to),
  };
}

function distinctAddresses(mailboxes: readonly Mailbox[]): string[] {
  const distinct = new Map<string, string>();
  for (const mailbox of mailboxes) {
    const key = toCanonical(mailbox);
    if (!distinct.has(key)) distinct.set(key, toWire(mailbox));
  }
  return [...distinct.values()];
}
