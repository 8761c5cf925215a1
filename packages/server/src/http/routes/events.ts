import { z } from '@hono/zod-openapi';
import { type QueueEvent, queueEventTypes } from '@mb/broker';
import { streamSSE } from 'hono/streaming';
import type { ApiKey } from '../../api-keys.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, secured, sees } from '../api.ts';
import { eventSchema, eventView, pageOf, pageQuery } from '../schema/view.ts';

const heartbeatMs = 15_000;

const types = z
  .string()
  .refine(
    (text) => text.split(',').every((type) => (queueEventTypes as readonly string[]).includes(type)),
    `It must be a list of ${queueEventTypes.join(', ')}, with commas.`,
  )
  .optional()
  .openapi({ description: 'Only these, such as `delivered,failed`.' });

/** `/v1/events`: the log of what happened, page by page or as it happens. */
// Long because it is a list of routes.
export function addEventRoutes(api: Api, { broker, onError }: ApiParts): void {
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/events',
      summary: 'Events after a cursor, oldest first',
      description:
        'Without `after` it begins with the oldest event that is kept. `next` is always present: give it as `after` in a later request to continue.',
      tags: ['events'],
      request: { query: strictObject({ ...pageQuery, types }) },
      responses: { 200: json(pageOf(eventSchema), 'A page; it may be empty while there is more') },
    }),
    async (context) => {
      const { after, limit, types: wanted } = context.req.valid('query');
      const { events, cursor } = await broker.queue.events({ after, limit });
      const data = events.filter(filterOf(context.get('key'), wanted)).map(eventView);
      return context.json({ data, next: cursor }, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/events/stream',
      summary: 'Events as they happen',
      description: 'Server-sent events; the id of each is its cursor, and Last-Event-ID resumes after it.',
      tags: ['events'],
      request: {
        query: strictObject({ after: pageQuery.after, types }),
        headers: z.object({ 'last-event-id': z.string().optional() }),
      },
      responses: {
        200: { description: 'The stream', content: { 'text/event-stream': { schema: eventSchema } } },
      },
    }),
    async (context) => {
      const { after, types: wanted } = context.req.valid('query');
      const begin = context.req.header('last-event-id') ?? after;
      // An invalid cursor is refused here: after the stream has begun, no status can be sent.
      if (begin !== undefined && begin !== 'start') await broker.queue.events({ after: begin, limit: 1 });
      const wants = filterOf(context.get('key'), wanted);
      context.header('x-accel-buffering', 'no');
      return streamSSE(
        context,
        async (stream) => {
          const end = new AbortController();
          stream.onAbort(() => end.abort());
          const heartbeat = setInterval(() => void stream.write(': \n\n'), heartbeatMs);
          try {
            for await (const event of broker.events({ after: begin, signal: end.signal })) {
              if (!wants(event)) continue;
              const view = eventView(event);
              await stream.writeSSE({ id: view.cursor, event: view.type, data: JSON.stringify(view) });
            }
          } finally {
            clearInterval(heartbeat);
          }
        },
        async (error) => onError(error),
      ) as never;
    },
  );
}

function filterOf(key: ApiKey, wanted: string | undefined): (event: QueueEvent) => boolean {
  const types = wanted === undefined ? undefined : new Set(wanted.split(','));
  return ({ tenant, type }) => sees(key, tenant) && (types?.has(type) ?? true);
}
