import type { ReadyMessage } from '@mb/broker';
import type { Alternative, Attachment, Message } from '@mb/mime';
import { inlineDataUrls } from '@mb/mime/data-url';
import { envelopeAddresses, orNothing, readAddresses, readMailboxes } from './addresses.ts';
import { type ContentAccess, findContent, readContent, readText, readWhole } from './content.ts';
import { messageError } from './errors.ts';
import { readHeaders } from './headers.ts';
import { readListHeaders } from './list-headers.ts';
import type {
  AttachmentOption,
  BodyOption,
  CalendarOption,
  EnvelopeOption,
  NodemailerMessage,
  PartOption,
} from './nodemailer-message.ts';
import { either, flag, group, literal, type OptionTable, readOptions, signal, word } from './option-table.ts';
import { type RemoteContentOptions, remoteContentOptions } from './remote-content.ts';

/** Options of {@link fromNodemailer}. */
export interface ConvertOptions {
  /** Whether `path` may name files; default true. `disableFileAccess` in a message also disables this. */
  readonly files?: boolean | undefined;
  /**
   * Whether and how http and https URLs are fetched; default false. Connects to public IP addresses only, and the
   * connection uses the address that was checked.
   */
  readonly urls?: RemoteContentOptions | false | undefined;
  /** What to do with options that nodemailer does not document, such as those of plugins; default `refuse`. */
  readonly unknownOptions?: 'refuse' | 'ignore' | undefined;
  /** Aborts reading and fetching. */
  readonly signal?: AbortSignal | undefined;
}

/** The checks of `ConvertOptions`. */
export const convertOptions = {
  files: flag(),
  urls: either(literal(false), group<RemoteContentOptions>(remoteContentOptions)),
  unknownOptions: word(['refuse', 'ignore']),
  signal: signal(),
} satisfies OptionTable<ConvertOptions>;

/** Options about the content, or about how it may be read. */
const mapped = new Set(
  `from sender to cc bcc replyTo inReplyTo references subject messageId date text html watchHtml amp icalEvent alternatives
  attachments headers list priority xMailer otp envelope raw attachDataUrls disableFileAccess disableUrlAccess
  maxRecipients`.split(/\s+/),
);

/** Options that affect only the encoding. They are ignored, since compose() chooses the encoding by the content. */
const chosenByContent = new Set(['encoding', 'textEncoding', 'boundaryPrefix', 'baseBoundary', 'newline']);

/** Options that are not about the message, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  dkim: 'is not used here: give the keys to the broker in its option dkim.',
  normalizeHeaderKey: 'is not used here: field names are written as given.',
  dsn: 'is about delivery: give { delivery: { notify, ret, envid } } to enqueue().',
  requireTLSExtensionEnabled:
    'is about delivery: give { requireTls: true } to send(), or { delivery: { requireTls: true } } to enqueue().',
  auth: 'is about delivery: credentials belong to the routes of the broker.',
  ses: 'is for another transport.',
  signal: 'is about delivery: give it to fromNodemailer(), send() or enqueue() as an option.',
};

/**
 * Converts a nodemailer message into one for `broker.send()` and `broker.enqueue()`. Works without nodemailer.
 *
 * Converts every option that nodemailer documents, or refuses it with a reason; the README has a table. Files are opened
 * when the message is composed; texts, URLs and streams are read immediately.
 *
 * @returns a `Message`, or a `ReadyMessage` for `raw`.
 * @throws {NodemailerBridgeError} MB_NODEMAILER_MESSAGE for an option that cannot be used, MB_NODEMAILER_CONTENT for
 *   content that cannot or may not be read, MB_NODEMAILER_OPTION.
 * @example
 * await broker.enqueue(await fromNodemailer({
 *   from: '"Shop" <shop@example.com>',
 *   to: 'bob@example.org, carol@example.net',
 *   subject: 'Your order',
 *   html: '<p>Thank you. <img src="cid:logo"></p>',
 *   attachments: [{ filename: 'logo.png', path: 'logo.png', cid: 'logo' }],
 * }));
 */
export async function fromNodemailer(
  message: NodemailerMessage,
  given: ConvertOptions = {},
): Promise<Message | ReadyMessage> {
  const options: ConvertOptions = readOptions(given, convertOptions, 'fromNodemailer: options');
  if (typeof message !== 'object' || message === null)
    throw messageError('The message', 'must be an object.');
  checkKeys(message, options.unknownOptions ?? 'refuse');
  const access: ContentAccess = {
    files: (options.files ?? true) && message.disableFileAccess !== true,
    urls: message.disableUrlAccess === true ? false : (options.urls ?? false),
    signal: options.signal,
  };
  if (message.raw !== undefined && message.raw !== null) return readyMessage(message, access);
  const headers = readHeaders(message.headers);
  const header = headerOf({ ...headers.options, ...withoutEmpty(message) });
  checkCount(header, message.maxRecipients);
  const body = await bodyOf(message, access);
  const pairs = [
    ...headers.pairs,
    ...readListHeaders(message.list),
    ...(typeof message.xMailer === 'string' && message.xMailer !== ''
      ? [['X-Mailer', message.xMailer] as const]
      : []),
    ...(message.otp ? [['OTP-Token', otpToken(message.otp)] as const] : []),
  ];
  const envelope = envelopeOf(message.envelope);
  return {
    ...header,
    ...body,
    addresses: 'as-received',
    ...(pairs.length > 0 && { headers: pairs }),
    ...(envelope && { envelope }),
  } as Message;
}

function checkKeys(message: NodemailerMessage, unknownOptions: 'refuse' | 'ignore'): void {
  for (const [key, value] of Object.entries(message)) {
    if (value === undefined || value === null || mapped.has(key) || chosenByContent.has(key)) continue;
    if (key.startsWith('_')) continue;
    const reason = Object.hasOwn(refused, key) ? refused[key] : undefined;
    if (reason === undefined && unknownOptions === 'ignore') continue;
    throw messageError(
      key,
      reason ??
        'is not an option of a message of nodemailer. Leave it out, or give { unknownOptions: "ignore" } if a plugin reads it.',
    );
  }
}

/** Removes empty strings and false, which mean "not given" in nodemailer. */
function withoutEmpty(message: NodemailerMessage): NodemailerMessage {
  return Object.fromEntries(
    Object.entries(message).filter(
      ([key, value]) =>
        !(value === undefined || value === null || value === false || (value === '' && key !== 'subject')),
    ),
  );
}

function headerOf(message: NodemailerMessage) {
  const from = readMailboxes(message.from, 'from');
  const [sender, ...senders] = readMailboxes(message.sender, 'sender');
  if (senders.length > 0) throw messageError('sender', 'must be one address.');
  const { subject, messageId, inReplyTo, references, date, priority } = message;
  const fields = {
    to: orNothing(readAddresses(message.to, 'to')),
    cc: orNothing(readAddresses(message.cc, 'cc')),
    bcc: orNothing(readAddresses(message.bcc, 'bcc')),
    replyTo: orNothing(readAddresses(message.replyTo, 'replyTo')),
    // RFC 5322 §3.6.2: several authors require a sender, but nodemailer does not add one.
    sender: sender ?? (from.length > 1 ? from[0] : undefined),
    subject: subject === undefined ? undefined : oneLine(subject, 'subject'),
    messageId,
    inReplyTo,
    references,
    date: date === undefined ? undefined : dateOf(date),
    priority: priority === undefined ? undefined : priorityOf(priority),
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { from: from as Message['from'], ...(Object.fromEntries(given) as Partial<Message>) };
}

function checkCount({ to = [], cc = [], bcc = [] }: Partial<Message>, most: number | undefined): void {
  const count = [to, cc, bcc]
    .flat()
    .flatMap((entry) => (typeof entry === 'object' && 'members' in entry ? entry.members : [entry])).length;
  if (typeof most === 'number' && most > 0 && count > most) {
    throw messageError('maxRecipients', `is ${most}, and the message has ${count} recipients.`);
  }
}

function oneLine(value: unknown, field: string): string {
  if (typeof value !== 'string') throw messageError(field, 'must be a string.');
  return value.replace(/\r\n|\r|\n/g, ' ');
}

function dateOf(value: unknown): Date {
  const date = value instanceof Date ? value : new Date(value as string);
  if (Number.isNaN(date.getTime()))
    throw messageError('date', 'must be a Date, or a string that Date can parse.');
  return date;
}

/** As nodemailer, writes fields for high and low only. */
function priorityOf(value: unknown): 'high' | 'low' | undefined {
  const word = String(value).toLowerCase();
  return word === 'high' || word === 'low' ? word : undefined;
}

/** The value of the OTP-Token field (draft-goto-otp-token). */
function otpToken({ code, origin }: { readonly code: string; readonly origin: string }): string {
  if (typeof code !== 'string' || !/^[\x20-\x7e]+$/.test(code)) {
    throw messageError('otp.code', 'must be printable ASCII.');
  }
  if (!URL.canParse(origin) || !/^https?:$/.test(new URL(origin).protocol)) {
    throw messageError('otp.origin', 'must be an https URL.');
  }
  const quoted = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`;
  return `${quoted(code)}; origin=${quoted(new URL(origin).origin)}`;
}

async function bodyOf(message: NodemailerMessage, access: ContentAccess) {
  const body = async (key: 'text' | 'html' | 'watchHtml' | 'amp') => {
    const option = message[key];
    return option === undefined || option === null || option === ''
      ? undefined
      : readText(option, key, access);
  };
  const text = await body('text');
  const html = await body('html');
  const inlined = html !== undefined && message.attachDataUrls === true ? inlineDataUrls(html) : undefined;
  const calendar = await calendarOf(message.icalEvent, access);
  const watch = await body('watchHtml');
  const amp = await body('amp');
  const alternatives: Alternative[] = [
    ...(watch === undefined ? [] : [{ contentType: 'text/watch-html; charset=utf-8', content: watch }]),
    ...(amp === undefined ? [] : [{ contentType: 'text/x-amp-html; charset=utf-8', content: amp }]),
    ...(calendar ? [calendar.alternative] : []),
    ...(await Promise.all(
      [message.alternatives ?? []].flat().map((part, i) => alternativeOf(part, `alternatives[${i}]`, access)),
    )),
  ];
  const attachments = await Promise.all(
    [message.attachments ?? []].flat().map((part, i) => attachmentOf(part, i, access)),
  );
  const all = [...attachments, ...(inlined?.attachments ?? []), ...(calendar ? [calendar.attachment] : [])];
  return {
    // A message without content gets an empty text.
    ...(text !== undefined && { text }),
    ...(html !== undefined && { html: inlined?.html ?? html }),
    ...(text === undefined &&
      html === undefined &&
      alternatives.length === 0 &&
      all.length === 0 && { text: '' }),
    ...(alternatives.length > 0 && { alternatives }),
    ...(all.length > 0 && { attachments: all }),
  };
}

async function calendarOf(
  option: BodyOption | CalendarOption | undefined,
  access: ContentAccess,
): Promise<{ readonly alternative: Alternative; readonly attachment: Attachment } | undefined> {
  if (option === undefined || option === null || option === '') return undefined;
  const content = await readContent(option as BodyOption, 'icalEvent', access);
  const { method = 'PUBLISH', filename } = option as CalendarOption;
  if (typeof method !== 'string' || !/^[\w-]+$/.test(method.trim())) {
    throw messageError('icalEvent.method', 'must be a word such as REQUEST.');
  }
  const name = method.trim().toUpperCase();
  return {
    alternative: { contentType: `text/calendar; charset=utf-8; method=${name}`, content },
    attachment: { filename: filename || 'invite.ics', contentType: 'application/ics', content },
  };
}

async function alternativeOf(part: PartOption, field: string, access: ContentAccess): Promise<Alternative> {
  if (typeof part !== 'object' || part === null) throw messageError(field, 'must be an object.');
  if (part.raw !== undefined)
    throw messageError(`${field}.raw`, 'cannot be an alternative; give content and contentType.');
  if (part.headers !== undefined)
    throw messageError(`${field}.headers`, 'cannot be set for an alternative; make it an attachment.');
  const found = await findContent(part, field, access);
  const content = await readWhole(found.content, field);
  return { contentType: part.contentType ?? found.contentType ?? 'text/plain; charset=utf-8', content };
}

async function attachmentOf(
  part: AttachmentOption,
  index: number,
  access: ContentAccess,
): Promise<Attachment> {
  const field = `attachments[${index}]`;
  if (typeof part !== 'object' || part === null) throw messageError(field, 'must be an object.');
  if (part.raw !== undefined && part.raw !== null) {
    const ready = await readContent(part.raw, `${field}.raw`, access);
    // Latin-1 keeps all octets.
    const lines = Buffer.from(ready as Uint8Array)
      .toString('latin1')
      .replace(/\r?\n/g, '\r\n');
    return { part: Buffer.from(lines, 'latin1') };
  }
  const found = await findContent(part, field, access);
  const headers = readHeaders(part.headers, `${field}.headers`).pairs;
  const contentType = part.contentType ?? found.contentType;
  const filename = part.filename === false ? undefined : part.filename || nameOf(part, contentType, index);
  const isImage =
    /^image\//i.test(contentType ?? '') || /\.(?:png|jpe?g|gif|svg|webp|bmp)$/i.test(filename ?? '');
  const disposition = part.contentDisposition ?? (part.cid && isImage ? 'inline' : 'attachment');
  return {
    content: found.content,
    ...(filename !== undefined && { filename }),
    ...(contentType !== undefined && { contentType }),
    ...(part.cid && { contentId: part.cid.replace(/[<>]/g, '') }),
    ...(disposition === 'inline' || disposition === 'attachment' ? { disposition } : {}),
    ...(headers.length > 0 && { headers }),
  };
}

/**
 * Names an attachment as nodemailer does: after its file or URL, else `attachment-1` with an extension for its type.
 */
function nameOf(
  { path, href }: AttachmentOption,
  contentType: string | undefined,
  index: number,
): string | undefined {
  if (/^message\//i.test(contentType ?? '')) return undefined;
  const place = [path, href].find((each) => typeof each === 'string' && !/^data:/i.test(each)) as
    | string
    | undefined;
  const name = place?.split(/[/\\]/).pop()?.split('?')[0] || `attachment-${index + 1}`;
  if (name.includes('.')) return name;
  const ending = /^[\w-]+\/(?:x-)?([\w-]+)/.exec(contentType ?? '')?.[1];
  return `${name}.${ending === undefined || ending === 'octet-stream' ? 'bin' : (endings.get(ending) ?? ending)}`;
}

const endings: ReadonlyMap<string, string> = new Map([
  ['plain', 'txt'],
  ['jpeg', 'jpg'],
  ['svg', 'svg'],
  ['calendar', 'ics'],
]);

function envelopeOf(option: EnvelopeOption | undefined): Message['envelope'] {
  if (option === undefined || option === null) return undefined;
  const { from, to, cc, bcc } = option;
  const recipients = [
    ...envelopeAddresses(to, 'envelope.to'),
    ...envelopeAddresses(cc, 'envelope.cc'),
    ...envelopeAddresses(bcc, 'envelope.bcc'),
  ];
  const [sender, ...more] = envelopeAddresses(from, 'envelope.from');
  if (more.length > 0) throw messageError('envelope.from', 'must be one address.');
  // RFC 5321 §4.5.5: '' is the null reverse-path.
  const noSender = from === '' || from === false;
  return {
    ...(sender !== undefined ? { from: sender } : noSender ? { from: '' } : {}),
    ...(to !== undefined || cc !== undefined || bcc !== undefined ? { to: [...new Set(recipients)] } : {}),
  };
}

async function readyMessage(message: NodemailerMessage, access: ContentAccess): Promise<ReadyMessage> {
  const raw = await readContent(message.raw!, 'raw', access);
  const envelope = envelopeOf(message.envelope) ?? envelopeOf(headerEnvelope(message));
  if (envelope?.to === undefined || envelope.from === undefined) {
    throw messageError('raw', 'needs an envelope: { from, to }.');
  }
  return {
    raw: typeof raw === 'string' ? new Uint8Array(Buffer.from(raw)) : raw,
    envelope: { from: envelope.from, to: envelope.to },
    addresses: 'as-received',
  };
}

function headerEnvelope({ from, to, cc, bcc }: NodemailerMessage): EnvelopeOption {
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }), cc, bcc };
}
