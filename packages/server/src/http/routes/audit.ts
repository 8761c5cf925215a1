import { z } from '@hono/zod-openapi';
import { csvCell } from '@mb/broker';
import type { AuditLog, KeptAuditEntry } from '../../audit-log.ts';
import { everyPage } from '../../every-page.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, json, secured } from '../api.ts';
import { pageOf, pageQuery } from '../schema/view.ts';

const auditEntrySchema = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    keyId: z.string(),
    keyName: z.string(),
    tenant: z.string().optional(),
    session: z.boolean().openapi({ description: 'Whether a browser sent it, with a session.' }),
    address: z.string().optional(),
    method: z.string(),
    path: z.string(),
    details: z.record(z.string(), z.unknown()).optional().openapi({ type: 'object' }),
    status: z.int().optional().openapi({
      description: 'Of the response. Absent: the server ended before there was one.',
    }),
  })
  .openapi('AuditEntry');

/** `/v1/audit`: who changed what. A key of one tenant sees what the keys of its tenant did. */
export function addAuditRoutes(api: Api, log: AuditLog): void {
  api.openapi(
    secured('admin', {
      method: 'get',
      path: '/v1/audit',
      summary: 'Who changed what, the latest first',
      description:
        'Every request that changes something, but for the acceptance of messages. Entries are kept for a year, at most 100,000. A page may be short, even empty, while `next` says that there is more.',
      tags: ['audit'],
      request: { query: strictObject(pageQuery) },
      responses: { 200: json(pageOf(auditEntrySchema), 'A page') },
    }),
    async (context) => {
      const { tenant } = context.get('key');
      const { rows, next } = await log.list({ ...context.req.valid('query'), tenant });
      const data = rows as z.infer<typeof auditEntrySchema>[];
      return context.json({ data: [...data], ...(next !== undefined && { next }) }, 200);
    },
  );
  api.openapi(
    secured('admin', {
      method: 'get',
      path: '/v1/audit/export',
      summary: 'The whole log as CSV',
      tags: ['audit'],
      responses: { 200: { description: 'The log', content: { 'text/csv': { schema: z.string() } } } },
    }),
    (context) => {
      const rows = csvRows(log, context.get('key').tenant);
      return new Response(ReadableStream.from(rows).pipeThrough(new TextEncoderStream()), {
        headers: {
          'content-type': 'text/csv; charset=utf-8; header=present',
          'content-disposition': 'attachment; filename="audit.csv"',
        },
      }) as never;
    },
  );
}

async function* csvRows(log: AuditLog, tenant: string | undefined): AsyncGenerator<string> {
  yield 'at,key,name,tenant,session,address,method,path,status,details\r\n';
  for await (const rows of everyPage((page) => log.list({ ...page, tenant }))) {
    yield rows.map((row) => `${cellsOf(row).map(csvCell).join(',')}\r\n`).join('');
  }
}

function cellsOf(entry: KeptAuditEntry): string[] {
  const { at, keyId, keyName, tenant = '', session, address = '', method, path, status, details } = entry;
  return [
    at,
    keyId,
    keyName,
    tenant,
    session ? 'yes' : 'no',
    address,
    method,
    path,
    String(status ?? ''),
    details === undefined ? '' : JSON.stringify(details),
  ];
}
