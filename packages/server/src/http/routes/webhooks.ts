import { z } from '@hono/zod-openapi';
import type { WebhookEndpoint } from '@mb/broker';
import type { ApiKey } from '../../api-keys.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, notFound, secured, tenantFor } from '../api.ts';
import { pageOf, pageQuery } from '../schema/view.ts';
import {
  attemptSchema,
  attemptView,
  deadLetterSchema,
  deadLetterView,
  newWebhookSchema,
  replaySchema,
  rotateSchema,
  webhookChangesSchema,
  webhookSchema,
  webhookView,
  webhookWithSecretSchema,
} from '../schema/webhook.ts';

const params = z.object({ id: z.string().min(1).max(100) });
const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { 'application/json': { schema } },
});
const tags = ['webhooks'];

/** `/v1/webhooks`: programs that are notified of what happens. A key of one tenant sees and makes those of its tenant. */
// Long because it is a list of routes.
export function addWebhookRoutes(api: Api, { broker }: ApiParts): void {
  const viewOf = async (endpoint: WebhookEndpoint) =>
    webhookView(endpoint, await broker.webhooks.status(endpoint.id));
  /** The same answer for what is not there and for what is another tenant's. */
  const visible = async (key: ApiKey, id: string): Promise<WebhookEndpoint> => {
    const endpoint = await broker.webhooks.get(id);
    if (endpoint && (key.tenant === undefined || endpoint.tenant === key.tenant)) return endpoint;
    throw notFound('webhook');
  };
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/webhooks',
      summary: 'Webhooks with their status',
      tags,
      request: { query: strictObject(pageQuery) },
      responses: { 200: json(pageOf(webhookSchema), 'A page; it may be short while there is more') },
    }),
    async (context) => {
      const { tenant } = context.get('key');
      const page = { ...context.req.valid('query'), ...(tenant !== undefined && { tenant }) };
      const { rows, next } = await broker.webhooks.list(page);
      const data = await Promise.all(rows.map(viewOf));
      return context.json({ data, ...(next !== undefined && { next }) }, 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'post',
      path: '/v1/webhooks',
      summary: 'Add a webhook',
      description:
        'It is notified of what happens from now on. Calls are signed as Standard Webhooks; the secret is shown once. A host with an address that is not public is refused unless the operator permits it.',
      tags,
      request: { body: body(newWebhookSchema) },
      responses: { 201: json(webhookWithSecretSchema, 'The webhook, with its secret') },
    }),
    async (context) => {
      const { tenant: asked, ...given } = context.req.valid('json');
      const tenant = tenantFor(context.get('key'), asked);
      const { endpoint, secret } = await broker.webhooks.add({
        ...given,
        ...(tenant !== undefined && { tenant }),
      });
      return context.json({ ...webhookView(endpoint), secret }, 201, {
        location: `/v1/webhooks/${endpoint.id}`,
      });
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/webhooks/{id}',
      summary: 'One webhook',
      tags,
      request: { params },
      responses: { 200: json(webhookSchema, 'The webhook') },
    }),
    async (context) => {
      const endpoint = await visible(context.get('key'), context.req.valid('param').id);
      return context.json(await viewOf(endpoint), 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'patch',
      path: '/v1/webhooks/{id}',
      summary: 'Change a webhook',
      description:
        'Fields that are left out keep their values; `null` removes a part of the filter. A webhook that is enabled again continues where it stopped.',
      tags,
      request: { params, body: body(webhookChangesSchema) },
      responses: { 200: json(webhookSchema, 'The webhook') },
    }),
    async (context) => {
      const key = context.get('key');
      const { id } = await visible(key, context.req.valid('param').id);
      const changes = context.req.valid('json');
      // Without its tenant it would see the events of all.
      if (changes.tenant !== undefined) tenantFor(key, changes.tenant ?? '');
      return context.json(await viewOf(await broker.webhooks.change(id, changes)), 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'delete',
      path: '/v1/webhooks/{id}',
      summary: 'Remove a webhook with all that waits for it',
      tags,
      request: { params },
      responses: { 204: { description: 'It is removed' } },
    }),
    async (context) => {
      const { id } = await visible(context.get('key'), context.req.valid('param').id);
      await broker.webhooks.remove(id);
      return context.body(null, 204);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'post',
      path: '/v1/webhooks/{id}/rotate-secret',
      summary: 'Give a webhook another secret',
      description: 'Until the overlap ends, calls are signed with both secrets.',
      tags,
      request: { params, body: body(rotateSchema) },
      responses: { 200: json(webhookWithSecretSchema, 'The webhook, with its new secret') },
    }),
    async (context) => {
      const { id } = await visible(context.get('key'), context.req.valid('param').id);
      const { endpoint, secret } = await broker.webhooks.rotateSecret(id, context.req.valid('json'));
      return context.json({ ...webhookView(endpoint), secret }, 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'post',
      path: '/v1/webhooks/{id}/test',
      summary: 'Call a webhook once with an event of type `test`',
      tags,
      request: { params },
      responses: { 200: json(attemptSchema, 'The result of the call') },
    }),
    async (context) => {
      const { id } = await visible(context.get('key'), context.req.valid('param').id);
      return context.json(attemptView(await broker.webhooks.test(id)), 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/webhooks/{id}/attempts',
      summary: 'The latest calls of a webhook, the newest first',
      description: 'At most 100 are kept.',
      tags,
      request: { params },
      responses: { 200: json(z.object({ data: z.array(attemptSchema) }), 'The calls') },
    }),
    async (context) => {
      const { id } = await visible(context.get('key'), context.req.valid('param').id);
      return context.json({ data: (await broker.webhooks.attempts(id)).map(attemptView) }, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/webhooks/{id}/dead-letters',
      summary: 'Events that could not be delivered, the oldest first',
      tags,
      request: { params, query: strictObject(pageQuery) },
      responses: { 200: json(pageOf(deadLetterSchema), 'A page') },
    }),
    async (context) => {
      const { id } = await visible(context.get('key'), context.req.valid('param').id);
      const { rows, next } = await broker.webhooks.deadLetters(id, context.req.valid('query'));
      return context.json({ data: rows.map(deadLetterView), ...(next !== undefined && { next }) }, 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'post',
      path: '/v1/webhooks/{id}/replay',
      summary: 'Deliver dead letters again',
      description: 'Chosen by their ids, or by the time of their events, from `from` to `to`.',
      tags,
      request: { params, body: body(replaySchema) },
      responses: { 200: json(z.object({ replayed: z.int() }), 'How many') },
    }),
    async (context) => {
      const { id } = await visible(context.get('key'), context.req.valid('param').id);
      const { ids, from, to } = context.req.valid('json');
      const replayed = await broker.webhooks.replay(id, {
        ids,
        from: from === undefined ? undefined : Date.parse(from),
        to: to === undefined ? undefined : Date.parse(to),
      });
      return context.json({ replayed }, 200);
    },
  );
}
