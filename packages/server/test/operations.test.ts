import { describe, expect, it } from 'vitest';
import { startService } from './service.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi', text: 'Hello' };

describe('the queue', () => {
  it('SRV-30 SRV-95 SRV-94 delivers what was accepted, and tells it as events', async () => {
    await using service = await startService();
    const call = await service.withKey();
    service.broker.start();
    const { body } = await call('POST', '/v1/messages', message);
    const response = await fetch(`${service.url}/v1/events/stream?after=start&types=delivered`, {
      headers: { authorization: `Bearer ${call.token}` },
    });
    let seen = '';
    for await (const chunk of response.body!) {
      seen += new TextDecoder().decode(chunk);
      if (seen.includes('\n\n')) break;
    }
    expect(seen).toMatch(/^id: \S+$/m);
    expect(seen).toMatch(/^event: delivered$/m);
    expect(seen).toContain(`"messageId":"${body.id}"`);
    expect(service.host.messages).toHaveLength(1);
    const { body: page } = await call('GET', '/v1/events');
    expect(page.data.map((event: { type: string }) => event.type)).toContain('delivered');
    expect((await call('GET', `/v1/events?after=${page.next}`)).body).toEqual({ data: [], next: page.next });
  });

  it('SRV-71 SRV-98 refuses unknown types of events, and cursors that are none, before a stream begins', async () => {
    await using service = await startService();
    const call = await service.withKey();
    for (const path of ['/v1/events?types=delivered,dellivered', '/v1/events/stream?types=opened']) {
      expect(await call('GET', path)).toMatchObject({ status: 422, body: { errors: [{ path: 'types' }] } });
    }
    expect((await call('GET', '/v1/events?types=delivered,failed')).status).toBe(200);
    for (const cursor of ['nonsense', '-1']) {
      expect((await call('GET', `/v1/events/stream?after=${cursor}`)).status).toBe(422);
      const answer = await call('GET', '/v1/events/stream', undefined, { 'last-event-id': cursor });
      expect(answer.status).toBe(422);
    }
  });

  it('SRV-31 holds, releases, retries and cancels a message', async () => {
    await using service = await startService();
    const call = await service.withKey();
    const { body } = await call('POST', '/v1/messages', message);
    const state = async () => (await call('GET', `/v1/messages/${body.id}`)).body.recipients[0].state;
    expect((await call('POST', `/v1/messages/${body.id}/hold`)).body).toEqual({ changed: 1 });
    expect(await state()).toBe('held');
    await call('POST', `/v1/messages/${body.id}/release`);
    expect(await state()).toBe('queued');
    expect((await call('POST', `/v1/messages/${body.id}/retry`)).body).toEqual({ changed: 1 });
    await call('POST', `/v1/messages/${body.id}/cancel`);
    expect(await state()).toBe('cancelled');
  });

  it('SRV-32 pages through recipients', async () => {
    await using service = await startService();
    const call = await service.withKey();
    for (let n = 0; n < 5; n++)
      await call('POST', '/v1/messages', { ...message, to: `n${n}@one.test`, tag: n < 3 ? 'a' : 'b' });
    const addresses: string[] = [];
    let next: string | undefined;
    do {
      const { body } = await call(
        'GET',
        `/v1/recipients?tag=a&limit=2${next === undefined ? '' : `&after=${next}`}`,
      );
      addresses.push(...body.data.map((row: { address: string }) => row.address));
      next = body.next;
    } while (next !== undefined);
    expect(addresses.sort()).toEqual(['n0@one.test', 'n1@one.test', 'n2@one.test']);
  });

  it('SRV-33 suppresses addresses, shows, exports and lifts them', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/suppressions', {
      entries: [{ address: 'bob@one.test' }, { address: '=cmd@one.test', reason: 'complaint' }],
    });
    expect((await call('GET', '/v1/suppressions')).body.data).toHaveLength(2);
    const { body } = await call('POST', '/v1/messages', message);
    expect(body.id).toBeUndefined();
    expect(body.recipients).toMatchObject([
      { status: 'failed', reason: expect.stringContaining('suppression list') },
    ]);
    const csv = await call('GET', '/v1/suppressions/export');
    expect(csv.body).toMatch(/^address,reason,since\r\n/);
    expect(csv.body).not.toMatch(/^=/m);
    expect((await call('DELETE', `/v1/suppressions/${encodeURIComponent('bob@one.test')}`)).status).toBe(204);
    expect((await call('DELETE', `/v1/suppressions/${encodeURIComponent('bob@one.test')}`)).status).toBe(404);
    expect((await call('POST', '/v1/messages', message)).body.id).toBeDefined();
    const wrong = await call('POST', '/v1/suppressions', {
      entries: [{ address: 'ok@one.test' }, { address: 'bob' }],
    });
    expect(wrong).toMatchObject({ status: 422, body: { code: 'MB_BROKER_ADDRESS' } });
  });

  it('SRV-34 suspends and resumes a destination', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/messages', message);
    expect(
      (await call('PATCH', '/v1/destinations/one.test', { suspended: true, note: 'They asked.' })).status,
    ).toBe(204);
    expect((await call('GET', '/v1/destinations/one.test')).body).toMatchObject({
      suspended: true,
      note: 'They asked.',
    });
    await call('PATCH', '/v1/destinations/one.test', { suspended: false, limits: { maxConcurrency: 2 } });
    expect((await call('GET', '/v1/destinations')).body.data).toMatchObject([
      { destination: 'one.test', suspended: false, limits: { maxConcurrency: 2 } },
    ]);
    expect(await call('PATCH', '/v1/destinations/one.test', { limits: { maxConcurency: 2 } })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/limits/maxConcurency' }] },
    });
    expect((await call('PATCH', '/v1/destinations/one.test', {})).status).toBe(422);
  });

  it('SRV-69 gives workers rules of replies, in order, and refuses those that were changed meanwhile', async () => {
    await using service = await startService({ script: { rcpt: '554 5.7.1 Closed for good' } });
    service.broker.start();
    const call = await service.withKey();
    expect((await call('GET', '/v1/reply-rules')).body).toEqual({ rules: [], version: 0 });
    const words = { category: 'bad-mailbox', scope: 'recipient', action: 'suppress' };
    const rule = { id: 'closed', host: '*.test', text: 'closed for good', ...words };
    const { status, body } = await call('PUT', '/v1/reply-rules', { rules: [rule], version: 0 });
    expect({ status, rules: body.rules }).toEqual({ status: 200, rules: [rule] });
    expect((await call('GET', '/v1/reply-rules')).body).toEqual(body);
    await expect
      .poll(async () => {
        const { id } = (await call('POST', '/v1/messages', message)).body;
        const shown = id && (await call('GET', `/v1/messages/${id}`)).body.recipients[0];
        return shown?.detail?.rule ?? (id ? undefined : 'suppressed');
      })
      .toBe('suppressed');
    expect((await call('GET', '/v1/suppressions')).body.data).toMatchObject([{ reason: 'bad-mailbox' }]);
    const reply = encodeURIComponent('554 5.7.1 Closed for good');
    const explained = await call('GET', `/v1/explain-reply?reply=${reply}&host=mx.test`);
    expect(explained.body).toMatchObject({ own: true, rule: { id: 'closed' } });
    expect(await call('PUT', '/v1/reply-rules', { rules: [], version: 0 })).toMatchObject({
      status: 409,
      body: { code: 'MB_BROKER_RECORD_CONFLICT' },
    });
    const wrong = await call('PUT', '/v1/reply-rules', { rules: [{ ...rule, category: 'rates' }] });
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ path: '/rules/0/category' }] } });
    expect((await call('PUT', '/v1/reply-rules', { rules: [rule, rule] })).status).toBe(422);
    expect((await call('PUT', '/v1/reply-rules', { rules: [] })).status).toBe(200);
  });

  it('SRV-35 explains a delivery and a reply', async () => {
    await using service = await startService();
    const call = await service.withKey();
    const explained = await call('POST', '/v1/explain', message);
    expect(JSON.stringify(explained.body)).toContain('mx.test');
    const reply = await call(
      'GET',
      `/v1/explain-reply?reply=${encodeURIComponent('550 5.1.1 No such user')}`,
    );
    expect(JSON.stringify(reply.body)).toContain('bad-mailbox');
  });
});

describe('the service', () => {
  it('SRV-40 SRV-90 is alive and ready without a key, and not ready while it stops', async () => {
    await using service = await startService();
    expect((await fetch(`${service.url}/livez`)).status).toBe(200);
    expect(await (await fetch(`${service.url}/readyz`)).json()).toEqual({ ready: true, reasons: [] });
    await service.server.close();
    const response = await service.server.fetch(new Request('http://server.test/readyz'));
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, reasons: ['The server is stopping.'] });
  });

  it('SRV-41 refuses a message that is too large before it has read it', async () => {
    await using service = await startService({ server: { maxMessageBytes: 10_000 } });
    const { token } = await service.withKey();
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(16 * 1024));
      },
    });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await service.server.fetch(
      new Request('http://server.test/v1/messages', {
        method: 'POST',
        headers,
        body: endless,
        duplex: 'half',
      } as RequestInit),
    );
    expect(response.status).toBe(413);
    expect(pulled).toBeLessThan(10);
    const declared = await service.server.fetch(
      new Request('http://server.test/v1/messages?from=a@b.test&to=c@one.test', {
        method: 'POST',
        headers: { ...headers, 'content-type': 'message/rfc822', 'content-length': '50000' },
        body: 'x',
      }),
    );
    expect(declared.status).toBe(413);
  });

  it('SRV-42 refuses more requests at once than it has room for, with Retry-After', async () => {
    await using service = await startService({ server: { maxInFlight: 2 } });
    const { token } = await service.withKey();
    const hanging = () => {
      let end = () => {};
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          end = () => controller.close();
        },
      });
      const request = new Request('http://server.test/v1/messages', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body,
        duplex: 'half',
      } as RequestInit);
      return { answer: service.server.fetch(request), end };
    };
    const slow = [hanging(), hanging()];
    await new Promise((resolve) => setTimeout(resolve, 50));
    const refused = hanging();
    const response = await refused.answer;
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    for (const { end, answer } of slow) {
      end();
      expect((await answer).status).toBe(400);
    }
  });

  it('SRV-43 SRV-96 answers 503 and accepts nothing while the store is down', async () => {
    const errors: unknown[] = [];
    await using service = await startService({ server: { onError: (error) => errors.push(error) } });
    const call = await service.withKey();
    await call('GET', '/v1/recipients');
    const accept = service.broker.enqueue;
    const { BrokerError } = await import('@mb/broker');
    service.broker.enqueue = async () => {
      throw new BrokerError(
        'MB_BROKER_STORE_FAILED',
        'internal',
        'disk I/O error in /var/lib/secret/queue.db',
      );
    };
    const answer = await call('POST', '/v1/messages', message);
    service.broker.enqueue = accept;
    expect(answer).toMatchObject({ status: 503, body: { code: 'MB_BROKER_STORE_FAILED' } });
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(errors).toHaveLength(1);
  });

  it('SRV-44 tells an operator how the queue is', async () => {
    await using service = await startService();
    const call = await service.withKey();
    await call('POST', '/v1/messages', message);
    expect((await call('GET', '/v1/health')).body).toMatchObject({
      queued: 1,
      inFlight: 0,
      running: false,
      troubles: [],
    });
  });
});

describe('import of suppressions', () => {
  it('SRV-61 reads what the export writes, all of it or nothing', async () => {
    await using service = await startService({ host: 15 });
    const shop = await service.withKey({ tenant: 'shop' });
    const bank = await service.withKey({ tenant: 'bank' });
    const send = (call: typeof shop, csv: string) =>
      call('POST', '/v1/suppressions/import', Buffer.from(csv), { 'content-type': 'text/csv' });
    expect(await send(shop, 'reason,address\r\ncomplaint,bob@one.test\r\n,carol@one.test\r\n')).toMatchObject(
      {
        status: 200,
        body: { entries: 2 },
      },
    );
    const exported = (await shop('GET', '/v1/suppressions/export')).body as string;
    expect((await send(bank, exported)).body).toEqual({ entries: 2 });
    expect((await bank('GET', '/v1/suppressions')).body.data).toMatchObject([
      { address: 'bob@one.test', reason: 'complaint' },
      { address: 'carol@one.test', reason: 'operator' },
    ]);
    const refused = await send(bank, 'address,reason\r\nnew@one.test,operator\r\nno address,bored\r\n');
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'line 3' }, { path: 'line 3' }] },
    });
    expect((await bank('GET', '/v1/suppressions')).body.data).toHaveLength(2);
    // The number is that of the file, and an address that can be on the list can be imported.
    const shifted = await send(bank, 'address\r\n\r\n"a..b@one.test"\r\nno address\r\n');
    expect(shifted.body.errors).toEqual([{ path: 'line 4', message: 'has no valid address' }]);
    expect((await send(bank, 'address\r\n"a..b@one.test"\r\n')).body).toEqual({ entries: 1 });
    for (const [csv, status] of [
      ['', 422],
      ['address\r\n', 422],
      ['mail\r\nbob@one.test', 422],
      ['address\r\n"bob@one.test', 400],
      ['address\r\na,b,c\r\n', 400],
    ] as const) {
      expect((await send(bank, csv)).status, csv).toBe(status);
    }
  });
});
