import { z } from '@hono/zod-openapi';
import type { MessageView } from '@mb/broker';
import type { ApiKey } from '../../api-keys.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, notFound, secured, sees, tenantFor } from '../api.ts';
import {
  eventSchema,
  eventView,
  messageSummarySchema,
  messageSummaryView,
  messageView,
  messageViewSchema,
  pageOf,
  pageQuery,
  stateSchema,
} from '../schema/view.ts';

const idParam = z.object({ id: z.string().min(1).max(100) });
const changed = json(z.object({ changed: z.int() }), 'How many recipients changed');

/** `/v1/messages`: look at messages and change them. */
// Long because it is a list of routes.
export function addMessageRoutes(api: Api, parts: ApiParts): void {
  addList(api, parts);
  addHistory(api, parts);
  const { queue } = parts.broker;
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/messages/{id}',
      summary: 'A message with its recipients',
      tags: ['messages'],
      request: { params: idParam },
      responses: { 200: json(messageViewSchema, 'The message') },
    }),
    async (context) => {
      const view = await visibleMessage(context.req.valid('param').id, context.get('key'), parts);
      return context.json(messageView(view), 200);
    },
  );
  api.openapi(
    secured('content', {
      method: 'get',
      path: '/v1/messages/{id}/content',
      summary: 'The octets of a message as they are queued',
      tags: ['messages'],
      request: { params: idParam },
      responses: {
        200: { description: 'The message', content: { 'message/rfc822': { schema: z.string() } } },
      },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const view = await visibleMessage(id, context.get('key'), parts);
      const chunks = queue.content(id)[Symbol.asyncIterator]();
      // Read before the status is sent: the content may be gone.
      const first = await chunks.next();
      return new Response(ReadableStream.from(withFirst(first, chunks)) as ReadableStream<Uint8Array>, {
        headers: {
          'content-type': 'message/rfc822',
          'content-length': String(view.size),
          'content-disposition': `attachment; filename="${id}.eml"`,
          // A browser must not show mail as a page of this server.
          'content-security-policy': "default-src 'none'; sandbox",
          'x-content-type-options': 'nosniff',
        },
      }) as never;
    },
  );
  for (const action of ['hold', 'release', 'cancel', 'retry'] as const) {
    api.openapi(
      secured('operate', {
        method: 'post',
        path: `/v1/messages/{id}/${action}`,
        summary: `${action[0]!.toUpperCase()}${action.slice(1)} the recipients of a message`,
        tags: ['messages'],
        request: { params: idParam },
        responses: { 200: changed },
      }),
      async (context) => {
        const { id } = context.req.valid('param');
        await visibleMessage(id, context.get('key'), parts);
        return context.json({ changed: await queue[action]({ messageId: id }) }, 200);
      },
    );
  }
}

/** An iteration of which the first result is known already. */
export function withFirst<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncIterable<T> {
  let known: IteratorResult<T> | undefined = first;
  const next = async () => {
    const result = known ?? (await rest.next());
    known = undefined;
    return result;
  };
  const end = async () => (await rest.return?.()) ?? { done: true as const, value: undefined };
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
}

const word = z.string().min(1).max(1000);
const moment = z.iso.datetime({ offset: true }).optional();

const listQuery = strictObject({
  ...pageQuery,
  search: word
    .optional()
    .openapi({ description: 'A part of the return path or of a recipient, in any case.' }),
  recipient: word.optional().openapi({ description: 'With this recipient.' }),
  sender: z.string().max(1000).optional().openapi({ description: 'With this return path.' }),
  domain: word.optional().openapi({ description: 'With a recipient in this domain.' }),
  state: stateSchema.optional().openapi({ description: 'With a recipient in this state.' }),
  tenant: word.optional(),
  tag: word.optional(),
  acceptedFrom: moment,
  acceptedBefore: moment,
});

function addList(api: Api, { broker }: ApiParts): void {
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/messages',
      summary: 'Messages, the latest first',
      description: 'A page may be short, even empty, while `next` says that there is more.',
      tags: ['messages'],
      request: { query: listQuery },
      responses: { 200: json(pageOf(messageSummarySchema), 'A page') },
    }),
    async (context) => {
      const { after, limit, tenant, acceptedFrom, acceptedBefore, ...rest } = context.req.valid('query');
      const owner = tenantFor(context.get('key'), tenant);
      const { rows, next } = await broker.queue.messages(
        {
          ...rest,
          tenant: owner,
          acceptedFrom: acceptedFrom === undefined ? undefined : Date.parse(acceptedFrom),
          acceptedBefore: acceptedBefore === undefined ? undefined : Date.parse(acceptedBefore),
        },
        { after, limit },
      );
      return context.json({ data: rows.map(messageSummaryView), ...(next !== undefined && { next }) }, 200);
    },
  );
}

function addHistory(api: Api, parts: ApiParts): void {
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/messages/{id}/events',
      summary: 'What happened to a message and its recipients, oldest first',
      description: 'A page may be empty while `next` says that there is more.',
      tags: ['messages'],
      request: { params: idParam, query: strictObject(pageQuery) },
      responses: { 200: json(pageOf(eventSchema), 'A page') },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      await visibleMessage(id, context.get('key'), parts);
      const { after, limit } = context.req.valid('query');
      const { rows, next } = await parts.broker.queue.history(id, { after, limit });
      return context.json({ data: rows.map(eventView), ...(next !== undefined && { next }) }, 200);
    },
  );
}

/** A message that the key may see. @throws {Problem} 404 */
export async function visibleMessage(
  id: string,
  key: ApiKey,
  { broker }: Pick<ApiParts, 'broker'>,
): Promise<MessageView> {
  const view = await broker.queue.show(id);
  if (!view || !sees(key, view.tenant)) throw notFound('message');
  return view;
}
