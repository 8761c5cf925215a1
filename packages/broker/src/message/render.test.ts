import { expect, it } from 'vitest';
import { MailBroker, MemoryStore } from '../index.ts';
import { parseMessageTemplate } from '../template/message-template.ts';

const base = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi' };
const store = new MemoryStore();
const broker = new MailBroker({ hostname: 'client.test', store });

async function contentOf(id: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.content(id)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

it('RND-01 renders before a message is accepted, and queues what was rendered', async () => {
  const render = async () => ({ html: '<p>Rendered</p>', text: 'Rendered' });
  const { id } = await broker.enqueue(base, { render });
  expect(await contentOf(id!)).toMatch(/<p>Rendered<\/p>/);
});

it('RND-02 RND-07 accepts nothing when rendering fails, and says why', async () => {
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
  for (const more of [{ bcc: 'eve@example.net' }, { headers: { 'X-A': '1' } }]) {
    const evil = () => ({ text: 'x', ...more }) as never;
    await expect(broker.enqueue(base, { render: evil })).rejects.toMatchObject({ code: 'MB_BROKER_OPTION' });
  }
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

it('RND-04 keeps what the message has where render gives undefined', async () => {
  const render = () => ({ subject: undefined, text: undefined, html: '<p>Rendered</p>' }) as never;
  const { id } = await broker.enqueue({ ...base, text: 'Given' }, { render });
  const content = await contentOf(id!);
  expect(content).toMatch(/^Subject: Hi\r$/m);
  expect(content).toContain('Given');
  expect(content).toContain('<p>Rendered</p>');
});
