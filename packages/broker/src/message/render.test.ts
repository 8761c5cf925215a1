import { expect, it } from 'vitest';
import { MailBroker, MemoryStore } from '../index.ts';
import { parseMessageTemplate } from '../template/message-template.ts';

const base = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi' };
const store = new MemoryStore();
const broker = new MailBroker({ hostname: 'client.test', store });

it('RND-01 renders before a message is accepted, and queues what was rendered', async () => {
  const render = async () => ({ html: '<p>Rendered</p>', text: 'Rendered' });
  const { id } = await broker.enqueue(base, { render });
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.content(id!)) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toMatch(/<p>Rendered<\/p>/);
});

it('RND-02 accepts nothing when rendering fails, and says why', async () => {
  const before = (await store.stats()).queued;
  const fails = () => {
    throw new TypeError('name is undefined');
  };
  await expect(broker.enqueue(base, { render: fails })).rejects.toMatchObject({
    code: 'MB_BROKER_RENDER_FAILED',
    kind: 'invalid-input',
    message: 'The message cannot be rendered: name is undefined',
  });
  await expect(broker.send(base, { render: fails })).rejects.toMatchObject({
    code: 'MB_BROKER_RENDER_FAILED',
  });
  // Values that a template lacks keep their own code.
  const template = parseMessageTemplate({ ...base, text: '{{code}}' });
  await expect(
    broker.enqueue(base, { render: () => ({ text: template.render({}).text }) }),
  ).rejects.toMatchObject({ code: 'MB_BROKER_TEMPLATE_VALUES' });
  expect((await store.stats()).queued).toBe(before);
});

it('RND-03 takes content from render, and neither recipients nor a ready message', async () => {
  const evil = () => ({ text: 'x', bcc: 'eve@example.net' }) as never;
  await expect(broker.enqueue(base, { render: evil })).rejects.toMatchObject({ code: 'MB_BROKER_OPTION' });
  await expect(broker.enqueue(base, { render: () => undefined as never })).rejects.toMatchObject({
    code: 'MB_BROKER_OPTION',
  });
  const ready = {
    raw: Buffer.from('From: a@b.test\r\n\r\nx'),
    envelope: { from: 'a@b.test', to: ['c@d.test'] },
  };
  await expect(broker.enqueue(ready, { render: () => ({ text: 'x' }) })).rejects.toMatchObject({
    code: 'MB_BROKER_OPTION',
  });
});
