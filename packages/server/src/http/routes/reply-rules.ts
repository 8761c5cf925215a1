import { z } from '@hono/zod-openapi';
import type { ReplyRule } from '@mb/broker';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, requireAllTenants, secured } from '../api.ts';
import { replyRuleSchema } from '../schema/reply-rule.ts';

const version = z
  .int()
  .min(0)
  .openapi({ description: 'Grows with each change; 0 when none were ever stored.' });
const stored = z
  .object({
    rules: z.array(replyRuleSchema).openapi({ description: 'In the order in which they are tried.' }),
    version,
  })
  .openapi('ReplyRules');
const replacement = strictObject({
  rules: z.array(replyRuleSchema).max(200),
  version: version
    .optional()
    .openapi({ description: 'Replace only if they are still of this version; 409 otherwise.' }),
}).openapi('NewReplyRules');

/** `/v1/reply-rules`: what replies mean, tried before the rules of workers. They are shared by all tenants. */
export function addReplyRuleRoutes(api: Api, { broker }: ApiParts): void {
  const { queue } = broker;
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/reply-rules',
      summary: 'Rules of replies that workers try first',
      tags: ['destinations'],
      responses: { 200: json(stored, 'The rules') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const { rules, version } = await queue.replyRules();
      return context.json({ rules: [...rules] as z.infer<typeof replyRuleSchema>[], version }, 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'put',
      path: '/v1/reply-rules',
      summary: 'Replace the rules of replies',
      description:
        'All workers follow within seconds. With an empty list only the rules of the workers apply.',
      tags: ['destinations'],
      request: { body: { required: true, content: { 'application/json': { schema: replacement } } } },
      responses: { 200: json(stored, 'The rules as they are now') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const { rules: given, version: ifVersion } = context.req.valid('json');
      const condition = ifVersion === undefined ? {} : { ifVersion };
      const { version } = await queue.setReplyRules(given as readonly ReplyRule[], condition);
      return context.json({ rules: given, version }, 200);
    },
  );
}
