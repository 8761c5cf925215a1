import { describe, expect, it } from 'vitest';
import { startService } from './service.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };

describe('keys', () => {
  it('SRV-10 SRV-104 shows the token once and keeps only its digest', async () => {
    await using service = await startService();
    const call = await service.withKey();
    const { status, body } = await call('POST', '/v1/keys', { name: 'shop', scopes: ['send'] });
    expect(status).toBe(201);
    expect(body.token).toMatch(/^mb_[0-9a-f]{16}_[\w-]{43}$/);
    const { body: list } = await call('GET', '/v1/keys');
    expect(list.data).toContainEqual(expect.objectContaining({ id: body.id, name: 'shop' }));
    const secret = body.token.slice(-43);
    expect(JSON.stringify(list)).not.toContain(secret);
    const stored = await service.broker.records.get('api-key', body.id);
    expect(JSON.stringify(stored)).not.toContain(secret);
  });

  it.each([
    ['no key', undefined],
    ['another scheme', 'Basic bWI6bWI='],
    ['a token of no key', `Bearer mb_0123456789abcdef_${'A'.repeat(43)}`],
    ['a text that is no token', 'Bearer hunter2'],
  ])('SRV-11 refuses %s with 401', async (_, authorization) => {
    await using service = await startService();
    const response = await fetch(`${service.url}/v1/recipients`, {
      headers: authorization ? { authorization } : {},
    });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('SRV-11 refuses a key with the secret of another', async () => {
    await using service = await startService();
    const one = await service.withKey();
    const other = await service.withKey();
    const mixed = one.token.slice(0, 20) + other.token.slice(20);
    const response = await fetch(`${service.url}/v1/recipients`, {
      headers: { authorization: `Bearer ${mixed}` },
    });
    expect(response.status).toBe(401);
  });

  it('SRV-12 refuses a key that is revoked or expired', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    await using service = await startService({ server: { now: () => now } });
    const call = await service.withKey({ expiresAt: '2026-01-01T01:00:00Z' });
    expect((await call('GET', '/v1/recipients')).status).toBe(200);
    now += 3_600_000;
    expect((await call('GET', '/v1/recipients')).status).toBe(401);
    const other = await service.withKey();
    expect((await other('DELETE', `/v1/keys/${other.id}`)).status).toBe(204);
    expect((await other('GET', '/v1/recipients')).status).toBe(401);
  });

  it('SRV-13 notes the minute of the last use', async () => {
    await using service = await startService({ server: { now: () => Date.parse('2026-01-01T10:20:30Z') } });
    const call = await service.withKey();
    await call('GET', '/v1/recipients');
    const { body } = await call('GET', '/v1/keys');
    expect(body.data).toMatchObject([{ lastUsedAt: '2026-01-01T10:20Z' }]);
  });

  it.each([
    ['send', 'GET', '/v1/recipients'],
    ['read', 'POST', '/v1/messages'],
    ['read', 'GET', '/v1/messages/1/content'],
    ['read', 'POST', '/v1/recipients/cancel'],
    ['operate', 'POST', '/v1/keys'],
  ] as const)('SRV-14 a key with scope %s may not %s %s', async (scope, method, path) => {
    await using service = await startService();
    const call = await service.withKey({ scopes: [scope] });
    const answer = await call(method, path, method === 'POST' ? message : undefined);
    expect(answer).toMatchObject({ status: 403, body: { code: 'MB_SERVER_SCOPE' } });
  });

  it('SRV-15 accepts mail of the sender domains of the key only', async () => {
    await using service = await startService();
    const call = await service.withKey({ senderDomains: ['sender.test'] });
    expect((await call('POST', '/v1/messages', message)).status).toBe(202);
    const foreign = await call('POST', '/v1/messages', { ...message, from: 'eve@other.test' });
    expect(foreign).toMatchObject({ status: 403, body: { code: 'MB_BROKER_SENDER' } });
    const ready = await call(
      'POST',
      '/v1/messages?from=ann@sender.test&to=bob@one.test',
      Buffer.from('From: eve@other.test\r\n\r\nx\r\n'),
      {
        'content-type': 'message/rfc822',
      },
    );
    expect(ready).toMatchObject({ status: 403 });
  });

  it('SRV-16 SRV-92 counts requests per key and says how many are left', async () => {
    await using service = await startService();
    const call = await service.withKey({ requestsPerMinute: 2 });
    const first = await call('GET', '/v1/recipients');
    expect(first.headers.get('ratelimit')).toMatch(/^"key";r=1;t=\d+$/);
    expect(first.headers.get('ratelimit-policy')).toBe('"key";q=2;w=60');
    await call('GET', '/v1/recipients');
    const third = await call('GET', '/v1/recipients');
    expect(third).toMatchObject({ status: 429, body: { code: 'MB_SERVER_RATE' } });
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await (await service.withKey())('GET', '/v1/recipients')).status).toBe(200);
  });

  it('SRV-17 SRV-93 an address that guesses keys has to wait, and an operator hears of it', async () => {
    const warnings: string[] = [];
    await using service = await startService({ server: { onWarning: (text) => warnings.push(text) } });
    const guess = () =>
      fetch(`${service.url}/v1/recipients`, { headers: { authorization: 'Bearer mb_wrong' } });
    for (let n = 0; n < 10; n++) expect((await guess()).status).toBe(401);
    expect((await guess()).status).toBe(429);
    expect(warnings).toEqual([expect.stringContaining('127.0.0.1')]);
  });

  it('SRV-18 a key of a tenant makes keys of its tenant only', async () => {
    await using service = await startService();
    const call = await service.withKey({ tenant: 'shop' });
    const { body } = await call('POST', '/v1/keys', { name: 'second', scopes: ['send'] });
    expect(body.tenant).toBe('shop');
    const foreign = await call('POST', '/v1/keys', { name: 'third', scopes: ['send'], tenant: 'bank' });
    expect(foreign).toMatchObject({ status: 403, body: { code: 'MB_SERVER_TENANT' } });
  });

  it.each([
    ['a scope that it lacks', { scopes: ['send', 'content'] }, 'MB_SERVER_SCOPE'],
    ['the domain of another tenant', { senderDomains: ['other.test'] }, 'MB_SERVER_TENANT'],
    ['all domains below its own', { senderDomains: ['*.shop.test'] }, 'MB_SERVER_TENANT'],
    ['a longer life', { expiresAt: '2099-01-01T00:00:00Z' }, 'MB_SERVER_TENANT'],
    ['a higher rate', { requestsPerMinute: 1000 }, 'MB_SERVER_TENANT'],
  ])('SAFE-44 a key of a tenant makes no key with %s', async (_, given, code) => {
    await using service = await startService();
    const call = await service.withKey({
      tenant: 'shop',
      scopes: ['send', 'admin'],
      senderDomains: ['shop.test', '*.news.shop.test'],
      expiresAt: '2098-01-01T00:00:00Z',
      requestsPerMinute: 100,
    });
    const refused = await call('POST', '/v1/keys', { name: 'x', scopes: ['send'], ...given });
    expect(refused).toMatchObject({ status: 403, body: { code } });
    const { body } = await call('POST', '/v1/keys', { name: 'x', scopes: ['send'] });
    expect(body).toMatchObject({
      tenant: 'shop',
      senderDomains: ['shop.test', '*.news.shop.test'],
      expiresAt: '2098-01-01T00:00:00Z',
      requestsPerMinute: 100,
    });
    const within = { name: 'x', scopes: ['send'], senderDomains: ['SHOP.test', 'a.news.shop.test'] };
    expect((await call('POST', '/v1/keys', within)).status).toBe(201);
  });
});
