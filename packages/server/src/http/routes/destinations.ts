import { z } from '@hono/zod-openapi';
import { type OutcomeDetail, type RecipientView, readOutcomeDetail } from '@mb/broker';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, notFound, requireAllTenants, secured } from '../api.ts';
import { destinationSchema, destinationView } from '../schema/view.ts';

const param = z.object({
  destination: z
    .string()
    .min(1)
    .max(2000)
    .openapi({ description: 'A domain, or a destination as the list names it.' }),
});
const settings = strictObject({
  suspended: z.boolean().optional(),
  note: z.string().max(1000).optional(),
  pauseMs: z.int().min(0).max(9e12).optional().openapi({ description: '0 ends a pause.' }),
  limits: strictObject({
    startConcurrency: z.int().min(1).max(1000).optional(),
    maxConcurrency: z.int().min(1).max(1000).optional(),
    rates: z
      .array(strictObject({ count: z.int().min(1), perMs: z.int().min(1) }))
      .max(10)
      .optional(),
  })
    .nullable()
    .optional()
    .openapi({ description: '`null` returns to the limits of all destinations.' }),
})
  .refine((given) => Object.keys(given).length > 0, 'Say what to change: suspended, note, pauseMs or limits.')
  .openapi('DestinationSettings');

const replySchema = z
  .object({
    rule: z.string().openapi({ description: 'Id of the reply rule, or the category where none decided.' }),
    category: z.string().optional(),
    count: z.int().openapi({ description: 'Recipients.' }),
    latest: z.string().openapi({ description: 'The latest reply or reason.' }),
    latestAt: z.iso.datetime().optional(),
    host: z.string().optional(),
  })
  .openapi('DestinationReply');

/** Outcomes in groups of one rule, the largest first. */
function repliesOf(rows: readonly RecipientView[]): z.infer<typeof replySchema>[] {
  const groups = new Map<string, { count: number; latest: OutcomeDetail }>();
  for (const { detail } of rows) {
    const outcome = readOutcomeDetail(detail);
    const rule = outcome.rule ?? outcome.category;
    if (rule === undefined) continue;
    const known = groups.get(rule);
    const later = (outcome.attemptedAt ?? 0) >= (known?.latest.attemptedAt ?? 0);
    groups.set(rule, { count: (known?.count ?? 0) + 1, latest: known && !later ? known.latest : outcome });
  }
  return [...groups]
    .map(
      ([
        rule,
        {
          count,
          latest: { category, reply, reason, attemptedAt, host },
        },
      ]) => ({
        rule,
        ...(category !== undefined && { category }),
        count,
        latest: reply ? `${reply.code} ${reply.lines.join(' ')}` : (reason ?? ''),
        ...(attemptedAt !== undefined && { latestAt: new Date(attemptedAt).toISOString() }),
        ...(host !== undefined && { host }),
      }),
    )
    .sort((a, b) => b.count - a.count);
}

/** `/v1/destinations`: where mail goes, with its limits and pauses. Destinations are shared by all tenants. */
// Long because it is a list of routes.
export function addDestinationRoutes(api: Api, { broker }: ApiParts): void {
  const { queue } = broker;
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/destinations',
      summary: 'Destinations with mail waiting, connections open, or suspended',
      description: 'Most recipients first, at most 1,000.',
      tags: ['destinations'],
      responses: { 200: json(z.object({ data: z.array(destinationSchema) }), 'The destinations') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const { sites } = await queue.stats();
      return context.json({ data: sites.map(destinationView) }, 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'patch',
      path: '/v1/destinations/{destination}',
      summary: 'Suspend, resume, pause or limit a destination',
      description: 'Fields that are left out keep their values. `suspended: false` also ends every pause.',
      tags: ['destinations'],
      request: {
        params: param,
        body: { required: true, content: { 'application/json': { schema: settings } } },
      },
      responses: { 204: { description: 'The settings apply from now on' } },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const { destination } = context.req.valid('param');
      const { suspended, ...rest } = context.req.valid('json');
      if (suspended === true) await queue.suspend(destination, rest.note);
      if (suspended === false) await queue.resume(destination);
      if (Object.keys(rest).length > 0) await queue.configure(destination, rest);
      return context.body(null, 204);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/destinations/{destination}/replies',
      summary: 'The latest outcomes of recipients that wait there, by rule',
      description: 'Of at most 1,000 recipients that wait; the most frequent first.',
      tags: ['destinations'],
      request: { params: param },
      responses: { 200: json(z.object({ data: z.array(replySchema) }), 'The groups') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const { destination } = context.req.valid('param');
      const { rows } = await queue.list({ site: destination, state: 'queued' }, { limit: 1000 });
      return context.json({ data: repliesOf(rows) }, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/destinations/{destination}',
      summary: 'One destination',
      tags: ['destinations'],
      request: { params: param },
      responses: { 200: json(destinationSchema, 'The destination') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const { destination } = context.req.valid('param');
      const found = await queue.showSite(destination);
      if (!found) throw notFound('destination');
      return context.json(destinationView(found), 200);
    },
  );
}
