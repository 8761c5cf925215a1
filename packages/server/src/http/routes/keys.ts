import { z } from '@hono/zod-openapi';
import { newApiKeySchema } from '../../api-keys.ts';
import {
  type Api,
  type ApiParts,
  json,
  notFound,
  requireAllTenants,
  secured,
  sees,
  tenantFor,
} from '../api.ts';
import { keySchema, pageOf, pageQuery } from '../schema/view.ts';

const idParam = z.object({ id: z.string().min(1).max(100) });
const created = keySchema
  .extend({ token: z.string().openapi({ description: 'What the client sends. Shown once.' }) })
  .openapi('CreatedApiKey');

/** `/v1/keys`: who may use this API. */
export function addKeyRoutes(api: Api, { keys }: ApiParts): void {
  api.openapi(
    secured('admin', {
      method: 'post',
      path: '/v1/keys',
      summary: 'Make a key',
      description: 'A key of one tenant makes keys of its own tenant only, with no scope that it lacks.',
      tags: ['keys'],
      request: { body: { required: true, content: { 'application/json': { schema: newApiKeySchema } } } },
      responses: { 201: json(created, 'The key, with its token') },
    }),
    async (context) => {
      const own = context.get('key');
      const given = context.req.valid('json');
      const tenant = tenantFor(own, given.tenant);
      const { key, token } = await keys.create({ ...given, ...(tenant !== undefined && { tenant }) });
      return context.json({ ...key, token }, 201, { location: `/v1/keys/${key.id}` });
    },
  );
  api.openapi(
    secured('admin', {
      method: 'get',
      path: '/v1/keys',
      summary: 'All keys',
      tags: ['keys'],
      request: { query: z.strictObject(pageQuery) },
      responses: { 200: json(pageOf(keySchema), 'A page') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const { rows, next } = await keys.list(context.req.valid('query'));
      return context.json({ data: [...rows], ...(next !== undefined && { next }) }, 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'delete',
      path: '/v1/keys/{id}',
      summary: 'Revoke a key',
      description: 'It ends here at once, and on other servers within a second.',
      tags: ['keys'],
      request: { params: idParam },
      responses: { 204: { description: 'It is revoked' } },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const key = await keys.get(id);
      if (!key || !sees(context.get('key'), key.tenant ?? '')) throw notFound('key');
      await keys.revoke(id);
      return context.body(null, 204);
    },
  );
}
