import type { Message } from '@mb/mime';
import { expect, it } from 'vitest';
import { MailBroker, MemoryStore } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const lab = () =>
  startLab({
    hosts: {
      mx1: { address: '127.0.10.1', script: { recipients: { 'gone@one.test': '550 5.1.1 No such user' } } },
    },
    records: { one: { MX: '10 mx1.test' } },
    broker: { store: new MemoryStore() },
  });

it('SAFE-07 refuses a message without recipients in send, enqueue and explain', async () => {
  const broker = new MailBroker({
    hostname: 'client.test',
    store: new MemoryStore(),
    dns: { servers: ['127.0.0.1:1'] },
  });
  for (const to of [undefined, [], null, '', '   ', ['  ']] as unknown as Message['to'][]) {
    const message = { from: 'ann@sender.test', text: 'x', to } as Message;
    for (const call of [broker.send(message), broker.enqueue(message), broker.explain(message)]) {
      const error = await call.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: expect.stringMatching(/^MB_/),
        kind: expect.stringMatching(/^(invalid-input|api-misuse)$/),
      });
    }
  }
  const raw = Buffer.from('From: ann@sender.test\r\nTo: bob@one.test\r\n\r\nx\r\n');
  for (const to of [[], undefined, null] as unknown as string[][]) {
    await expect(broker.send({ raw, envelope: { from: '', to } })).rejects.toMatchObject({
      code: expect.stringMatching(/^MB_BROKER_(NO_RECIPIENTS|OPTION)$/),
    });
  }
  for (const recipient of [undefined, '', ' '] as unknown as string[]) {
    await expect(broker.sendTo({ from: 'ann@sender.test', text: 'x' }, recipient)).rejects.toMatchObject({
      code: 'MB_BROKER_NO_RECIPIENTS',
      kind: 'invalid-input',
    });
  }
});

it('SAFE-08 sendTo() gives one outcome for one recipient, whatever the header names', async () => {
  await using world = await lab();
  const { broker, hosts } = world;
  const outcome = await broker.sendTo({ from: 'ann@sender.test', text: 'x' }, 'Bob <bob@one.test>');
  expect(outcome).toMatchObject({ status: 'delivered', recipient: 'bob@one.test' });
  const to = ['bob@one.test', 'carol@one.test'];
  expect(await broker.sendTo({ from: 'ann@sender.test', to, text: 'x' }, 'gone@one.test')).toMatchObject({
    status: 'failed',
    recipient: 'gone@one.test',
  });
  const raw = Buffer.from('From: ann@sender.test\nTo: all@one.test\n\nx\n');
  const ready = { raw, envelope: { from: 'ann@sender.test', to: ['x@one.test', 'y@one.test'] } };
  expect(await broker.sendTo(ready, 'dan@one.test')).toMatchObject({
    status: 'delivered',
    recipient: 'dan@one.test',
  });
  await hosts.mx1!.until(() => hosts.mx1!.messages.length === 2);
  expect(hosts.mx1!.messages.map(({ recipients }) => recipients.map(({ address }) => address))).toEqual([
    ['bob@one.test'],
    ['dan@one.test'],
  ]);
});

it('SAFE-55 send() gives one outcome and one copy for an address that to and cc name several times', async () => {
  await using world = await lab();
  const { broker, hosts } = world;
  const outcomes = await broker.send({
    from: 'ann@sender.test',
    to: ['bob@one.test', 'Bob <bob@ONE.test>'],
    cc: 'bob@one.test',
    text: 'x',
  });
  expect(outcomes.every(({ status }) => status === 'delivered')).toBe(true);
  expect(outcomes).toHaveLength(1);
  await hosts.mx1!.until(() => hosts.mx1!.messages.length === 1);
});
