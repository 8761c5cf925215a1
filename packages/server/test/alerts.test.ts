import { startWebhookReceiver } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { startService } from './service.ts';

describe('/v1/alerts', () => {
  it('ALR-20 shows the rules that processes watch, and what fires', async () => {
    await using service = await startService();
    const call = await service.withKey({ scopes: ['read'] });
    expect(await call('GET', '/v1/alerts')).toMatchObject({ status: 200, body: { data: [] } });
    const { records } = service.store;
    const at = Date.UTC(2026, 0, 31);
    await records.put('alert-watch', 'mx1', {
      owner: 'x',
      rules: ['queue-age', 'disk-full'],
      everyMs: 60_000,
      checkedAt: at,
    });
    await records.put('alert', 'disk-full/mx1', { firing: true, since: at, detail: 'Full.', notices: [] });
    expect((await call('GET', '/v1/alerts')).body.data).toEqual([
      { alert: 'queue-age', firing: false, checkedAt: '2026-01-31T00:00:00.000Z' },
      {
        alert: 'disk-full',
        name: 'mx1',
        firing: true,
        since: '2026-01-31T00:00:00.000Z',
        detail: 'Full.',
        checkedAt: '2026-01-31T00:00:00.000Z',
      },
    ]);
  });

  it('ALR-21 ALR-23 a test alert needs the scope operate and goes to webhooks', async () => {
    await using receiver = await startWebhookReceiver();
    const webhooks = { allowAddresses: ['127.0.0.0/8'] };
    await using service = await startService({ broker: { webhooks } });
    const reader = await service.withKey({ scopes: ['read'] });
    expect(await reader('POST', '/v1/alerts/test')).toMatchObject({ status: 403 });
    const operator = await service.withKey({ scopes: ['operate'] });
    expect((await operator('POST', '/v1/alerts/test')).body).toEqual({ webhooks: 0 });
    await service.broker.webhooks.add({ url: receiver.url });
    service.broker.webhooks.start();
    expect((await operator('POST', '/v1/alerts/test')).body).toEqual({ webhooks: 1 });
    await receiver.until((calls) => calls.length === 1, 15_000);
    expect(receiver.calls[0]!.json).toMatchObject({ type: 'alert-fired', data: { alert: 'test' } });
  });

  it('ALR-22 a key of one tenant neither sees nor tests alerts of the service', async () => {
    await using service = await startService();
    const call = await service.withKey({ scopes: ['read', 'operate'], tenant: 'shop' });
    const refused = { status: 403, body: { code: 'MB_SERVER_TENANT' } };
    expect(await call('GET', '/v1/alerts')).toMatchObject(refused);
    expect(await call('POST', '/v1/alerts/test')).toMatchObject(refused);
  });
});
