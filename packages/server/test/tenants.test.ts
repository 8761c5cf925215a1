import { describe, expect, it } from 'vitest';
import { type Answer, type Call, startService } from './service.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };

/** The document of the API: paths with their methods. */
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

describe('two tenants', () => {
  it('SRV-20 one tenant sees and changes nothing of the other, on any route', async () => {
    await using service = await startService({ masterKey: true });
    const shop = await service.withKey({ tenant: 'shop' });
    const bank = await service.withKey({ tenant: 'bank' });
    const secret = {
      ...message,
      to: 'secret-customer@one.test',
      subject: 'secret subject',
      tag: 'secret-tag',
    };
    const { body: accepted } = await bank('POST', '/v1/messages', secret);
    await bank('POST', '/v1/suppressions', { entries: [{ address: 'secret-address@one.test' }] });
    const hook = { url: 'https://mx.test/secret-hook' };
    const { body: added } = await bank('POST', '/v1/webhooks', hook);
    expect(added.tenant).toBe('bank');
    const { body: domain } = await bank('POST', '/v1/domains', { domain: 'secret-bank.test' });
    expect(domain.tenant).toBe('bank');
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as Document;
    const idFor = (path: string) => {
      if (path.includes('/keys/')) return bank.id;
      return path.includes('/webhooks/') ? added.id : accepted.id;
    };
    const walked: string[] = [];
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const method of Object.keys(methods)) {
        // The audit log repeats what the tenant itself has asked for, in this walk too; DSH-13 is about it.
        if (path === '/v1/events/stream' || path.startsWith('/v1/audit')) continue;
        walked.push(`${method} ${path}`);
        for (const body of bodies(accepted.id)) {
          const filled = path
            .replace('{id}', idFor(path))
            .replace('{address}', encodeURIComponent('secret-address@one.test'))
            .replace('{domain}', 'secret-bank.test')
            .replace('{selector}', domain.keys[0].selector)
            .replace('{destination}', 'one.test');
          const answer = await shop(
            method.toUpperCase(),
            filled,
            method === 'get' || method === 'delete' ? undefined : body,
          );
          expect(answer.status, `${method} ${filled}`).toBeLessThan(500);
          expect(JSON.stringify(answer.body) ?? '', `${method} ${filled}`).not.toMatch(/secret|"bank"/);
          if (/\{(?:id|address|domain)\}/.test(path)) expect(hides(answer), `${method} ${filled}`).toBe(true);
        }
      }
    }
    expect(walked.length).toBeGreaterThan(20);
    const { body: after } = await bank('GET', `/v1/messages/${accepted.id}`);
    expect(after.recipients).toMatchObject([{ state: 'queued' }]);
    expect((await bank('GET', '/v1/suppressions')).body.data).toHaveLength(1);
    expect((await bank('GET', '/v1/recipients')).status).toBe(200);
    expect((await bank('GET', '/v1/domains/secret-bank.test')).body.keys).toEqual(domain.keys);
    const { body: hooks } = await bank('GET', '/v1/webhooks');
    expect(hooks.data).toMatchObject([{ ...hook, enabled: true, secrets: added.secrets }]);
  });

  it('SRV-20 a stream of events has those of the tenant alone', async () => {
    await using service = await startService();
    const shop = await service.withKey({ tenant: 'shop' });
    const bank = await service.withKey({ tenant: 'bank' });
    await bank('POST', '/v1/messages', message);
    const { body } = await shop('POST', '/v1/messages', message);
    const response = await fetch(`${service.url}/v1/events/stream?after=start`, {
      headers: { authorization: `Bearer ${shop.token}` },
    });
    const seen = await readUntil(response, /event: accepted.*?\n\n/s);
    expect(seen).toContain(`"messageId":"${body.id}"`);
    expect(seen).not.toContain('bank');
  });

  it('SRV-21 a key may not send for another tenant, and one of all tenants says for whom', async () => {
    await using service = await startService();
    const shop = await service.withKey({ tenant: 'shop' });
    expect(await shop('POST', '/v1/messages', { ...message, tenant: 'bank' })).toMatchObject({
      status: 403,
      body: { code: 'MB_SERVER_TENANT' },
    });
    const all: Call = await service.withKey();
    const { body } = await all('POST', '/v1/messages', { ...message, tenant: 'bank' });
    expect((await all('GET', `/v1/messages/${body.id}`)).body.tenant).toBe('bank');
  });

  it('SRV-22 `all` of a tenant is all of the tenant', async () => {
    await using service = await startService();
    const shop = await service.withKey({ tenant: 'shop' });
    const bank = await service.withKey({ tenant: 'bank' });
    await bank('POST', '/v1/messages', message);
    await shop('POST', '/v1/messages', message);
    await shop('POST', '/v1/messages', message);
    expect((await shop('POST', '/v1/recipients/cancel', { all: true })).body).toEqual({ changed: 2 });
    expect((await bank('GET', '/v1/recipients')).body.data).toMatchObject([{ state: 'queued' }]);
    expect(await shop('POST', '/v1/recipients/cancel', {})).toMatchObject({
      status: 422,
      body: { code: 'MB_BROKER_SELECTOR' },
    });
  });
});

/** Whether an answer says nothing of an object: a wrong body is refused before it is looked for. */
function hides({ status, body }: Answer): boolean {
  return status === 403 || status === 404 || (status === 422 && body.code === 'MB_SERVER_SCHEMA');
}

/** Bodies that some route or other takes. */
function bodies(id: string): object[] {
  return [
    message,
    { messages: [message] },
    { messageId: id },
    { all: true },
    { tenant: 'bank' },
    { entries: [{ address: 'x@one.test' }] },
    { entries: [{ address: 'x@one.test' }], tenant: 'bank' },
    { suspended: true },
    { name: 'k', scopes: ['read'], tenant: 'bank' },
    { url: 'https://mx.test/other', tenant: 'bank' },
    { enabled: false },
    { overlapMs: 0 },
    { from: '2026-01-01T00:00:00Z' },
  ];
}

async function readUntil(response: Response, pattern: RegExp): Promise<string> {
  let seen = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    seen += decoder.decode(chunk, { stream: true });
    if (pattern.test(seen)) return seen;
  }
  throw new Error(`The stream ended with ${seen}`);
}
