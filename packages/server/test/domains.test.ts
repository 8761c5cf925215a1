import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { type Service, startService } from './service.ts';

interface KeyView {
  readonly selector: string;
  readonly record: { readonly name: string; readonly value: string };
}

/** Puts the records of keys into the DNS of the test. */
function publish({ dns }: Service, keys: readonly KeyView[]): void {
  for (const { record } of keys) dns.setRecords('test', record.name, { TXT: record.value });
}

const algorithms = ['ed25519-sha256'];

describe('/v1/domains', () => {
  it('DOM-60 adds a domain, shows what to publish, checks, rotates, and removes a key and the domain', async () => {
    await using service = await startService({ masterKey: true });
    const call = await service.withKey();
    const added = await call('POST', '/v1/domains', { domain: 'Shop.test', algorithms });
    expect(added).toMatchObject({ status: 201, body: { domain: 'shop.test', ready: false } });
    expect(added.headers.get('location')).toBe('/v1/domains/shop.test');
    const unseen = await call('POST', '/v1/domains/shop.test/check');
    expect(unseen).toMatchObject({ status: 200, body: { ok: false, domain: { keys: [{ state: 'next' }] } } });
    publish(service, added.body.keys);
    service.dns.setRecords('test', 'client', { A: '192.0.2.1' });
    service.dns.setRecords('test', 'shop', { TXT: 'v=spf1 a:client.test ~all' });
    const seen = await call('POST', '/v1/domains/shop.test/check');
    expect(seen.body).toMatchObject({ ok: true, domain: { ready: true, keys: [{ state: 'active' }] } });
    expect(seen.body.records).toContainEqual(expect.objectContaining({ purpose: 'spf', status: 'seen' }));
    const zone = await call('GET', '/v1/domains/shop.test/zone');
    expect(zone.headers.get('content-type')).toContain('text/plain');
    expect(zone.body).toContain(`${added.body.keys[0].record.name}. 3600 IN TXT`);
    const rotated = await call('POST', '/v1/domains/shop.test/rotate');
    expect(rotated.body.keys).toMatchObject([{ state: 'active' }, { state: 'next' }]);
    expect(await call('POST', '/v1/domains/shop.test/rotate')).toMatchObject({
      status: 409,
      body: { code: 'MB_BROKER_DOMAIN_KEY' },
    });
    const { selector } = rotated.body.keys[1];
    const ended = await call('DELETE', `/v1/domains/shop.test/keys/${selector}`);
    expect(ended.body.keys).toMatchObject([{ state: 'active' }]);
    expect((await call('GET', '/v1/domains')).body.data).toEqual([ended.body]);
    expect((await call('DELETE', '/v1/domains/shop.test')).status).toBe(204);
    expect(await call('GET', '/v1/domains/shop.test')).toMatchObject({ status: 404 });
  });

  it('DOM-122 changes settings, and refuses a version of before', async () => {
    await using service = await startService({ masterKey: true });
    const call = await service.withKey();
    const { body: added } = await call('POST', '/v1/domains', { domain: 'shop.test', algorithms });
    const path = '/v1/domains/shop.test';
    const changes = { returnPath: 'bounces.shop.test', tls: 'required', ifVersion: added.version };
    const changed = await call('PATCH', path, changes);
    expect(changed).toMatchObject({
      status: 200,
      body: { returnPath: 'bounces.shop.test', tls: 'required' },
    });
    expect(await call('PATCH', path, { tls: null, ifVersion: added.version })).toMatchObject({
      status: 409,
      body: { code: 'MB_BROKER_RECORD_CONFLICT' },
    });
    expect((await call('PATCH', path, { tls: null })).body).not.toHaveProperty('tls');
    expect(await call('PATCH', path, { returnPath: 'bounces.other.test' })).toMatchObject({
      status: 422,
      body: { code: 'MB_BROKER_DOMAIN' },
    });
    const shop = await service.withKey({ tenant: 'shop', scopes: ['admin', 'read'] });
    expect(await shop('PATCH', path, { tls: null })).toMatchObject({ status: 404 });
    await call('PATCH', path, { tenant: 'shop' });
    expect(await shop('PATCH', path, { tenant: null })).toMatchObject({ status: 403 });
  });

  it('DOM-123 gives the file that belongs to the _mta-sts record', async () => {
    await using service = await startService({ masterKey: true });
    const call = await service.withKey({ scopes: ['admin', 'read'] });
    await call('POST', '/v1/domains', { domain: 'shop.test', algorithms, returnPath: 'bounces.shop.test' });
    expect((await call('GET', '/v1/domains/shop.test/mta-sts')).body).toMatchObject({
      domain: 'bounces.shop.test',
      url: 'https://mta-sts.bounces.shop.test/.well-known/mta-sts.txt',
      policy: expect.stringContaining('mx: client.test\r\n'),
    });
  });

  it('DOM-124 takes a key that a domain has already; it must be that of its record', async () => {
    await using service = await startService({ masterKey: true });
    const call = await service.withKey();
    const makeKey = () => {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519');
      const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
      return {
        privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
        record: `v=DKIM1; k=ed25519; p=${raw.toString('base64')}`,
      };
    };
    const own = makeKey();
    const other = makeKey();
    service.dns.setRecords('test', 's1._domainkey.shop.test', { TXT: own.record });
    const add = ({ privateKey }: { readonly privateKey: string }) =>
      call('POST', '/v1/domains', { domain: 'shop.test', keys: [{ selector: 's1', privateKey }] });
    expect(await add(other)).toMatchObject({ status: 409, body: { code: 'MB_BROKER_DOMAIN_KEY' } });
    const added = await add(own);
    expect(added).toMatchObject({ status: 201, body: { keys: [{ selector: 's1', state: 'next' }] } });
    expect((await call('POST', '/v1/domains/shop.test/check')).body.domain).toMatchObject({ ready: true });
    const log = await call('GET', '/v1/audit');
    expect(JSON.stringify([added.body, log.body])).not.toContain('PRIVATE KEY');
    expect(JSON.stringify(log.body)).toContain('"selector":"s1"');
  });

  it('DOM-95 no answer has a private key or what opens it', async () => {
    await using service = await startService({ masterKey: true });
    const call = await service.withKey();
    await call('POST', '/v1/domains', { domain: 'shop.test', algorithms, returnPath: 'bounces.shop.test' });
    const answers = await Promise.all([
      call('GET', '/v1/domains'),
      call('GET', '/v1/domains/shop.test'),
      call('POST', '/v1/domains/shop.test/check'),
      call('POST', '/v1/domains', { domain: 'other.test', algorithms, returnPath: 'bounces.other.test' }),
    ]);
    for (const { status, body } of answers) {
      expect(status).toBeLessThan(300);
      expect(JSON.stringify(body)).not.toMatch(/PRIVATE|handle|nonce|cipher|Secret/);
    }
  });

  it.each([
    ['a public suffix', { domain: 'co.uk' }, 422, 'MB_BROKER_DOMAIN'],
    ['an address', { domain: '192.0.2.1' }, 422, 'MB_BROKER_DOMAIN'],
    ['a single label', { domain: 'localhost' }, 422, 'MB_BROKER_DOMAIN'],
    ['a return path elsewhere', { domain: 'shop.test', returnPath: 'other.test' }, 422, 'MB_BROKER_DOMAIN'],
    ['a field that it does not know', { domain: 'shop.test', privateKey: 'x' }, 422, 'MB_SERVER_REQUEST'],
  ])('DOM-61 refuses %s with the reason', async (_, body, status, code) => {
    await using service = await startService({ masterKey: true });
    const call = await service.withKey();
    const answer = await call('POST', '/v1/domains', body);
    expect(answer.status).toBe(status);
    if (code !== 'MB_SERVER_REQUEST') expect(answer.body.code).toBe(code);
    expect(answer.body.detail.length).toBeGreaterThan(10);
  });

  it('DOM-62 a key of a tenant adds domains of its tenant, and none that another has', async () => {
    await using service = await startService({ masterKey: true });
    const shop = await service.withKey({ tenant: 'shop' });
    const bank = await service.withKey({ tenant: 'bank' });
    expect((await shop('POST', '/v1/domains', { domain: 'shop.test', algorithms })).body.tenant).toBe('shop');
    for (const domain of ['shop.test', 'news.shop.test']) {
      expect(await bank('POST', '/v1/domains', { domain, algorithms })).toMatchObject({
        status: 409,
        body: { code: 'MB_BROKER_DOMAIN_TAKEN' },
      });
    }
    const foreign = await shop('POST', '/v1/domains', { domain: 'bank.test', tenant: 'bank', algorithms });
    expect(foreign).toMatchObject({ status: 403, body: { code: 'MB_SERVER_TENANT' } });
    expect((await bank('GET', '/v1/domains')).body.data).toEqual([]);
    expect((await bank('POST', '/v1/domains/shop.test/rotate')).status).toBe(404);
    expect((await bank('DELETE', '/v1/domains/shop.test')).status).toBe(404);
    const all = await service.withKey();
    expect((await all('GET', '/v1/domains')).body.data).toHaveLength(1);
  });

  it.each([
    ['read', 'POST', '/v1/domains'],
    ['read', 'POST', '/v1/domains/shop.test/check'],
    ['read', 'POST', '/v1/domains/shop.test/rotate'],
    ['operate', 'PATCH', '/v1/domains/shop.test'],
    ['operate', 'DELETE', '/v1/domains/shop.test'],
    ['operate', 'DELETE', '/v1/domains/shop.test/keys/s1'],
    ['send', 'GET', '/v1/domains'],
  ] as const)('DOM-136 a key with scope %s may not %s %s', async (scope, method, path) => {
    await using service = await startService({ masterKey: true });
    const call = await service.withKey({ scopes: [scope] });
    const answer = await call(
      method,
      path,
      path === '/v1/domains' && method === 'POST' ? { domain: 'a.test' } : undefined,
    );
    expect(answer).toMatchObject({ status: 403, body: { code: 'MB_SERVER_SCOPE' } });
  });

  it('DOM-63 DOM-108 without a master key domains can be looked at, and what needs one says so', async () => {
    await using service = await startService();
    const call = await service.withKey();
    expect((await call('GET', '/v1/domains')).body).toEqual({ data: [] });
    expect(await call('POST', '/v1/domains', { domain: 'shop.test' })).toMatchObject({
      status: 409,
      body: { code: 'MB_BROKER_MASTER_KEY' },
    });
  });

  it('DOM-60 the typed client knows the routes', async () => {
    await using service = await startService({ masterKey: true });
    const { token } = await service.withKey();
    const client = createClient({ url: service.url, token });
    const { data } = await client.POST('/v1/domains', {
      body: { domain: 'shop.test', algorithms: ['ed25519-sha256'] },
    });
    expect(data?.records.map(({ purpose }) => purpose)).toContain('dkim');
    const { error } = await client.GET('/v1/domains/{domain}', {
      params: { path: { domain: 'other.test' } },
    });
    expect(error?.code).toBe('MB_SERVER_NOT_FOUND');
  });
});
