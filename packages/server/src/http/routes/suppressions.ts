import { z } from '@hono/zod-openapi';
import { csvCell, type NewSuppression, type Suppression, suppressionReasons } from '@mb/broker';
import { everyPage } from '../../every-page.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, notFound, secured, tenantFor } from '../api.ts';
import { readBounded } from '../body.ts';
import { pageOf, pageQuery, suppressionSchema, suppressionView } from '../schema/view.ts';
import { readSuppressionsCsv } from '../suppressions-csv.ts';

const tenant = z.string().min(1).max(255).optional();
const reason = z.enum(suppressionReasons);

/** Most entries of one request. */
const maxEntries = 10_000;

/** Longest file of an import, in octets. */
const maxImportBytes = 50 * 1024 * 1024;

const entriesSchema = strictObject({
  tenant,
  entries: z
    .array(strictObject({ address: z.string().min(1), reason: reason.default('operator') }))
    .min(1)
    .max(maxEntries),
});

/** `/v1/suppressions`: the addresses that get no mail. */
// Long because it is a list of routes.
export function addSuppressionRoutes(api: Api, { broker }: ApiParts): void {
  const { suppressions } = broker;
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/suppressions',
      summary: 'Addresses that get no mail',
      tags: ['suppressions'],
      request: {
        query: strictObject({
          tenant,
          address: z.string().min(1).max(1000).optional().openapi({ description: 'Only this address.' }),
          ...pageQuery,
        }),
      },
      responses: { 200: json(pageOf(suppressionSchema), 'A page') },
    }),
    async (context) => {
      const { tenant: asked, address, ...page } = context.req.valid('query');
      const owner = tenantFor(context.get('key'), asked);
      if (address !== undefined) {
        const found = await suppressions.find([address], owner);
        return context.json({ data: found.map(suppressionView) }, 200);
      }
      const { rows, next } = await suppressions.list({ ...page, tenant: owner });
      return context.json({ data: rows.map(suppressionView), ...(next !== undefined && { next }) }, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/suppressions/export',
      summary: 'The whole list as CSV',
      tags: ['suppressions'],
      request: { query: strictObject({ tenant }) },
      responses: { 200: { description: 'The list', content: { 'text/csv': { schema: z.string() } } } },
    }),
    (context) => {
      const owner = tenantFor(context.get('key'), context.req.valid('query').tenant);
      const rows = csvRows(everyPage((page) => suppressions.list({ ...page, tenant: owner })));
      return new Response(ReadableStream.from(rows).pipeThrough(new TextEncoderStream()), {
        headers: {
          'content-type': 'text/csv; charset=utf-8; header=present',
          'content-disposition': 'attachment; filename="suppressions.csv"',
        },
      }) as never;
    },
  );
  api.openapi(
    secured('operate', {
      method: 'post',
      path: '/v1/suppressions',
      summary: 'Add addresses',
      description: 'An address that is on the list keeps its first entry. All entries are added, or none.',
      tags: ['suppressions'],
      request: { body: { required: true, content: { 'application/json': { schema: entriesSchema } } } },
      responses: { 200: json(z.object({ entries: z.int() }), 'How many entries were taken') },
    }),
    async (context) => {
      const { tenant: asked, entries } = context.req.valid('json');
      const owner = tenantFor(context.get('key'), asked);
      const added: NewSuppression[] = entries.map((entry) => ({
        ...entry,
        ...(owner !== undefined && { tenant: owner }),
      }));
      await suppressions.add(added);
      return context.json({ entries: added.length }, 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'post',
      path: '/v1/suppressions/import',
      summary: 'Add the addresses of a CSV file',
      description:
        'As the export writes it: a heading, then `address` and, if the heading names it, `reason`; other columns are ignored. The whole file is checked first: when a line is wrong, nothing is added.',
      tags: ['suppressions'],
      request: {
        query: strictObject({ tenant }),
        body: { required: true, content: { 'text/csv': { schema: z.string() } } },
      },
      responses: { 200: json(z.object({ entries: z.int() }), 'How many entries were taken') },
    }),
    async (context) => {
      const owner = tenantFor(context.get('key'), context.req.valid('query').tenant);
      const entries = readSuppressionsCsv(await readBounded(context.req.raw, maxImportBytes), owner);
      for (let first = 0; first < entries.length; first += maxEntries) {
        await suppressions.add(entries.slice(first, first + maxEntries));
      }
      return context.json({ entries: entries.length }, 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'delete',
      path: '/v1/suppressions/{address}',
      summary: 'Take an address off the list',
      tags: ['suppressions'],
      request: { params: z.object({ address: z.string().min(1) }), query: strictObject({ tenant }) },
      responses: { 204: { description: 'It is off the list' } },
    }),
    async (context) => {
      const { address } = context.req.valid('param');
      const owner = tenantFor(context.get('key'), context.req.valid('query').tenant);
      if ((await suppressions.lift([address], owner)) === 0) throw notFound('suppression');
      return context.body(null, 204);
    },
  );
}

async function* csvRows(pages: AsyncIterable<readonly Suppression[]>): AsyncGenerator<string> {
  yield 'address,reason,since\r\n';
  for await (const rows of pages) {
    yield rows
      .map(
        (row) => `${[row.address, row.reason, new Date(row.since).toISOString()].map(csvCell).join(',')}\r\n`,
      )
      .join('');
  }
}
