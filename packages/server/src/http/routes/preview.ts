import { z } from '@hono/zod-openapi';
import { type Mailbox, type ParsedMessage, parseMessage } from '@mb/mime';
import { type Api, type ApiParts, json, secured } from '../api.ts';
import { Problem } from '../problem.ts';
import { visibleMessage } from './messages.ts';

/** Longest message that is parsed for a preview, in octets: it is held in memory. */
const maxPreviewBytes = 25 * 1024 * 1024;
/** Longest text of a preview, in characters. */
const maxText = 200_000;
/** Octets of all pictures that are put into the HTML. */
const maxPictureBytes = 5 * 1024 * 1024;

const idParam = z.object({ id: z.string().min(1).max(100) });
const preview = z
  .object({
    subject: z.string().optional(),
    from: z.string(),
    to: z.string(),
    cc: z.string(),
    date: z.iso.datetime().optional(),
    messageId: z.string().optional(),
    text: z.string().optional().openapi({ description: 'At most 200,000 characters.' }),
    html: z.boolean().openapi({ description: 'Whether there is HTML; /html gives it.' }),
    attachments: z.array(
      z.object({ filename: z.string().optional(), contentType: z.string(), sizeBytes: z.int() }),
    ),
    signatures: z
      .array(z.object({ domain: z.string(), selector: z.string() }))
      .openapi({ description: 'DKIM signatures that the message was accepted with.' }),
  })
  .openapi('Preview');

/** `/v1/messages/{id}/preview` and `/html`: a message as a person would see it. */
export function addPreviewRoutes(api: Api, parts: ApiParts): void {
  api.openapi(
    secured('content', {
      method: 'get',
      path: '/v1/messages/{id}/preview',
      summary: 'A message as a person would see it, without its HTML',
      tags: ['messages'],
      request: { params: idParam },
      responses: { 200: json(preview, 'The message') },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      await visibleMessage(id, context.get('key'), parts);
      return context.json(previewOf(await parsedMessage(id, parts)), 200, { 'cache-control': 'no-store' });
    },
  );
  api.openapi(
    secured('content', {
      method: 'get',
      path: '/v1/messages/{id}/html',
      summary: 'The HTML of a message, for a frame',
      description:
        'The policy of the response forbids scripts, forms and loading; pictures of the message are embedded.',
      tags: ['messages'],
      request: { params: idParam },
      responses: { 200: { description: 'The HTML', content: { 'text/html': { schema: z.string() } } } },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      await visibleMessage(id, context.get('key'), parts);
      const message = await parsedMessage(id, parts);
      if (message.html === undefined) {
        throw new Problem(404, 'MB_SERVER_NOT_FOUND', 'The message has no HTML.');
      }
      return new Response(withPictures(message.html, message), {
        headers: {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy':
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'",
          'x-content-type-options': 'nosniff',
          'cache-control': 'no-store',
        },
      }) as never;
    },
  );
}

/** @throws {Problem} 413 */
async function parsedMessage(id: string, { broker }: ApiParts): Promise<ParsedMessage> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of broker.queue.content(id)) {
    length += chunk.length;
    if (length > maxPreviewBytes) {
      throw new Problem(
        413,
        'MB_BROKER_MESSAGE_TOO_LARGE',
        `A preview is made of messages of at most ${maxPreviewBytes} octets; load the content instead.`,
      );
    }
    chunks.push(chunk);
  }
  return parseMessage(Buffer.concat(chunks));
}

function previewOf(message: ParsedMessage): z.infer<typeof preview> {
  const { subject, from, to, cc, date, messageId, text, html, attachments, headers } = message;
  return {
    ...(subject !== undefined && { subject }),
    from: addressesOf(from),
    to: addressesOf(to),
    cc: addressesOf(cc),
    ...(date && !Number.isNaN(date.getTime()) && { date: date.toISOString() }),
    ...(messageId !== undefined && { messageId }),
    ...(text !== undefined && { text: text.slice(0, maxText).toWellFormed() }),
    html: html !== undefined,
    attachments: attachments.map(({ filename, contentType, content }) => ({
      ...(filename !== undefined && { filename }),
      contentType,
      sizeBytes: content?.length ?? 0,
    })),
    signatures: signaturesOf(headers.getAll('DKIM-Signature')),
  };
}

function addressesOf(list: ParsedMessage['from']): string {
  const mailboxes: readonly Mailbox[] = list.flatMap((one) => ('members' in one ? one.members : [one]));
  // For people: the name as text, not as it is written in a header.
  return mailboxes.map(({ name, address }) => (name ? `${name} <${address}>` : address)).join(', ');
}

/** RFC 6376 §3.5 */
function signaturesOf(fields: readonly string[]): { domain: string; selector: string }[] {
  return fields.flatMap((field) => {
    const tags = new Map(
      field.split(';').map((tag) => {
        const at = tag.indexOf('=');
        return [tag.slice(0, at).trim(), tag.slice(at + 1).replace(/\s+/g, '')] as const;
      }),
    );
    const [domain, selector] = [tags.get('d'), tags.get('s')];
    return domain && selector ? [{ domain, selector }] : [];
  });
}

/** Pictures that the HTML names by Content-ID (RFC 2392) are put into it, since the frame loads nothing. */
function withPictures(html: string, { attachments }: ParsedMessage): string {
  let left = maxPictureBytes;
  const pictures = new Map(
    attachments
      .filter(({ contentType }) => /^image\/(?:png|jpeg|gif|webp|avif|bmp)$/i.test(contentType))
      .map((attachment) => [attachment.contentId?.replace(/^<|>$/g, ''), attachment] as const),
  );
  return html.replace(/\bcid:([^"'\s)>]{1,500})/gi, (whole, name: string) => {
    const picture = pictures.get(decoded(name));
    const content = picture?.content;
    if (!content || content.length > left) return whole;
    left -= content.length;
    return `data:${picture.contentType};base64,${Buffer.from(content).toString('base64')}`;
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
