import { z } from '@hono/zod-openapi';
import type { EnqueueOptions, EnqueueResult, ReadyMessage } from '@mb/broker';
import { parseMessageTemplate } from '@mb/broker/template';
import type { MailboxInput, Message } from '@mb/mime';
import type { Context } from 'hono';
import type { ApiKey } from '../../api-keys.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiEnv, type ApiParts, json, requireScope, secured, tenantFor } from '../api.ts';
import { readBounded, refuseLong } from '../body.ts';
import { readFormMessage } from '../form-message.ts';
import { Problem, problemOf, problemOfSchema } from '../problem.ts';
import {
  batchSchema,
  enqueueOptionsOf,
  idempotencyKeyOf,
  type MessageInput,
  messageOf,
  messageSchema,
  type QueueInput,
  templatedSchema,
} from '../schema/message.ts';
import { acceptedSchema, acceptedView, problemSchema } from '../schema/view.ts';

/** Query of a message that is posted as `message/rfc822`. */
const readyQuery = strictObject({
  from: z.string().openapi({ description: 'Return path; empty for the null one.' }),
  to: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .openapi({ description: 'Repeated for each recipient.' }),
  tenant: z.string().min(1).max(255).optional(),
  tag: z.string().min(1).max(255).optional(),
  notBefore: z.iso.datetime({ offset: true }).optional(),
});

const batchResult = z.union([acceptedSchema, z.object({ error: problemSchema })]).openapi('BatchResult');

/** `/v1/messages`: accept messages one by one, in batches, or from a template. */
export function addAcceptRoutes(api: Api, parts: ApiParts): void {
  addPost(api, parts);
  addBatch(api, parts);
  addTemplated(api, parts);
}

/**
 * Registered by hand: JSON is checked by its schema, and a message that is ready is streamed into the queue, which a
 * validator would have to read first.
 */
function addPost(api: Api, parts: ApiParts): void {
  const route = secured('send', {
    method: 'post',
    path: '/v1/messages',
    summary: 'Accept a message',
    description:
      'Answers 202 when the message is durable. The same Idempotency-Key with the same message gives the same id again.',
    tags: ['messages'],
    request: {
      headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
      body: {
        required: true,
        content: {
          'application/json': { schema: messageSchema },
          'multipart/form-data': {
            schema: z.object({ message: messageSchema }).openapi({
              description:
                'The field `message` as JSON, then files: each is an attachment, or, where its field is `cid:` and a Content-ID, an inline part. Files are streamed.',
            }),
          },
          'message/rfc822': {
            schema: z.string().openapi({
              description: 'The message as it is. The query has its envelope: `?from=…&to=…&to=…`.',
            }),
          },
        },
      },
    },
    responses: { 202: json(acceptedSchema, 'The message is durable') },
  });
  const { middleware: _, ...documented } = route;
  api.openAPIRegistry.registerPath(documented);
  api.post('/v1/messages', async (context) => {
    const key = context.get('key');
    requireScope(key, 'send');
    const idempotencyKey = idempotencyKeyOf(context.req.header('idempotency-key'));
    const type = mediaType(context);
    const call: AcceptCall = { key, parts, idempotencyKey };
    const result = await acceptAs(type, context, call);
    const location = result.id === undefined ? {} : { location: `/v1/messages/${result.id}` };
    return context.json(acceptedView(result), 202, location);
  });
}

function acceptAs(type: string, context: Context<ApiEnv>, call: AcceptCall): Promise<EnqueueResult> {
  switch (type) {
    case 'application/json':
      return readJson(context, call.parts.maxMessageBytes).then((input) => acceptJson(input, call));
    case 'multipart/form-data':
      return acceptForm(context, { ...call, signal: context.req.raw.signal });
    case 'message/rfc822':
      return acceptReady(context, { ...call, signal: context.req.raw.signal });
    default:
      return unsupported(type);
  }
}

/** The message as JSON in a field, and its attachments as files. */
async function acceptForm(context: Context<ApiEnv>, call: AcceptCall): Promise<EnqueueResult> {
  await using form = await readFormMessage(context.req.raw, call.parts.maxMessageBytes);
  const input = readMessage(form.json);
  const message = messageOf(input);
  const attachments = [...(message.attachments ?? []), ...form.attachments];
  // The files of the form are there until this function ends.
  return await accept({ ...message, ...(attachments.length > 0 && { attachments }) }, input, call);
}

function addBatch(api: Api, parts: ApiParts): void {
  api.openapi(
    secured('send', {
      method: 'post',
      path: '/v1/messages/batch',
      summary: 'Accept up to 1,000 messages',
      description:
        'Each message has a result of its own, in order; one that is refused does not keep the others out.',
      tags: ['messages'],
      request: { body: { required: true, content: { 'application/json': { schema: batchSchema } } } },
      responses: { 200: json(z.object({ results: z.array(batchResult) }), 'A result for each message') },
    }),
    async (context) => {
      const call = { key: context.get('key'), parts };
      const results = await mapLimited(
        context.req.valid('json').messages,
        16,
        ({ idempotencyKey, ...message }) =>
          resultOf(parts, () => acceptJson(message, { ...call, idempotencyKey })),
      );
      return context.json({ results }, 200);
    },
  );
}

function addTemplated(api: Api, parts: ApiParts): void {
  api.openapi(
    secured('send', {
      method: 'post',
      path: '/v1/messages/templated',
      summary: 'Accept one message for each of up to 1,000 recipients, with values of their own',
      description:
        'Gaps such as `{{name}}` or `{{name|friend}}` may be in the subject, text, HTML, header fields and unsubscribe links; values are escaped for where they go. Each recipient has a result, in order; a value that is missing is an error of its recipient.',
      tags: ['messages'],
      request: { body: { required: true, content: { 'application/json': { schema: templatedSchema } } } },
      responses: { 200: json(z.object({ results: z.array(batchResult) }), 'A result for each recipient') },
    }),
    async (context) => {
      const { template, recipients, ...input } = context.req.valid('json');
      const { render } = parseMessageTemplate(messageOf(template));
      const call = { key: context.get('key'), parts };
      const results = await mapLimited(recipients, 16, ({ to, values, idempotencyKey }) =>
        resultOf(parts, async () =>
          accept({ ...render(values), to: to as MailboxInput }, input, { ...call, idempotencyKey }),
        ),
      );
      return context.json({ results }, 200);
    },
  );
}

/** The result of one message of a batch. */
async function resultOf(
  { onError }: ApiParts,
  work: () => Promise<EnqueueResult>,
): Promise<z.infer<typeof batchResult>> {
  try {
    return acceptedView(await work());
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 500) onError(problem.cause ?? problem);
    return { error: (await problem.toResponse().json()) as z.infer<typeof problemSchema> };
  }
}

interface AcceptCall {
  readonly key: ApiKey;
  readonly parts: ApiParts;
  readonly idempotencyKey: string | undefined;
  /** Of a request whose body is still coming in. */
  readonly signal?: AbortSignal;
}

function acceptJson(input: MessageInput, call: AcceptCall): Promise<EnqueueResult> {
  return accept(messageOf(input), input, call);
}

async function accept(
  message: Message | ReadyMessage,
  input: QueueInput,
  { key, parts, idempotencyKey, signal }: AcceptCall,
): Promise<EnqueueResult> {
  const options: EnqueueOptions = {
    ...enqueueOptionsOf(input),
    tenant: tenantFor(key, input.tenant),
    senderDomains: key.senderDomains,
    idempotencyKey,
    signal,
  };
  return parts.broker.enqueue(message, options);
}

async function acceptReady(context: Context<ApiEnv>, call: AcceptCall): Promise<EnqueueResult> {
  const checked = readyQuery.safeParse(queryOf(context));
  if (!checked.success) throw problemOfSchema(checked.error.issues, 'query');
  const { from, to, ...input } = checked.data;
  refuseLong(context.req.raw, call.parts.maxMessageBytes);
  const { body } = context.req.raw;
  if (!body) throw new Problem(400, 'MB_SERVER_BODY', 'The request has no body; it must be the message.');
  const message: ReadyMessage = { raw: body, envelope: { from, to: [to].flat() } };
  return accept(message, input, call);
}

function queryOf(context: Context<ApiEnv>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(context.req.queries()).map(([name, values]) => [
      name,
      values.length === 1 ? values[0]! : values,
    ]),
  );
}

async function readJson(context: Context<ApiEnv>, maxMessageBytes: number): Promise<MessageInput> {
  // Base64 and JSON take at most a third more than the octets, and as much again for escapes in text.
  const maxBytes = maxMessageBytes * 2;
  return readMessage(await readBounded(context.req.raw, maxBytes));
}

/** @throws {Problem} 400 or 422 */
function readMessage(json: Uint8Array | string): MessageInput {
  const checked = messageSchema.safeParse(parseJson(json));
  if (!checked.success) throw problemOfSchema(checked.error.issues, 'json');
  return checked.data;
}

function parseJson(given: Uint8Array | string): unknown {
  try {
    const text = typeof given === 'string' ? given : new TextDecoder('utf-8', { fatal: true }).decode(given);
    return JSON.parse(text);
  } catch (cause) {
    throw new Problem(400, 'MB_SERVER_JSON', `The body is not JSON in UTF-8: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

function mediaType(context: Context<ApiEnv>): string {
  return (context.req.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
}

function unsupported(type: string): never {
  const found =
    type === ''
      ? 'The request has no Content-Type'
      : `A message cannot be ${JSON.stringify(type.slice(0, 80))}`;
  throw new Problem(
    415,
    'MB_SERVER_MEDIA_TYPE',
    `${found}; send application/json, multipart/form-data or message/rfc822.`,
  );
}

/** Maps items in order, some at once. */
async function mapLimited<Item, Result>(
  items: readonly Item[],
  limit: number,
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  const run = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await map(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, run));
  return results;
}
