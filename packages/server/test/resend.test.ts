import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Call, type Service, startService } from './service.ts';

let service: Service;
let call: Call;
beforeAll(async () => {
  service = await startService({
    host: 7,
    script: {
      rcpt: ({ recipient }) => (recipient.startsWith('later-') ? '451 4.7.1 Try again later' : undefined),
    },
  });
  call = await service.withKey();
  service.broker.start();
});
afterAll(() => service[Symbol.asyncDispose]());

/** A message of which one recipient has got it, and one waits. */
async function halfDelivered(): Promise<string> {
  const { body } = await call('POST', '/v1/messages', {
    from: 'Ann <ann@sender.test>',
    to: ['bob@one.test', 'later-eve@one.test'],
    subject: 'Order 17',
    text: 'Hello',
    tag: 'orders',
    delivery: { expireAfterMs: 3_600_000 },
  });
  await expect
    .poll(async () => (await call('GET', `/v1/messages/${body.id}`)).body.recipients, { timeout: 15_000 })
    .toMatchObject([{ state: 'delivered' }, { state: 'queued', detail: expect.anything() }]);
  return body.id;
}

it('SRV-80 SRV-150 SRV-151 sends the octets of a message again to chosen recipients, as a message of its own', async () => {
  const id = await halfDelivered();
  const again = await call('POST', `/v1/messages/${id}/resend`, { recipients: ['bob@one.test'] });
  expect(again).toMatchObject({
    status: 202,
    body: { recipients: [{ recipient: 'bob@one.test', status: 'queued' }] },
  });
  expect(again.headers.get('location')).toBe(`/v1/messages/${again.body.id}`);
  expect(again.body.id).not.toBe(id);
  await expect
    .poll(async () => (await call('GET', `/v1/messages/${again.body.id}`)).body, { timeout: 15_000 })
    .toMatchObject({ sender: 'ann@sender.test', tag: 'orders', recipients: [{ state: 'delivered' }] });
  const [first, second] = service.host.messages
    .filter(({ recipients }) => recipients.some(({ address }) => address === 'bob@one.test'))
    .map(({ content }) => contentOf(content!));
  expect(second).toBe(first);
});

it('SRV-81 refuses to send again to a recipient that waits', async () => {
  const id = await halfDelivered();
  const answer = await call('POST', `/v1/messages/${id}/resend`, { recipients: ['later-eve@one.test'] });
  expect(answer).toMatchObject({
    status: 409,
    body: { code: 'MB_SERVER_RECIPIENT_WAITS', errors: [{ path: '/recipients/0' }] },
  });
});

it('SRV-82 sends again to recipients of the message only', async () => {
  const id = await halfDelivered();
  const answer = await call('POST', `/v1/messages/${id}/resend`, { recipients: ['mallory@one.test'] });
  expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: '/recipients/0' }] } });
});

it('SRV-83 SRV-106 SRV-107 answers 404 when the content is gone, with how to keep it', async () => {
  const { body } = await call('POST', '/v1/messages', {
    from: 'ann@sender.test',
    to: 'bob@one.test',
    text: 'x',
  });
  await expect
    .poll(async () => (await call('GET', `/v1/messages/${body.id}`)).body.recipients[0].state, {
      timeout: 15_000,
    })
    .toBe('delivered');
  const answer = await call('POST', `/v1/messages/${body.id}/resend`, { recipients: ['bob@one.test'] });
  expect(answer).toMatchObject({
    status: 404,
    body: { code: 'MB_BROKER_NOT_FOUND', detail: expect.stringContaining('--keep-content') },
  });
  expect((await call('GET', `/v1/messages/${body.id}`)).body.hasContent).toBe(false);
});

it('SRV-84 sending again needs the scope `send`', async () => {
  const id = await halfDelivered();
  const looker = await service.withKey({ scopes: ['read', 'content', 'operate'] });
  const answer = await looker('POST', `/v1/messages/${id}/resend`, { recipients: ['bob@one.test'] });
  expect(answer).toMatchObject({ status: 403, body: { code: 'MB_SERVER_SCOPE' } });
});

it('SRV-85 a message that is sent again is in the audit log', async () => {
  const id = await halfDelivered();
  await call('POST', `/v1/messages/${id}/resend`, { recipients: ['bob@one.test'] });
  const { body } = await call('GET', '/v1/audit?limit=1');
  expect(body.data[0]).toMatchObject({
    path: `/v1/messages/${id}/resend`,
    status: 202,
    details: { body: { recipients: ['bob@one.test'] } },
  });
});

it('SRV-86 the key of one tenant cannot send the message of another again', async () => {
  const id = await halfDelivered();
  const other = await service.withKey({ tenant: 'other' });
  const answer = await other('POST', `/v1/messages/${id}/resend`, { recipients: ['bob@one.test'] });
  expect(answer.status).toBe(404);
});

it.each([
  ['a field', '/v1/messages', { from: 'a@sender.test', to: 'b@one.test', txt: 'x' }, '/txt', 'text'],
  ['a field below', '/v1/messages', mailWith({ requireTsl: true }), '/delivery/requireTsl', 'requireTls'],
  ['a selector', '/v1/recipients/hold', { domian: 'one.test' }, '/domian', 'domain'],
  ['a field of a key', '/v1/keys', { name: 'x', scope: ['read'], scopes: ['read'] }, '/scope', 'scopes'],
])(
  'SRV-87 a misspelt name of %s is refused with the name that was meant',
  async (_, path, body, at, meant) => {
    const answer = await call('POST', path, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toContainEqual({
      path: at,
      message: expect.stringContaining(`did you mean "${meant}"?`),
    });
  },
);

function mailWith(delivery: object): object {
  return { from: 'a@sender.test', to: 'b@one.test', text: 'x', delivery };
}

/** The message without what delivery puts in front of it. */
function contentOf(octets: Buffer): string {
  const text = octets.toString('latin1');
  return text.slice(text.indexOf('From:'));
}
