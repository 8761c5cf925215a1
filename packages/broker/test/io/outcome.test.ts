import type { Message } from '@mb/mime';
import { expect, it } from 'vitest';
import { MemoryStore } from '../../src/index.ts';
import { startLab } from '../lab.ts';
import { enforcing } from '../mta-sts-store.ts';

const message: Message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi', text: 'Hello' };

it.each(['DANE', 'MTA-STS', 'a minimum of required'])(
  'POL-04 blames the TLS policy where a host does not offer the STARTTLS that it asks for: %s',
  async (why) => {
    const dane = why === 'DANE';
    const mtaSts = why === 'MTA-STS';
    await using lab = await startLab({
      hosts: { mx1: { address: '127.0.13.1' } },
      records: { one: { MX: '10 mx1.test' }, '_mta-sts.one': { TXT: 'v=STSv1; id=1;' } },
      authentic: dane,
      ...(dane && { tlsa: { mx1: 'wrong' } }),
      broker: {
        tls: {
          ...(mtaSts && { mtaSts: { store: enforcing('one.test', 'mx1.test') } }),
          ...(why === 'a minimum of required' && { minimum: 'required' as const }),
        },
      },
    });
    expect(await lab.broker.send(message)).toMatchObject([
      { status: 'deferred', category: 'tls-policy', enhanced: '4.7.5' },
    ]);
    expect(lab.hosts.mx1!.messages).toHaveLength(0);
  },
);

it('BRK-07 BRK-14 a greeting of 521 is final for that host, and the next one is tried', async () => {
  const never = { code: 521, text: 'This host takes no mail', after: 'close' } as const;
  await using lab = await startLab({
    hosts: {
      never: { address: '127.0.13.2', script: { greeting: never } },
      mx2: { address: '127.0.13.3' },
    },
    records: { one: { MX: '10 never.test' }, two: { MX: ['10 never.test', '20 mx2.test'] } },
  });
  const outcomes = await lab.broker.send({ ...message, to: ['a@one.test', 'b@two.test'] });
  expect(outcomes).toMatchObject([
    { status: 'failed', category: 'bad-domain', action: 'fail', stage: 'greeting' },
    { status: 'delivered', host: 'mx2.test' },
  ]);
});

it('BRK-08 an address beyond ASCII at a host without SMTPUTF8 and 8BITMIME fails with 5.6.7', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.13.4', keywords: ['PIPELINING'] } },
    records: { one: { MX: '10 mx1.test' } },
  });
  expect(await lab.broker.send({ ...message, to: 'jürgen@one.test' })).toMatchObject([
    { status: 'failed', enhanced: '5.6.7', scope: 'message' },
  ]);
});

it('BRK-09 BRK-15 a reply that does not come to the end of data is unknown, and said to be late', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.13.5', script: { content: { code: 250, delayMs: 5_000 } } } },
    records: { one: { MX: '10 mx1.test' } },
    broker: { delivery: { timeouts: { finalMs: 300 } } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({ status: 'unknown', maybeDelivered: true });
  expect(outcome).toMatchObject({ reason: expect.stringMatching(/in time|late|0\.3 s|timeout/i) });
});

it('BRK-10 an LMTP host that hangs up between its answers leaves each recipient its own outcome', async () => {
  const store = new MemoryStore();
  await using lab = await startLab({
    hosts: {
      store: {
        address: '127.0.13.6',
        protocol: 'lmtp',
        script: {
          contentRecipients: {
            'nobody@one.test': '550 5.1.1 No such user',
            'cut@one.test': { raw: '', after: 'close' },
          },
        },
      },
    },
    broker: (port) => ({
      store,
      delivery: { routes: { 'one.test': { type: 'lmtp', host: 'store.test', port } } },
    }),
  });
  const to = ['ann@one.test', 'nobody@one.test', 'cut@one.test', 'eve@one.test'];
  const outcomes = await lab.broker.send({ ...message, to });
  expect(outcomes.map(({ status }) => status)).toEqual(['delivered', 'failed', 'unknown', 'unknown']);
  expect(outcomes[1]).toMatchObject({ category: 'bad-mailbox', action: 'suppress' });
});
