import { z } from '@hono/zod-openapi';
import type { ListSelector, QueueControl, Selector } from '@mb/broker';
import type { ApiKey } from '../../api-keys.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, secured, tenantFor } from '../api.ts';
import { Problem } from '../problem.ts';
import { pageOf, pageQuery, recipientSchema, recipientView, stateSchema } from '../schema/view.ts';

const word = z.string().min(1).max(1000);

/** Conditions that choose recipients; they are joined by "and". */
const conditions = {
  messageId: word.optional(),
  tenant: word.optional(),
  tag: word.optional(),
  destination: word.optional(),
  domain: word.optional(),
  state: stateSchema.optional(),
};

const countSchema = z.object({ count: z.int(), next: z.string().optional() }).openapi('RecipientCount');

const selectorSchema = strictObject({
  ...conditions,
  all: z
    .literal(true)
    .optional()
    .openapi({ description: 'The whole queue, or all of the tenant. Alone only.' }),
  atMost: z.int().min(0).optional().openapi({
    description:
      'Changes nothing and answers 409 when the conditions choose more recipients than this: what a person has confirmed.',
  }),
}).openapi('Selector');

type Conditions = Omit<z.infer<typeof selectorSchema>, 'all' | 'atMost'>;

/** `/v1/recipients`: the queue, recipient by recipient. */
export function addRecipientRoutes(api: Api, { broker }: ApiParts): void {
  const { queue } = broker;
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/recipients',
      summary: 'Recipients that the conditions choose',
      tags: ['recipients'],
      request: { query: strictObject({ ...conditions, ...pageQuery }) },
      responses: { 200: json(pageOf(recipientSchema), 'A page; it may be short while `next` is there') },
    }),
    async (context) => {
      const { after, limit, ...given } = context.req.valid('query');
      const selector = conditionsOf(context.get('key'), given);
      const { rows, next } = await queue.list(selector as ListSelector, { after, limit });
      return context.json({ data: rows.map(recipientView), ...(next !== undefined && { next }) }, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/recipients/count',
      summary: 'How many recipients the conditions choose',
      description:
        'A call counts a part of the queue: while the answer has `next`, give it as `after` and add the counts. Without conditions the whole queue is counted, or all of the tenant.',
      tags: ['recipients'],
      request: { query: strictObject({ ...conditions, after: pageQuery.after }) },
      responses: { 200: json(countSchema, 'The count of a part') },
    }),
    async (context) => {
      const { after, ...given } = context.req.valid('query');
      const selector = conditionsOf(context.get('key'), given);
      return context.json(await queue.count(selector as ListSelector, { after }), 200);
    },
  );
  for (const action of ['hold', 'release', 'cancel', 'retry'] as const) {
    api.openapi(
      secured('operate', {
        method: 'post',
        path: `/v1/recipients/${action}`,
        summary: `${action[0]!.toUpperCase()}${action.slice(1)} recipients`,
        description: 'At least one condition, or `{"all": true}`.',
        tags: ['recipients'],
        request: { body: { required: true, content: { 'application/json': { schema: selectorSchema } } } },
        responses: { 200: json(z.object({ changed: z.int() }), 'How many recipients changed') },
      }),
      async (context) => {
        const { atMost, ...conditions } = context.req.valid('json');
        const selector = selectorOf(context.get('key'), conditions);
        if (atMost !== undefined) await checkCount(queue, selector, atMost);
        return context.json({ changed: await queue[action](selector) }, 200);
      },
    );
  }
}

/** @throws {Problem} 409 */
async function checkCount(
  queue: Pick<QueueControl, 'count'>,
  selector: Selector,
  atMost: number,
): Promise<void> {
  let count = 0;
  for (let after: string | undefined; ; ) {
    const part = await queue.count(selector, after === undefined ? {} : { after });
    count += part.count;
    if (count > atMost) {
      throw new Problem(
        409,
        'MB_SERVER_COUNT',
        `More than ${atMost} recipients are chosen now. Count again, and repeat the request with the new number.`,
      );
    }
    if (part.next === undefined) return;
    after = part.next;
  }
}

function conditionsOf(key: ApiKey, { destination, tenant, ...rest }: Conditions): object {
  const owner = tenantFor(key, tenant);
  return {
    ...rest,
    ...(destination !== undefined && { site: destination }),
    ...(owner !== undefined && { tenant: owner }),
  };
}

/** A tenant's key never selects more than the tenant's; the broker refuses what selects nothing or is contradictory. */
function selectorOf(
  key: ApiKey,
  { all, ...given }: Omit<z.infer<typeof selectorSchema>, 'atMost'>,
): Selector {
  const stated = Object.keys(given).length > 0;
  if (key.tenant === undefined || stated || !all) {
    const chosen = stated ? conditionsOf(key, given) : {};
    return { ...chosen, ...(all && { all }) } as Selector;
  }
  return { tenant: key.tenant };
}
