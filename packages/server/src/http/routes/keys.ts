import { z } from '@hono/zod-openapi';
import { printableText } from '@mb/broker';
import { type ApiKey, type NewApiKey, newApiKeySchema } from '../../api-keys.ts';
import { strictObject } from '../../strict-object.ts';
import {
  type Api,
  type ApiParts,
  json,
  notFound,
  requireAllTenants,
  requireScope,
  secured,
  sees,
  tenantFor,
} from '../api.ts';
import { Problem } from '../problem.ts';
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
      description:
        'A key of one tenant makes keys of its own tenant only, with no scope, sender domain, lifetime or rate beyond its own.',
      tags: ['keys'],
      request: { body: { required: true, content: { 'application/json': { schema: newApiKeySchema } } } },
      responses: { 201: json(created, 'The key, with its token') },
    }),
    async (context) => {
      const own = context.get('key');
      const given = context.req.valid('json');
      const { key, token } = await keys.create(
        within(own, { ...given, tenant: tenantFor(own, given.tenant) }),
      );
      return context.json({ ...key, token }, 201, { location: `/v1/keys/${key.id}` });
    },
  );
  api.openapi(
    secured('admin', {
      method: 'get',
      path: '/v1/keys',
      summary: 'All keys',
      tags: ['keys'],
      request: { query: strictObject(pageQuery) },
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

/**
 * Limits what a key of one tenant gives to a new key: nothing that it lacks itself. Fields that are left out are copied
 * from it.
 *
 * @throws {Problem} 403
 */
function within(own: ApiKey, given: NewApiKey): NewApiKey {
  if (own.tenant === undefined) return given;
  for (const scope of given.scopes) requireScope(own, scope);
  const {
    senderDomains = own.senderDomains,
    expiresAt = own.expiresAt,
    requestsPerMinute = own.requestsPerMinute,
  } = given;
  const foreign = senderDomains?.find((domain) => !covers(own.senderDomains, domain));
  if (foreign !== undefined) {
    throw new Problem(403, 'MB_SERVER_TENANT', `This key may not send as ${printableText(foreign)}.`);
  }
  if (
    expiresAt !== undefined &&
    own.expiresAt !== undefined &&
    Date.parse(expiresAt) > Date.parse(own.expiresAt)
  ) {
    throw new Problem(403, 'MB_SERVER_TENANT', 'A new key may not live longer than this one.');
  }
  if ((requestsPerMinute ?? 0) > (own.requestsPerMinute ?? Number.POSITIVE_INFINITY)) {
    throw new Problem(403, 'MB_SERVER_TENANT', 'A new key may not have a higher rate than this one.');
  }
  return { ...given, senderDomains, expiresAt, requestsPerMinute };
}

/** Whether a key with these domains may send all mail of a domain, or with `*.` of all domains below it. */
function covers(domains: readonly string[] | undefined, domain: string): boolean {
  if (domains === undefined) return true;
  const wanted = domain.toLowerCase();
  return domains.some((one) => {
    const own = one.toLowerCase();
    return own === wanted || (own.startsWith('*.') && wanted.replace(/^\*\./, '').endsWith(own.slice(1)));
  });
}
