import type { Metrics } from '../../telemetry/metrics.ts';
import { type Api, requireAllTenants, requireScope } from '../api.ts';

/** `/metrics`: what the broker does, for Prometheus, with a key of all tenants that may read. */
export function addMetricsRoute(api: Api, metrics: Metrics): void {
  api.get('/metrics', async (context) => {
    const key = context.get('key');
    requireScope(key, 'read');
    requireAllTenants(key);
    // https://prometheus.io/docs/instrumenting/exposition_formats/
    return context.body(await metrics.text(), 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
    });
  });
}
