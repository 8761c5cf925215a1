import { z } from '@hono/zod-openapi';
import { type Api, type ApiParts, json, requireAllTenants, secured } from '../api.ts';
import { findingsOf } from '../findings.ts';

const problems = z.object({ ready: z.boolean(), reasons: z.array(z.string()) }).openapi('Readiness');
const health = z
  .object({
    queued: z.int(),
    inFlight: z.int(),
    held: z.int(),
    unknown: z.int(),
    oldestDueAt: z.iso.datetime().optional(),
    running: z.boolean(),
    troubles: z.array(z.string()).openapi({ description: 'Trouble of the service itself, in sentences.' }),
    findings: z
      .array(
        z.object({
          severity: z.enum(['error', 'warning']),
          text: z.string(),
          todo: z.string().openapi({ description: 'What to do about it.' }),
          destination: z.string().optional(),
        }),
      )
      .openapi({ description: 'What is wrong now, the worst first, also with destinations and recipients.' }),
  })
  .openapi('Health');

/** How long the store may take to answer before the server is not ready. */
const storeTimeoutMs = 2000;

/** `/livez` and `/readyz`, for supervisors and load balancers: without a key. */
export function addProbeRoutes(api: Api, { broker }: ApiParts, isDraining: () => boolean): void {
  api.get('/livez', (context) => context.json({ alive: true }));
  api.get('/readyz', async (context) => {
    const reasons = [...(isDraining() ? ['The server is stopping.'] : []), ...(await storeTrouble(broker))];
    const ready = reasons.length === 0;
    return context.json({ ready, reasons } satisfies z.infer<typeof problems>, ready ? 200 : 503);
  });
}

/** `/v1/health`, for operators. */
export function addHealthRoute(api: Api, { broker, now }: ApiParts): void {
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/health',
      summary: 'The queue at a glance, and what is wrong now',
      tags: ['health'],
      responses: { 200: json(health, 'The queue') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const [found, secrets] = await Promise.all([broker.health(), broker.webhooks.secretStorage()]);
      const {
        queued,
        inFlight,
        held,
        unknown,
        oldestDueAt,
        running,
        portBlocked,
        resolverTrouble,
        localTroubles,
      } = found;
      const troubles = [portBlocked, resolverTrouble, ...(localTroubles ?? [])].filter(
        (one) => one !== undefined,
      );
      const oldest = oldestDueAt === undefined ? {} : { oldestDueAt: new Date(oldestDueAt).toISOString() };
      return context.json(
        {
          queued,
          inFlight,
          held,
          unknown,
          ...oldest,
          running,
          troubles,
          findings: findingsOf(found, now(), secrets),
        },
        200,
      );
    },
  );
}

async function storeTrouble(broker: ApiParts['broker']): Promise<string[]> {
  const timeout = Promise.withResolvers<string[]>();
  const timer = setTimeout(() => timeout.resolve(['The queue does not answer.']), storeTimeoutMs);
  const asked = broker.records.get('api-key', 'ready').then(
    () => [],
    () => ['The queue cannot be used.'],
  );
  return Promise.race([asked, timeout.promise]).finally(() => clearTimeout(timer));
}
