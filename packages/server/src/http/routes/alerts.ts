import { z } from '@hono/zod-openapi';
import type { Alerts } from '@mb/broker/alerts';
import { type Api, json, requireAllTenants, secured } from '../api.ts';
import { alertSchema, alertTestSchema, alertTestView, alertView } from '../schema/alert.ts';

const tags = ['alerts'];

/** `/v1/alerts`: what is wrong with the service as a whole, so only for keys of all tenants. */
export function addAlertRoutes(api: Api, alerts: Pick<Alerts, 'list' | 'test'>): void {
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/alerts',
      summary: 'All rules that are watched, with their state',
      tags,
      responses: { 200: json(z.object({ data: z.array(alertSchema) }), 'The rules') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      return context.json({ data: (await alerts.list()).map(alertView) }, 200);
    },
  );
  api.openapi(
    secured('operate', {
      method: 'post',
      path: '/v1/alerts/test',
      summary: 'Send an alert that is named `test` to all recipients of alerts',
      tags,
      responses: { 200: json(alertTestSchema, 'Who was told') },
    }),
    async (context) => {
      requireAllTenants(context.get('key'));
      return context.json(alertTestView(await alerts.test()), 200);
    },
  );
}
