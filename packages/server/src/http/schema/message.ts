import { z } from '@hono/zod-openapi';
import type { EnqueueOptions } from '@mb/broker';
import type { Attachment, Message } from '@mb/mime';
import { strictObject } from '../../strict-object.ts';
import { Problem } from '../problem.ts';

const text = z.string();
const mailbox = z
  .union([text, strictObject({ name: text.optional(), address: text })])
  .openapi({ description: 'One mailbox: `Ann <ann@example.com>`, or `{ name, address }`.' });
const group = strictObject({ name: text, members: z.array(mailbox) });
const recipient = z.union([mailbox, group]);
const recipients = z.union([recipient, z.array(recipient)]);
const texts = z.union([text, z.array(text)]);
const moment = z.iso.datetime({ offset: true });
const milliseconds = z.int().min(0).max(9e12);

const attachment = strictObject({
  filename: text.optional(),
  content: z.base64().openapi({ description: 'The octets in base64.' }),
  contentType: text.optional().openapi({ description: 'Default: by the ending of the file name.' }),
  contentId: text.optional().openapi({ description: 'For `cid:` links from the HTML.' }),
  disposition: z.enum(['attachment', 'inline']).optional(),
  headers: z.record(text, texts).optional(),
}).openapi('Attachment');

const list = strictObject({
  id: z.union([text, strictObject({ name: text.optional(), id: text })]).optional(),
  unsubscribe: texts.optional(),
  oneClick: z.boolean().optional(),
  help: text.optional(),
  subscribe: text.optional(),
  post: text.optional(),
  owner: text.optional(),
  archive: text.optional(),
});

/** The fields of a message, as @mb/mime names them. */
const messageFields = {
  from: z.union([mailbox, z.array(mailbox)]),
  to: recipients.optional(),
  cc: recipients.optional(),
  bcc: recipients.optional(),
  replyTo: recipients.optional(),
  sender: mailbox.optional(),
  subject: text.optional(),
  text: text.optional(),
  html: text.optional(),
  alternatives: z.array(strictObject({ contentType: text, content: text })).optional(),
  attachments: z.array(attachment).optional(),
  headers: z.record(text, texts).optional(),
  messageId: text.optional(),
  inReplyTo: texts.optional(),
  references: texts.optional(),
  date: moment.optional(),
  list: list.optional(),
  autoSubmitted: z.enum(['no', 'auto-generated', 'auto-replied', 'auto-notified']).optional(),
  precedence: z.enum(['bulk', 'list', 'junk']).optional(),
  priority: z.enum(['high', 'normal', 'low']).optional(),
  feedbackId: text.optional(),
  addresses: z.enum(['strict', 'as-received']).optional(),
  envelope: strictObject({ from: text.optional(), to: z.array(text).optional() }).optional(),
};

/** How a message is queued, as `enqueue()` of @mb/broker takes it. */
export const deliverySchema = strictObject({
  requireTls: z.boolean().optional().openapi({ description: 'Only over verified TLS (RFC 8689).' }),
  sign: z.enum(['attempt', 'enqueue']).optional(),
  expireAfterMs: milliseconds.optional().openapi({ description: 'Default: five days.' }),
  delayNoticeAfterMs: milliseconds.nullable().optional(),
  onUnknown: z.enum(['retry', 'hold', 'report']).optional(),
  notify: z.union([z.literal('never'), z.array(z.enum(['success', 'failure', 'delay'])).min(1)]).optional(),
  ret: z.enum(['full', 'headers']).optional(),
  envid: z.string().min(1).max(100).optional(),
});

const name = z.string().min(1).max(255);

/** Options beside the fields of a message. */
export const queueFields = {
  tenant: name.optional().openapi({ description: 'Only for keys of all tenants.' }),
  tag: name.optional().openapi({ description: 'A word by which messages can be selected later.' }),
  notBefore: moment.optional().openapi({ description: 'Nothing is attempted before.' }),
  delivery: deliverySchema.optional(),
};

/** A message and how it is queued. */
export const messageSchema = strictObject({ ...messageFields, ...queueFields }).openapi('Message');

/** A message of a batch. */
export const batchSchema = strictObject({
  messages: z
    .array(
      strictObject({ ...messageFields, ...queueFields, idempotencyKey: name.optional() }).openapi(
        'BatchMessage',
      ),
    )
    .min(1)
    .max(1000),
}).openapi('Batch');

const { to: _to, cc: _cc, bcc: _bcc, envelope: _envelope, ...templateFields } = messageFields;

/** A message with gaps, and the values of each recipient. */
export const templatedSchema = strictObject({
  template: strictObject(templateFields).openapi('Template'),
  recipients: z
    .array(
      strictObject({
        to: mailbox,
        values: z
          .record(z.string().min(1).max(200), z.union([z.string(), z.number(), z.null()]))
          .default({})
          .openapi({ description: 'By the name of the gap, in either case.' }),
        idempotencyKey: name.optional(),
      }),
    )
    .min(1)
    .max(1000),
  ...queueFields,
}).openapi('TemplatedMessages');

/** A message as a client sends it. */
export type MessageInput = z.infer<typeof messageSchema>;
/** How a client wants it queued. */
export type QueueInput = Pick<MessageInput, 'tenant' | 'tag' | 'notBefore' | 'delivery'>;

/** The message that @mb/mime composes. */
export function messageOf({ tenant, tag, notBefore, delivery, ...fields }: MessageInput): Message {
  const { date, attachments, ...rest } = fields;
  return {
    ...(rest as Omit<Message, 'attachments' | 'date'>),
    ...(date !== undefined && { date: new Date(date) }),
    ...(attachments && { attachments: attachments.map(attachmentOf) }),
  };
}

/** What `enqueue()` takes beside the message. */
export function enqueueOptionsOf({ tag, notBefore, delivery }: QueueInput): EnqueueOptions {
  return { tag, delivery, notBefore: notBefore === undefined ? undefined : new Date(notBefore) };
}

function attachmentOf({ content, ...rest }: z.infer<typeof attachment>): Attachment {
  return { ...(rest as Omit<Attachment, 'content'>), content: Buffer.from(content, 'base64') };
}

/** The value of an Idempotency-Key header. @throws {Problem} */
export function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  // The draft requires a quoted string; most clients send a bare one.
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (key.length >= 1 && key.length <= 255) return key;
  throw new Problem(400, 'MB_SERVER_HEADER', 'Idempotency-Key must have 1 to 255 characters.', {
    errors: [{ path: 'Idempotency-Key', message: 'must have 1 to 255 characters' }],
  });
}
