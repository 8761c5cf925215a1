import { z } from '@hono/zod-openapi';
import { BrokerError } from '@mb/broker';
import { formatZoneFile, type ManagedDomain, type ManagedDomains } from '@mb/broker/domains';
import type { ApiKey } from '../../api-keys.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, json, notFound, secured, sees, tenantFor } from '../api.ts';
import {
  domainChangesSchema,
  domainCheckSchema,
  domainCheckView,
  domainSchema,
  domainView,
  mtaStsSchema,
  newDomainSchema,
} from '../schema/domain.ts';
import { pageOf, pageQuery } from '../schema/view.ts';

const tags = ['domains'];
const params = z.object({ domain: z.string().min(1).max(255) });
const keyParams = params.extend({ selector: z.string().min(1).max(255) });

/**
 * `/v1/domains`: the domains that mail is sent as, with keys that are rotated. A key of one tenant sees and adds
 * domains of its tenant.
 */
// Long because it is a list of routes.
export function addDomainRoutes(api: Api, domains: ManagedDomains): void {
  /** The same answer for what is not there and for what is another tenant's. */
  const visible = async (key: ApiKey, name: string): Promise<ManagedDomain> => {
    const domain = await domains.get(name).catch((error: unknown) => {
      if (BrokerError.isInstance(error) && /^MB_BROKER_(?:NOT_FOUND|DOMAIN)$/.test(error.code))
        return undefined;
      throw error;
    });
    if (domain && sees(key, domain.tenant ?? '')) return domain;
    throw notFound('domain');
  };
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/domains',
      summary: 'Domains that mail is sent as',
      tags,
      request: { query: strictObject(pageQuery) },
      responses: { 200: json(pageOf(domainSchema), 'A page; it may be short while there is more') },
    }),
    async (context) => {
      const key = context.get('key');
      const { rows, next } = await domains.list(context.req.valid('query'));
      const data = rows.filter(({ tenant }) => sees(key, tenant ?? '')).map(domainView);
      return context.json({ data, ...(next !== undefined && { next }) }, 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'post',
      path: '/v1/domains',
      summary: 'Add a domain',
      description:
        'Its first keys are made. Mail of the domain waits until every authoritative server has their records.',
      tags,
      request: { body: { required: true, content: { 'application/json': { schema: newDomainSchema } } } },
      responses: { 201: json(domainSchema, 'The domain, with the records to publish') },
    }),
    async (context) => {
      const { tenant: asked, ...given } = context.req.valid('json');
      const tenant = tenantFor(context.get('key'), asked);
      const added = await domains.add({ ...given, ...(tenant !== undefined && { tenant }) });
      return context.json(domainView(added), 201, { location: `/v1/domains/${added.domain}` });
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/domains/{domain}',
      summary: 'A domain with its keys, and the records to publish',
      tags,
      request: { params },
      responses: { 200: json(domainSchema, 'The domain') },
    }),
    async (context) => {
      const found = await visible(context.get('key'), context.req.valid('param').domain);
      return context.json(domainView(found), 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'patch',
      path: '/v1/domains/{domain}',
      summary: 'Change the settings of a domain',
      description: 'Fields that are left out keep their values; `null` restores the default.',
      tags,
      request: {
        params,
        body: { required: true, content: { 'application/json': { schema: domainChangesSchema } } },
      },
      responses: { 200: json(domainSchema, 'The domain, with the records to publish') },
    }),
    async (context) => {
      const key = context.get('key');
      const { domain } = await visible(key, context.req.valid('param').domain);
      const { ifVersion, ...changes } = context.req.valid('json');
      // A key of one tenant cannot give its domain to another tenant.
      if (changes.tenant !== undefined) tenantFor(key, changes.tenant ?? '');
      return context.json(domainView(await domains.change(domain, changes, { ifVersion })), 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/domains/{domain}/mta-sts',
      summary: 'The file that belongs to the _mta-sts record of a domain',
      tags,
      request: { params },
      responses: { 200: json(mtaStsSchema, 'The file, and where it belongs') },
    }),
    async (context) => {
      const { domain } = await visible(context.get('key'), context.req.valid('param').domain);
      return context.json({ ...(await domains.mtaSts(domain)) }, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/domains/{domain}/zone',
      summary: 'The records to publish, as lines of a zone file',
      tags,
      request: { params },
      responses: {
        200: { description: 'The lines', content: { 'text/plain': { schema: z.string() } } },
      },
    }),
    async (context) => {
      const { records } = await visible(context.get('key'), context.req.valid('param').domain);
      return context.text(formatZoneFile(records), 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'post',
      path: '/v1/domains/{domain}/check',
      summary: 'Ask all authoritative servers for the records of a domain, and advance its keys',
      tags,
      request: { params },
      responses: { 200: json(domainCheckSchema, 'What they say') },
    }),
    async (context) => {
      const { domain } = await visible(context.get('key'), context.req.valid('param').domain);
      return context.json(domainCheckView(await domains.check(domain)), 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'post',
      path: '/v1/domains/{domain}/rotate',
      summary: 'Make the next keys of a domain',
      description:
        'They sign when every authoritative server has had their records for long enough. The old ones must stay published for another week.',
      tags,
      request: { params },
      responses: { 200: json(domainSchema, 'The domain, with the records to publish') },
    }),
    async (context) => {
      const { domain } = await visible(context.get('key'), context.req.valid('param').domain);
      return context.json(domainView(await domains.rotate(domain)), 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'delete',
      path: '/v1/domains/{domain}/keys/{selector}',
      summary: 'Remove a key, with the keys that were made together with it',
      description:
        'Removes a key that does not sign yet, which ends the rotation, or one that is no longer needed.',
      tags,
      request: {
        params: keyParams,
        query: strictObject({
          force: z.enum(['true', 'false']).optional().openapi({
            description: 'Also remove a key that is retiring: mail on its way may then fail to verify.',
          }),
        }),
      },
      responses: { 200: json(domainSchema, 'The domain') },
    }),
    async (context) => {
      const { domain: name, selector } = context.req.valid('param');
      const { domain } = await visible(context.get('key'), name);
      const force = context.req.valid('query').force === 'true';
      return context.json(domainView(await domains.removeKey(domain, selector, { force })), 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'delete',
      path: '/v1/domains/{domain}',
      summary: 'Remove a domain with its keys',
      tags,
      request: { params },
      responses: { 204: { description: 'It is removed' } },
    }),
    async (context) => {
      const { domain } = await visible(context.get('key'), context.req.valid('param').domain);
      await domains.remove(domain);
      return context.body(null, 204);
    },
  );
}
