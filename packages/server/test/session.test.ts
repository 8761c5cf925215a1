import { describe, expect, it } from 'vitest';
import { type Service, startService } from './service.ts';

/** Logs in with a token; gives the response and the cookie that a browser would keep. */
async function logIn(
  service: Service,
  token: string,
  body: object = {},
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${service.url}/v1/session`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const setCookie = response.headers.get('set-cookie') ?? '';
  return { response, setCookie, cookie: setCookie.split(';')[0]! };
}

function request(
  service: Service,
  cookie: string,
  method: string,
  path: string,
  headers: Record<string, string> = { 'x-mb-request': '1' },
) {
  return fetch(`${service.url}${path}`, { method, headers: { cookie, ...headers } });
}

describe('sessions of browsers', () => {
  it('DSH-01 a key is exchanged for a cookie that scripts cannot read and other sites do not send', async () => {
    await using service = await startService();
    const { token, id } = await service.withKey({ name: 'operator', scopes: ['read'] });
    const { response, setCookie, cookie } = await logIn(service, token);
    expect(response.status).toBe(201);
    expect(setCookie).toMatch(/; HttpOnly/);
    expect(setCookie).toMatch(/; SameSite=Strict/);
    expect(setCookie).not.toMatch(/Path=|Domain=|Secure/);
    expect(setCookie).not.toContain(token);
    expect((await logIn(service, token, {}, { 'x-forwarded-proto': 'https' })).setCookie).toMatch(/; Secure/);
    const session = await request(service, cookie, 'GET', '/v1/session');
    expect(await session.json()).toMatchObject({
      key: { id, name: 'operator', scopes: ['read'] },
      readOnly: false,
    });
    expect((await request(service, cookie, 'GET', '/v1/messages')).status).toBe(200);
    expect((await request(service, cookie, 'GET', '/v1/keys')).status).toBe(403);
  });

  it('DSH-02 a change with a cookie needs a header that no other site can send', async () => {
    await using service = await startService();
    const { token } = await service.withKey();
    const { cookie } = await logIn(service, token);
    const refused = await request(service, cookie, 'POST', '/v1/messages/1/hold', {});
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ code: 'MB_SERVER_CSRF' });
    expect((await request(service, cookie, 'POST', '/v1/messages/1/hold')).status).toBe(404);
    // No answer lets another site send the header.
    const preflight = await request(service, cookie, 'OPTIONS', '/v1/messages/1/hold', {
      origin: 'https://elsewhere.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-mb-request',
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('DSH-03 a session ends by logging out, by its time, and with its key', async () => {
    let now = Date.now();
    await using service = await startService({
      server: { now: () => now, sessions: { lifetimeMs: 60_000 } },
    });
    const { token } = await service.withKey();
    const first = await logIn(service, token);
    expect((await request(service, first.cookie, 'DELETE', '/v1/session')).status).toBe(204);
    expect((await request(service, first.cookie, 'GET', '/v1/session')).status).toBe(401);
    const second = await logIn(service, token);
    expect((await request(service, second.cookie, 'GET', '/v1/session')).status).toBe(200);
    now += 60_001;
    expect((await request(service, second.cookie, 'GET', '/v1/session')).status).toBe(401);
    const short = await service.withKey({ expiresAt: new Date(now + 30_000).toISOString() });
    const third = await logIn(service, short.token);
    expect(Date.parse(((await third.response.json()) as { expiresAt: string }).expiresAt)).toBe(now + 30_000);
    now += 31_000;
    expect((await request(service, third.cookie, 'GET', '/v1/messages')).status).toBe(401);
    const revoked = await service.withKey();
    const fourth = await logIn(service, revoked.token);
    await service.server.keys.revoke(revoked.id);
    expect((await request(service, fourth.cookie, 'GET', '/v1/messages')).status).toBe(401);
    for (const value of ['mb_session=x', 'mb_session=', `mb_session=${'a'.repeat(16)}_${'b'.repeat(43)}`]) {
      expect((await request(service, value, 'GET', '/v1/session')).status).toBe(401);
    }
  });

  it('DSH-04 a read-only session changes nothing, by choice or by the option of the server', async () => {
    await using service = await startService();
    const { token } = await service.withKey();
    const { cookie, response } = await logIn(service, token, { readOnly: true });
    expect(await response.json()).toMatchObject({ readOnly: true, key: { scopes: ['read', 'content'] } });
    expect((await request(service, cookie, 'GET', '/v1/messages')).status).toBe(200);
    for (const path of ['/v1/messages/1/cancel', '/v1/keys', '/v1/messages']) {
      expect((await request(service, cookie, 'POST', path)).status, path).toBe(403);
    }
    await using strict = await startService({ host: 2, server: { sessions: { readOnly: true } } });
    const other = await logIn(strict, (await strict.withKey()).token);
    expect((await request(strict, other.cookie, 'POST', '/v1/messages/1/cancel')).status).toBe(403);
  });

  it('DSH-05 DSH-16 a session begins with a key only, and wrong keys are counted', async () => {
    await using service = await startService();
    const { token } = await service.withKey();
    const { cookie } = await logIn(service, token);
    const again = await fetch(`${service.url}/v1/session`, {
      method: 'POST',
      headers: { cookie, 'x-mb-request': '1', 'content-type': 'application/json' },
      body: '{}',
    });
    expect(again.status).toBe(401);
    const wrong = `mb_${'0'.repeat(16)}_${'x'.repeat(43)}`;
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) statuses.push((await logIn(service, wrong)).response.status);
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses[10]).toBe(429);
  });

  it('DSH-06 a key has at most 20 sessions; the oldest ends', async () => {
    let now = Date.now();
    await using service = await startService({ server: { now: () => now++ } });
    const { token } = await service.withKey();
    const cookies: string[] = [];
    for (let i = 0; i < 21; i++) cookies.push((await logIn(service, token)).cookie);
    expect((await request(service, cookies[0]!, 'GET', '/v1/session')).status).toBe(401);
    expect((await request(service, cookies[1]!, 'GET', '/v1/session')).status).toBe(200);
    const { rows } = await service.store.records.list('session', { limit: 1000 });
    expect(rows).toHaveLength(20);
  });

  it('DSH-07 DSH-94 the server mounts a dashboard at /ui, and has none by default', async () => {
    await using plain = await startService();
    expect((await fetch(`${plain.url}/ui/`)).status).toBe(404);
    const dashboard = async (asked: Request) => new Response(`page of ${new URL(asked.url).pathname}`);
    await using service = await startService({ host: 2, server: { dashboard } });
    for (const path of ['/ui', '/ui/', '/ui/assets/a.js']) {
      expect(await (await fetch(`${service.url}${path}`)).text()).toBe(`page of ${path}`);
    }
    expect((await fetch(`${service.url}/ui/`, { method: 'POST' })).status).toBe(404);
  });
});
