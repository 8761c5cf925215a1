import { describe, expect, it } from 'vitest';
import { startService } from './service.ts';

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
    expect(body).toMatch(/^mb_queue_recipients\{[^}]*state="queued"[^}]*\} 0$/m);
    expect(body).not.toContain('one.test"');
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
