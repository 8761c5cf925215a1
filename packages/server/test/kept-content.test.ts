import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Call, type Service, startService } from './service.ts';

let service: Service;
let call: Call;
/** A message that was delivered to its only recipient. */
let id: string;
beforeAll(async () => {
  service = await startService({ host: 28, store: { keepContentMs: 3_600_000 } });
  call = await service.withKey();
  service.broker.start();
  const { body } = await call('POST', '/v1/messages', {
    from: 'Ann <ann@sender.test>',
    to: 'bob@one.test',
    subject: 'Order 17',
    text: 'Hello',
  });
  id = body.id;
  await delivered(id);
});
afterAll(() => service[Symbol.asyncDispose]());

async function delivered(message: string): Promise<void> {
  const state = async () => (await call('GET', `/v1/messages/${message}`)).body.recipients[0].state;
  await vi.waitFor(async () => expect(await state()).toBe('delivered'), { timeout: 15_000 });
}

it('SRV-88 SRV-107 a message that was delivered to all is sent again', async () => {
  expect((await call('GET', `/v1/messages/${id}`)).body.hasContent).toBe(true);
  const again = await call('POST', `/v1/messages/${id}/resend`, { recipients: ['bob@one.test'] });
  expect(again).toMatchObject({ status: 202, body: { recipients: [{ status: 'queued' }] } });
  await delivered(again.body.id);
  const [first, second] = service.host.messages.map(({ content }) => content!.toString('latin1'));
  const message = (octets: string) => octets.slice(octets.indexOf('From:'));
  expect(message(second!)).toBe(message(first!));
});

it('SRV-89 the content of a delivered message is given as it was sent', async () => {
  const answer = await call('GET', `/v1/messages/${id}/content`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${id}.eml"`);
  expect(service.host.messages[0]!.content!.toString('latin1')).toContain(answer.body);
});

it('SRV-105 a delivered message has a preview', async () => {
  const { status, body } = await call('GET', `/v1/messages/${id}/preview`);
  expect([status, body.subject, body.text.trim()]).toEqual([200, 'Order 17', 'Hello']);
});
