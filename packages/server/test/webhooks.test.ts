import { startWebhookReceiver } from '@mb/testkit';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { startService } from './service.ts';

describe('/v1/webhooks', () => {
  it('WHK-01 WHK-04 adds, shows, changes, tests and removes a webhook', async () => {
    await using service = await startService();
    await using receiver = await startWebhookReceiver();
    const call = await service.withKey();
    const added = await call('POST', '/v1/webhooks', {
      url: receiver.url,
      types: ['failed', 'bounced'],
      description: 'the shop',
    });
    expect(added).toMatchObject({ status: 201, body: { enabled: true, types: ['failed', 'bounced'] } });
    const { id, secret } = added.body;
    expect(added.headers.get('location')).toBe(`/v1/webhooks/${id}`);
    expect(JSON.stringify((await call('GET', `/v1/webhooks/${id}`)).body)).not.toContain(secret);

    const tested = await call('POST', `/v1/webhooks/${id}/test`);
    expect(tested.body).toMatchObject({ succeeded: true, status: 204, type: 'test', attempt: 1 });
    const [{ body, headers }] = receiver.calls as never as [(typeof receiver.calls)[0]];
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
      type: 'test',
      data: { webhook: id, description: 'the shop' },
    });
    expect((await call('GET', `/v1/webhooks/${id}/attempts`)).body.data).toEqual([tested.body]);

    const changed = await call('PATCH', `/v1/webhooks/${id}`, { types: null, enabled: false });
    expect(changed).toMatchObject({ status: 200, body: { enabled: false, description: 'the shop' } });
    expect(changed.body).not.toHaveProperty('types');
    expect((await call('GET', '/v1/webhooks')).body.data).toMatchObject([
      {
        id,
        enabled: false,
        status: { delivering: false, delivered: 0, waiting: 0, deadLetters: 0, lagMs: expect.any(Number) },
      },
    ]);
    expect((await call('DELETE', `/v1/webhooks/${id}`)).status).toBe(204);
    expect((await call('GET', `/v1/webhooks/${id}`)).status).toBe(404);
    expect((await call('GET', `/v1/webhooks/${id}/attempts`)).status).toBe(404);
  });

  it('WHK-02 calls are signed with the old and the new secret until the overlap ends', async () => {
    await using service = await startService();
    await using receiver = await startWebhookReceiver();
    const call = await service.withKey();
    const { body: first } = await call('POST', '/v1/webhooks', { url: receiver.url });
    const path = `/v1/webhooks/${first.id}`;
    const { body: second } = await call('POST', `${path}/rotate-secret`, { overlapMs: 3_600_000 });
    await call('POST', `${path}/test`);
    const { body: third } = await call('POST', `${path}/rotate-secret`, { overlapMs: 0 });
    await call('POST', `${path}/test`);
    const verifies = (secret: string, index: number) => {
      const { body, headers } = receiver.calls[index]!;
      try {
        new Webhook(secret).verify(body, headers as Record<string, string>);
        return true;
      } catch {
        return false;
      }
    };
    const secrets: string[] = [first.secret, second.secret, third.secret];
    expect(secrets.map((one) => verifies(one, 0))).toEqual([true, true, false]);
    expect(secrets.map((one) => verifies(one, 1))).toEqual([false, false, true]);
    expect((await call('GET', path)).body.secrets).toHaveLength(1);
  });

  it.each([
    ['our own network', { url: 'https://10.1.2.3/hook' }, 'MB_BROKER_WEBHOOK_URL', /10\.1\.2\.3 is private/],
    ['a name that is not there', { url: 'https://none.test/' }, 'MB_BROKER_WEBHOOK_URL', /cannot be found/],
    ['a password in the URL', { url: 'https://a:b@mx.test/' }, 'MB_BROKER_OPTION', /no user and password/],
    ['another protocol', { url: 'ftp://mx.test/' }, 'MB_BROKER_OPTION', /https: or http: URL/],
    ['a secret that is too short', { secret: 'whsec_c2hvcnQ=' }, 'MB_BROKER_OPTION', /24 to 64 octets/],
    ['no type at all', { types: [] }, 'MB_SERVER_SCHEMA', /types/],
    ['a type that is none', { types: ['opened'] }, 'MB_SERVER_SCHEMA', /types/],
  ])('WHK-03 refuses %s', async (_, given, code, detail) => {
    await using service = await startService();
    const call = await service.withKey();
    const refused = await call('POST', '/v1/webhooks', { url: 'https://mx.test/', ...given });
    expect(refused).toMatchObject({ status: 422, body: { code, detail: expect.stringMatching(detail) } });
    expect((await call('GET', '/v1/webhooks')).body.data).toEqual([]);
  });

  it('WHK-80 the findings of /v1/health name secrets in plain text', async () => {
    await using service = await startService();
    await using receiver = await startWebhookReceiver();
    const call = await service.withKey();
    const findings = async () => (await call('GET', '/v1/health')).body.findings;
    expect(await findings()).toEqual([]);
    await call('POST', '/v1/webhooks', { url: receiver.url });
    expect(await findings()).toEqual([
      expect.objectContaining({ severity: 'warning', text: expect.stringContaining('plain text') }),
    ]);
  });
});
