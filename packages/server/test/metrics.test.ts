import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startService } from './service.ts';

/** The instruments as `instrument()` of the broker declares them; its source is read, since an unused one has no line. */
const source = await readFile(new URL('../../broker/src/telemetry/instrument.ts', import.meta.url), 'utf8');
const instrumentNames = source.match(/(?<=')mb\.[a-z_.]+(?=')/g) ?? [];

describe('/metrics', () => {
  it('TEL-06 gives the metrics of the broker as text for Prometheus', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/messages', { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
    service.broker.start();
    await expect
      .poll(async () => (await call('GET', '/metrics')).body, { timeout: 15_000 })
      .toMatch(/^mb_attempt_recipients_total\{[^}]*outcome="delivered"[^}]*\} 1$/m);
    const { headers, body } = await call('GET', '/metrics');
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toMatch(/^# TYPE mb_delivery_duration_seconds histogram$/m);
    expect(body).toMatch(/^mb_queue_recipients\{[^}]*state="queued"[^}]*\} \d+$/m);
    expect(body).not.toContain('one.test"');
  });

  it('TEL-08 the dashboard and the alert rules name metrics that there are', async () => {
    const folder = new URL('../telemetry/', import.meta.url);
    const files = await Promise.all(
      ['grafana-dashboard.json', 'prometheus-rules.yml'].map((name) =>
        readFile(new URL(name, folder), 'utf8'),
      ),
    );
    JSON.parse(files[0]!);
    const named = new Set(files.flatMap((text) => text.match(/\bmb_[a-z_]+/g) ?? []));
    expect(named.size).toBeGreaterThan(8);
    const kinds = instrumentNames.map((name) => name.replaceAll('.', '_'));
    for (const name of named) {
      const base = name.replace(/_(?:total|bucket|count|sum)$/, '').replace(/_seconds$/, '');
      expect(kinds, name).toContain(base);
    }
  });

  it('TEL-07 needs a key of all tenants that may read', async () => {
    await using service = await startService();
    expect((await fetch(`${service.url}/metrics`)).status).toBe(401);
    const tenant = await service.withKey({ tenant: 'shop' });
    expect(await tenant('GET', '/metrics')).toMatchObject({ status: 403 });
    const sender = await service.withKey({ scopes: ['send'] });
    expect(await sender('GET', '/metrics')).toMatchObject({ status: 403 });
  });
});
