import { expect, it } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { startService } from './service.ts';

it('SRV-53 the typed client sends a message and follows it to its delivery', async () => {
  await using service = await startService();
  const { token } = await service.withKey();
  service.broker.start();
  const client = createClient({ url: service.url, token });
  const { data } = await client.POST('/v1/messages', {
    body: { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi', text: 'Hello' },
    params: { header: { 'idempotency-key': 'first' } },
  });
  const id = data!.id!;
  await expect
    .poll(
      async () =>
        (await client.GET('/v1/messages/{id}', { params: { path: { id } } })).data?.recipients[0]?.state,
    )
    .toBe('delivered');
  const { data: page } = await client.GET('/v1/events', { params: { query: { types: 'delivered' } } });
  expect(page!.data).toMatchObject([{ type: 'delivered', messageId: id, address: 'bob@one.test' }]);
});

it('SRV-97 the typed client gives problems as data', async () => {
  await using service = await startService();
  const { token } = await service.withKey({ scopes: ['read'] });
  const client = createClient({ url: `${service.url}/`, token });
  const { error } = await client.GET('/v1/messages/{id}', { params: { path: { id: '999' } } });
  expect(error).toMatchObject({ status: 404, code: 'MB_SERVER_NOT_FOUND' });
});
