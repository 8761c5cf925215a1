import { z } from '@hono/zod-openapi';
import type { ApiKey } from '../../api-keys.ts';
import { type Counts, countedTypes, timeWithin } from '../../series/counts.ts';
import { type Resolution, resolutions } from '../../series/resolution.ts';
import { readSeries } from '../../series/series.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, requireAllTenants, secured, tenantFor } from '../api.ts';
import { Problem } from '../problem.ts';

const mostPoints = 1000;
const resolutionSchema = z.enum(['minute', 'quarter-hour', 'day'] satisfies Resolution[]);

const counts = z
  .object({
    ...Object.fromEntries(countedTypes.map((type) => [type, z.int()])),
    timeToDelivery: z.object({ p50Ms: z.int(), p95Ms: z.int() }).optional().openapi({
      description: 'From acceptance to delivery; exact to 20 percent. Absent without deliveries.',
    }),
  })
  .openapi('Counts');

const series = z
  .object({
    resolution: resolutionSchema,
    points: z.array(z.object({ start: z.iso.datetime(), counts })),
    total: counts,
    domains: z
      .record(z.string(), counts)
      .optional()
      .openapi({ description: "By the recipients' domain, the busiest hundred; for keys of all tenants." }),
  })
  .openapi('Stats');

/** `/v1/stats`: what happened, by span of time. */
export function addStatsRoutes(api: Api, { broker, now }: ApiParts): void {
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/stats',
      summary: 'What happened, by minute, quarter of an hour or day',
      description:
        'Minutes are kept for two hours, quarter-hours for seven days, days for two years. Counts are at most a few seconds behind.',
      tags: ['stats'],
      request: {
        query: strictObject({
          resolution: resolutionSchema.default('minute'),
          from: z.iso
            .datetime({ offset: true })
            .optional()
            .openapi({ description: 'Default: an hour ago, a day or 30 days, by the resolution.' }),
          to: z.iso.datetime({ offset: true }).optional().openapi({ description: 'Default: now.' }),
          tenant: z.string().min(1).max(255).optional(),
          domain: z
            .string()
            .min(1)
            .max(255)
            .optional()
            .openapi({ description: 'Of the recipients; for keys of all tenants, without `tenant`.' }),
        }),
      },
      responses: { 200: json(series, 'The series') },
    }),
    async (context) => {
      const key = context.get('key');
      const query = context.req.valid('query');
      const { resolution } = query;
      const to = query.to === undefined ? now() : Date.parse(query.to);
      const from = query.from === undefined ? to - defaultRangeMs[resolution] : Date.parse(query.from);
      checkRange(from, to, resolution);
      const tenant = tenantFor(key, query.tenant);
      const { domain } = query;
      if (domain !== undefined) checkDomain(key, tenant);
      const read = await readSeries(broker.records, { resolution, from, to, tenant, domain });
      const points = read.points.map((point) => ({
        start: new Date(point.start).toISOString(),
        counts: countsView(point.counts),
      }));
      const domains = Object.entries(read.domains).map(([domain, one]) => [domain, countsView(one)] as const);
      return context.json(
        {
          resolution,
          points,
          total: countsView(read.total),
          ...(tenant === undefined && { domains: Object.fromEntries(domains) }),
        },
        200,
      );
    },
  );
}

const defaultRangeMs: Readonly<Record<Resolution, number>> = {
  minute: 59 * 60_000,
  'quarter-hour': 95 * 15 * 60_000,
  day: 29 * 86_400_000,
};

/** Counts by domain are of all tenants. @throws {Problem} 403, 422 */
function checkDomain(key: ApiKey, tenant: string | undefined): void {
  requireAllTenants(key);
  if (tenant === undefined) return;
  const message = 'Give `tenant` or `domain`, not both.';
  throw new Problem(422, 'MB_SERVER_SCHEMA', message, { errors: [{ path: 'domain', message }] });
}

function checkRange(from: number, to: number, resolution: Resolution): void {
  const wrong =
    to < from
      ? '`from` must not be after `to`.'
      : (to - from) / resolutions[resolution].spanMs > mostPoints
        ? `At most ${mostPoints} spans can be asked for at once.`
        : undefined;
  if (wrong === undefined) return;
  throw new Problem(422, 'MB_SERVER_SCHEMA', wrong, { errors: [{ path: 'from', message: wrong }] });
}

/** Every count, also those that are 0, and how long delivery took. */
function countsView({ times, ...given }: Counts): z.infer<typeof counts> {
  const all = Object.fromEntries(countedTypes.map((type) => [type, given[type] ?? 0]));
  const [p50Ms, p95Ms] = [timeWithin(times, 0.5), timeWithin(times, 0.95)];
  if (p50Ms === undefined || p95Ms === undefined) return all;
  return { ...all, timeToDelivery: { p50Ms, p95Ms } };
}
