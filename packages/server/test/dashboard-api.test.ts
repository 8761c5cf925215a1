import { describe, expect, it } from 'vitest';
import { startService } from './service.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'S', text: 'x' };

describe('what the dashboard asks for', () => {
  it('DSH-30 the health of the service has findings with what to do', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/messages', message);
    expect((await call('GET', '/v1/health')).body.findings).toEqual([]);
    await call('POST', '/v1/recipients/hold', { domain: 'one.test' });
    await call('PATCH', '/v1/destinations/one.test', { suspended: true, note: 'by agreement' });
    expect((await call('GET', '/v1/health')).body.findings).toMatchObject([
      { severity: 'warning', text: '1 recipient is held.', todo: 'Release or cancel them.' },
      { destination: 'one.test', text: expect.stringContaining('by agreement') },
    ]);
  });

  it('DSH-31 DSH-103 a preview shows a message as a person would see it', async () => {
    await using service = await startService();
    const call = await service.withKey();
    const raw = [
      'DKIM-Signature: v=1; a=rsa-sha256; d=sender.test; s=s1;',
      ' h=from; bh=x; b=y',
      'From: =?utf-8?q?J=C3=B6rg?= <ann@sender.test>',
      'To: bob@one.test',
      'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
      'Date: Mon, 04 May 2026 10:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: multipart/related; boundary=b',
      '',
      '--b',
      'Content-Type: text/html; charset=utf-8',
      '',
      '<p>Hello <img src="cid:pic@x"><img src="https://tracker.test/t.gif"><script>alert(1)</script>',
      '--b',
      'Content-Type: image/png',
      'Content-ID: <pic@x>',
      'Content-Transfer-Encoding: base64',
      '',
      'iVBORw0KGgo=',
      '--b--',
      '',
    ].join('\r\n');
    const { body: accepted } = await call(
      'POST',
      '/v1/messages?from=ann@sender.test&to=bob@one.test',
      new TextEncoder().encode(raw),
      { 'content-type': 'message/rfc822' },
    );
    const { body } = await call('GET', `/v1/messages/${accepted.id}/preview`);
    expect(body).toMatchObject({
      subject: 'Grüße',
      from: 'Jörg <ann@sender.test>',
      to: 'bob@one.test',
      date: '2026-05-04T10:00:00.000Z',
      html: true,
      attachments: [{ contentType: 'image/png', sizeBytes: 8 }],
      signatures: [{ domain: 'sender.test', selector: 's1' }],
    });
    const html = await call('GET', `/v1/messages/${accepted.id}/html`);
    expect(html.body).toContain('src="data:image/png;base64,iVBORw0KGgo="');
    const reader = await service.withKey({ scopes: ['read'] });
    for (const part of ['preview', 'html', 'content']) {
      expect((await reader('GET', `/v1/messages/${accepted.id}/${part}`)).status, part).toBe(403);
    }
  });

  it("DSH-32 a message's HTML runs nothing and loads nothing", async () => {
    await using service = await startService();
    const call = await service.withKey();
    const { body } = await call('POST', '/v1/messages', { ...message, html: '<p>Hi</p>' });
    const { headers, status } = await call('GET', `/v1/messages/${body.id}/html`);
    expect(status).toBe(200);
    const policy = headers.get('content-security-policy')!;
    expect(policy).toMatch(/^sandbox; default-src 'none';/);
    expect(policy).not.toMatch(/allow-|script-src|connect-src|https?:|\*/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    const { body: plain } = await call('POST', '/v1/messages', message);
    expect((await call('GET', `/v1/messages/${plain.id}/html`)).status).toBe(404);
  });

  it('DSH-33 DSH-92 recipients are counted by conditions, of the tenant alone', async () => {
    await using service = await startService();
    const call = await service.withKey();
    const shop = await service.withKey({ tenant: 'shop' });
    await call('POST', '/v1/messages', { ...message, to: ['a@one.test', 'b@two.test'] });
    await shop('POST', '/v1/messages', message);
    const count = async (by: typeof call, query: string) =>
      (await by('GET', `/v1/recipients/count${query}`)).body;
    expect(await count(call, '')).toEqual({ count: 3 });
    expect(await count(call, '?domain=one.test&state=queued')).toEqual({ count: 2 });
    expect(await count(shop, '')).toEqual({ count: 1 });
    expect(await count(call, '?domian=one.test')).toMatchObject({ code: 'MB_SERVER_SCHEMA' });
  });

  it('DSH-34 a change that would concern more recipients than were confirmed is refused', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/messages', { ...message, to: ['a@one.test', 'b@one.test'] });
    const refused = await call('POST', '/v1/recipients/cancel', { domain: 'one.test', atMost: 1 });
    expect(refused).toMatchObject({ status: 409, body: { code: 'MB_SERVER_COUNT' } });
    expect(await call('POST', '/v1/recipients/cancel', { domain: 'one.test', atMost: 2 })).toMatchObject({
      status: 200,
      body: { changed: 2 },
    });
    // The number alone is no condition.
    expect((await call('POST', '/v1/recipients/cancel', { atMost: 5 })).status).toBe(422);
  });

  it('DSH-35 counts over time can be asked for by domain, with a key of all tenants', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/messages', message);
    service.broker.start();
    const delivered = async (domain: string) =>
      (await call('GET', `/v1/stats?domain=${domain}`)).body.total.delivered;
    await expect.poll(() => delivered('one.test'), { timeout: 15_000 }).toBe(1);
    expect(await delivered('two.test')).toBe(0);
    const shop = await service.withKey({ tenant: 'shop' });
    expect((await shop('GET', '/v1/stats?domain=one.test')).status).toBe(403);
    expect((await call('GET', '/v1/stats?domain=one.test&tenant=shop')).status).toBe(422);
  });

  it('DSH-36 the replies of a destination are grouped by rule', async () => {
    await using service = await startService({ script: { rcpt: '450 4.2.0 Greylisted, try again later' } });
    const call = await service.withKey();
    await call('POST', '/v1/messages', { ...message, to: ['a@one.test', 'b@one.test'] });
    service.broker.start();
    const replies = async () => {
      const [recipient] = (await call('GET', '/v1/recipients')).body.data;
      const path = `/v1/destinations/${encodeURIComponent(recipient.destination)}/replies`;
      return (await call('GET', path)).body.data;
    };
    await expect.poll(replies, { timeout: 15_000 }).toMatchObject([
      {
        count: 2,
        latest: expect.stringContaining('Greylisted'),
        category: 'temporary-host',
        host: 'mx.test',
      },
    ]);
  });
});

it('DSH-37 every limit of a destination that the API takes is one that the queue knows', async () => {
  await using service = await startService();
  const call = await service.withKey();
  const limits = { startConcurrency: 2, maxConcurrency: 4, rates: [{ count: 10, perMs: 1000 }] };
  expect((await call('PATCH', '/v1/destinations/one.test', { limits, note: 'slow' })).status).toBe(204);
  await call('POST', '/v1/messages', message);
  const { body } = await call('GET', '/v1/destinations/one.test');
  expect(body).toMatchObject({ limits, note: 'slow' });
});

it('DSH-38 one address is looked up in the suppression list, of the tenant alone', async () => {
  await using service = await startService();
  const call = await service.withKey();
  const shop = await service.withKey({ tenant: 'shop' });
  await call('POST', '/v1/suppressions', { entries: [{ address: 'a@one.test' }, { address: 'b@one.test' }] });
  const found = async (by: typeof call, address: string) =>
    (await by('GET', `/v1/suppressions?address=${encodeURIComponent(address)}`)).body;
  expect((await found(call, 'B@one.test')).data).toMatchObject([{ address: 'b@one.test' }]);
  expect((await found(call, 'c@one.test')).data).toEqual([]);
  expect((await found(shop, 'b@one.test')).data).toEqual([]);
  expect(await found(call, 'no address')).toMatchObject({ status: 422, code: 'MB_BROKER_ADDRESS' });
});
