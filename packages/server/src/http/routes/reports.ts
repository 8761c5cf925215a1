import { z } from '@hono/zod-openapi';
import type { KeptReport, ReportArchive } from '../../reports/report-archive.ts';
import type { TlsResults } from '../../reports/tls-results.ts';
import { summarizeReports } from '../../reports/totals.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, notFound, requireAllTenants, requireScope, secured } from '../api.ts';
import { readBounded } from '../body.ts';
import { Problem } from '../problem.ts';
import { pageOf, pageQuery } from '../schema/view.ts';

/** Longest report that may be posted, in octets as it comes. */
const maxReportBytes = 10 * 1024 * 1024;

const daysQuery = strictObject({
  days: z.coerce.number().int().min(1).max(90).default(30).openapi({ description: 'Default 30.' }),
});

const sourceSchema = z.object({
  ip: z.string(),
  messages: z.int(),
  aligned: z.int().openapi({ description: 'Messages that passed DMARC.' }),
  dkimAligned: z.int(),
  spfAligned: z.int(),
  quarantined: z.int(),
  rejected: z.int(),
});
const failureSchema = z.object({
  resultType: z.string().openapi({ description: 'RFC 8460 §4.3.' }),
  mx: z.string().optional(),
  sessions: z.int(),
});
const common = {
  id: z.string(),
  receivedAt: z.iso.datetime(),
  domain: z.string(),
  organization: z.string().openapi({ description: 'Who reports, in its own words.' }),
  reportId: z.string(),
  begin: z.iso.datetime().optional(),
  end: z.iso.datetime().optional(),
};
const reportSchema = z
  .discriminatedUnion('kind', [
    z.object({
      ...common,
      kind: z.literal('dmarc'),
      policy: z.string().optional(),
      messages: z.int(),
      aligned: z.int(),
      sources: z.array(sourceSchema),
      omittedSources: z.int(),
    }),
    z.object({
      ...common,
      kind: z.literal('tls'),
      succeeded: z.int().openapi({ description: 'Sessions with TLS as the policy demands.' }),
      failed: z.int(),
      policyTypes: z.array(z.string()),
      failures: z.array(failureSchema),
      omittedFailures: z.int(),
    }),
  ])
  .openapi('Report');

const totalsSchema = z
  .object({
    since: z.iso.datetime(),
    reports: z.int(),
    complete: z.boolean().openapi({ description: 'False: there are more reports than are summed up.' }),
    dmarc: z
      .array(
        z.object({
          domain: z.string(),
          messages: z.int(),
          aligned: z.int(),
          sources: z.array(sourceSchema).openapi({ description: 'The hundred with most messages.' }),
        }),
      )
      .openapi({ description: 'By domain, the most messages first.' }),
    tls: z
      .array(
        z.object({
          domain: z.string(),
          succeeded: z.int(),
          failed: z.int(),
          failures: z.array(failureSchema),
        }),
      )
      .openapi({ description: 'By domain, the most failures first.' }),
  })
  .openapi('ReportTotals');

const ownTlsSchema = z
  .object({
    since: z.iso.datetime(),
    succeeded: z.int().openapi({ description: 'Sessions with TLS as the policy demands.' }),
    failed: z.int(),
    domains: z
      .array(
        z.object({
          domain: z.string(),
          succeeded: z.int(),
          failed: z.int(),
          failures: z.array(
            z.object({
              resultType: z.string().openapi({ description: 'RFC 8460 §4.3.' }),
              host: z.string(),
              policy: z
                .string()
                .openapi({ description: 'RFC 8460 §4.4: `tlsa`, `sts` or `no-policy-found`.' }),
              sessions: z.int(),
              detail: z.string().optional().openapi({ description: 'The latest one, in a sentence.' }),
            }),
          ),
        }),
      )
      .openapi({ description: 'Domains with failures, the most failures first.' }),
  })
  .openapi('OwnTlsTotals');

type ReportView = z.infer<typeof reportSchema>;

/** `/v1/reports`: DMARC aggregate reports and TLS reports that came in. Domains are shared by all tenants. */
// Long because it is a list of routes.
export function addReportRoutes(api: Api, { reports, tlsResults, now }: ApiParts): void {
  addPost(api, reports);
  addOwnTls(api, tlsResults, now);
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/reports',
      summary: 'DMARC and TLS reports, those about the latest span first',
      description:
        'Kept for 90 days, at most 10,000. Reports are not verified. A page may be short, even empty, while `next` says that there is more.',
      tags: ['reports'],
      request: {
        query: strictObject({
          kind: z.enum(['dmarc', 'tls']).optional(),
          domain: z.string().min(1).max(255).optional(),
          ...pageQuery,
        }),
      },
      responses: { 200: json(pageOf(reportSchema), 'A page') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const { kind, domain, ...page } = context.req.valid('query');
      const { rows, next } = await reports.list({ kind, domain }, page);
      return context.json({ data: rows.map(viewOf), ...(next !== undefined && { next }) }, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/reports/totals',
      summary: 'Sources that use our domains, and TLS failures, summed up by domain',
      tags: ['reports'],
      request: {
        query: daysQuery,
      },
      responses: { 200: json(totalsSchema, 'The sums') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const since = now() - context.req.valid('query').days * 86_400_000;
      const totals = await summarizeReports(reports.since(since));
      return context.json({ since: new Date(since).toISOString(), ...totals }, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/reports/{id}',
      summary: 'One report',
      tags: ['reports'],
      request: { params: z.object({ id: z.string().min(1).max(100) }) },
      responses: { 200: json(reportSchema, 'The report') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const report = await reports.get(context.req.valid('param').id);
      if (!report) throw notFound('report');
      return context.json(viewOf(report), 200);
    },
  );
}

function addOwnTls(api: Api, tlsResults: TlsResults, now: () => number): void {
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/reports/own-tls',
      summary: 'How TLS went in our own sessions, by domain, host and kind of failure',
      description:
        'Counted by every process that runs the server with a worker, by days, and kept for 90 days. With `no-policy-found` the mail went out all the same.',
      tags: ['reports'],
      request: { query: daysQuery },
      responses: { 200: json(ownTlsSchema, 'The sums') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      const since = now() - context.req.valid('query').days * 86_400_000;
      const { domains, ...sums } = await tlsResults.totals(since);
      const view = { since: new Date(since).toISOString(), ...sums, domains: [...domains] };
      return context.json(view as z.infer<typeof ownTlsSchema>, 200);
    },
  );
}

/** Registered by hand, as its body has one of several types. */
function addPost(api: Api, reports: ReportArchive): void {
  const octets = { schema: z.string().openapi({ format: 'binary' }) };
  const { middleware: _, ...documented } = secured('operate', {
    method: 'post',
    path: '/v1/reports',
    summary: 'Store a DMARC or TLS report that was received in another way',
    description:
      'The body is the message that contained it, as message/rfc822, or the report itself with any other type: XML or JSON, plain or in gzip or zip. A report that is posted twice is kept once.',
    tags: ['reports'],
    request: {
      body: {
        required: true,
        content: { 'message/rfc822': octets, 'application/gzip': octets, 'application/zip': octets },
      },
    },
    responses: { 200: json(z.object({ data: z.array(reportSchema) }), 'What is kept') },
  });
  api.openAPIRegistry.registerPath(documented);
  api.post('/v1/reports', async (context) => {
    const key = context.get('key');
    requireScope(key, 'operate');
    requireAllTenants(key);
    const body = await readBounded(context.req.raw, maxReportBytes);
    const isMessage = /^message\/rfc822\b/i.test(context.req.header('content-type') ?? '');
    const kept = isMessage ? await reports.takeMessage(body) : await reports.take(body);
    if (kept.length === 0) {
      throw new Problem(422, 'MB_MIME_REPORT_SYNTAX', 'The message holds no DMARC or TLS report.');
    }
    return context.json({ data: kept.map(viewOf) }, 200);
  });
}

function viewOf(report: KeptReport): ReportView {
  return report as ReportView;
}
