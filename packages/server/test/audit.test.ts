import { describe, expect, it } from 'vitest';
import { AuditLog } from '../src/audit-log.ts';
import { startService } from './service.ts';

describe('the audit log', () => {
  it('DSH-10 each change has an entry with who, what, when and the result', async () => {
    await using service = await startService();
    const call = await service.withKey({ name: 'operator' });
    const before = Date.now();
    await call('POST', '/v1/recipients/hold', { domain: 'one.test' });
    await call('DELETE', '/v1/suppressions/bob%40one.test');
    await call('GET', '/v1/messages');
    const { body } = await call('GET', '/v1/audit');
    expect(body.data).toMatchObject([
      {
        keyId: call.id,
        keyName: 'operator',
        session: false,
        address: '127.0.0.1',
        method: 'DELETE',
        path: '/v1/suppressions/bob@one.test',
        status: 404,
      },
      {
        method: 'POST',
        path: '/v1/recipients/hold',
        details: { body: { domain: 'one.test' } },
        status: 200,
      },
    ]);
    expect(Date.parse(body.data[0].at)).toBeGreaterThanOrEqual(before);
    const csv = (await call('GET', '/v1/audit/export')).body as string;
    expect(csv.split('\r\n')).toHaveLength(4);
    expect(csv).toContain('POST,/v1/recipients/hold,200');
  });

  it('DSH-11 no change is made when its entry cannot be written', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/suppressions', { entries: [{ address: 'bob@one.test' }] });
    const { records } = service.store;
    const put = records.put.bind(records);
    records.put = async (collection, ...rest) => {
      if (collection === 'audit') throw new Error('The disk is full.');
      return put(collection, ...rest);
    };
    expect((await call('DELETE', '/v1/suppressions/bob%40one.test')).status).toBe(500);
    records.put = put;
    expect((await call('GET', '/v1/suppressions')).body.data).toHaveLength(1);
  });

  it('DSH-12 DSH-95 an entry has no secrets and bounded details', async () => {
    await using service = await startService();
    const call = await service.withKey();
    const { body: made } = await call('POST', '/v1/keys', { name: 'shop', scopes: ['send'] });
    const addresses = Array.from({ length: 500 }, (_, n) => ({ address: `${'x'.repeat(300)}${n}@one.test` }));
    await call('POST', '/v1/suppressions', { entries: addresses });
    await call('POST', '/v1/recipients/hold', {
      secret: 's3cret-value',
      nested: { privateKey: 's3cret-value' },
      url: 'https://user:s3cret-value@hooks.example.com/x',
    });
    const { body } = await call('GET', '/v1/audit');
    const text = JSON.stringify(body);
    expect(text).not.toContain(made.token);
    expect(text).not.toContain('s3cret-value');
    expect(text).toContain('hooks.example.com');
    for (const entry of body.data) expect(JSON.stringify(entry).length).toBeLessThan(10_000);
    expect(body.data[1].details.body.entries).toHaveLength(21);
  });

  it('DSH-17 a request whose details do not fit into a record gets its own answer', async () => {
    await using service = await startService();
    const call = await service.withKey();
    const object = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, 'ü'.repeat(200)]));
    const given = { unknown: new Array(20).fill(object) };
    const answer = await call('POST', '/v1/recipients/hold', given);
    expect(answer).toMatchObject({ status: 422, body: { code: 'MB_SERVER_SCHEMA' } });
    const { body } = await call('GET', '/v1/audit');
    expect(body.data).toMatchObject([{ path: '/v1/recipients/hold', status: 422 }]);
    expect(body.data[0].details).toEqual({ bodyBytes: Buffer.byteLength(JSON.stringify(given)) });
  });

  it('DSH-13 a key of one tenant sees what the keys of its tenant did', async () => {
    await using service = await startService();
    const shop = await service.withKey({ tenant: 'shop' });
    const bank = await service.withKey({ tenant: 'bank' });
    await bank('POST', '/v1/recipients/hold', { all: true });
    await shop('POST', '/v1/recipients/cancel', { all: true });
    const { body } = await shop('GET', '/v1/audit');
    expect(body.data).toMatchObject([{ path: '/v1/recipients/cancel', tenant: 'shop' }]);
    expect((await shop('GET', '/v1/audit/export')).body).not.toContain('bank');
    const reader = await service.withKey({ scopes: ['read', 'operate'] });
    expect((await reader('GET', '/v1/audit')).status).toBe(403);
  });

  it('DSH-14 acceptance of messages has no entries', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/messages', { from: 'a@one.test', to: 'b@one.test', text: 'x' });
    expect((await call('GET', '/v1/audit')).body.data).toEqual([]);
  });

  it('DSH-15 entries older than a year go', async () => {
    await using service = await startService();
    const { records } = service.store;
    let now = Date.parse('2026-01-01T00:00:00Z');
    const log = new AuditLog({ records, now: () => now, onError: (error) => expect.fail(String(error)) });
    const entry = { keyId: 'k', keyName: 'n', session: false, method: 'POST', path: '/v1/keys' };
    await (await log.begin(entry))(201);
    now += 300 * 86_400_000;
    await (await log.begin(entry))(201);
    now += 100 * 86_400_000;
    await (await log.begin(entry))(201);
    await expect.poll(async () => (await log.list({})).rows.length).toBe(2);
  });
});
