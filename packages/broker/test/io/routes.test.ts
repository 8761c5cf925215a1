import type { Message } from '@mb/mime';
import { expect, it } from 'vitest';
import { startLab } from '../lab.ts';

const message: Message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Routed', text: 'Hello' };

it('sends the mail of a routed domain through a smarthost, with a password over verified TLS, and the rest by MX', async () => {
  await using lab = await startLab({
    hosts: {
      mx1: { address: '127.0.12.1' },
      relay: { address: '127.0.12.2', tls: true, auth: { mechanisms: ['PLAIN'], users: { ann: 'secret' } } },
    },
    records: { one: { MX: '10 mx1.test' }, two: { MX: '10 mx1.test' } },
    broker: (port) => ({
      delivery: {
        routes: {
          'two.test': {
            type: 'smarthost',
            host: 'relay.test',
            port,
            auth: { user: 'ann', password: 'secret' },
          },
        },
      },
    }),
  });
  const outcomes = await lab.broker.send({ ...message, to: ['a@one.test', 'b@two.test'] });
  expect(outcomes[0]).toMatchObject({ status: 'delivered', host: 'mx1.test' });
  expect(outcomes[1]).toMatchObject({ status: 'delivered', host: 'relay.test', tls: { verifiedBy: 'pkix' } });
  expect(JSON.stringify(outcomes[1]!.transcript)).not.toContain('secret');
  expect(JSON.stringify(outcomes[1]!.transcript)).not.toContain(
    Buffer.from('\0ann\0secret').toString('base64'),
  );
});

it('never gives a password to a smarthost whose certificate does not verify', async () => {
  await using lab = await startLab({
    hosts: { relay: { address: '127.0.12.2', tls: true, auth: { users: { ann: 'secret' } } } },
    records: { alias: { A: '127.0.12.2' } },
    broker: (port) => ({
      delivery: {
        routes: {
          '*': { type: 'smarthost', host: 'alias.test', port, auth: { user: 'ann', password: 'secret' } },
        },
      },
    }),
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({ status: 'deferred', category: 'tls-policy' });
  expect(lab.hosts.relay!.sessions.flatMap(({ commands }) => commands).join()).not.toContain('AUTH');
});

it('delivers by LMTP with an outcome of its own for each recipient', async () => {
  await using lab = await startLab({
    hosts: {
      store: {
        address: '127.0.12.1',
        protocol: 'lmtp',
        script: { contentRecipients: { 'full@one.test': '452 4.2.2 Mailbox full' } },
      },
    },
    broker: (port) => ({ delivery: { routes: { '.test': { type: 'lmtp', host: 'store.test', port } } } }),
  });
  const outcomes = await lab.broker.send({ ...message, to: ['a@one.test', 'full@one.test'] });
  expect(outcomes).toMatchObject([{ status: 'delivered' }, { status: 'deferred', category: 'mailbox-full' }]);
});

it('sends from the addresses of its sources, each with its own name', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.12.1' } },
    records: { one: { MX: '10 mx1.test' } },
    broker: () => ({
      delivery: {
        sources: [{ name: 'out7', hostname: 'out7.test', localAddresses: ['127.0.12.77'], weight: 1 }],
      },
    }),
  });
  expect(await lab.broker.send(message)).toMatchObject([{ status: 'delivered' }]);
  expect(lab.hosts.mx1!.sessions[0]).toMatchObject({ remoteAddress: '127.0.12.77', clientName: 'out7.test' });
});

it('POL-01 verifies a host by its TLSA record, and delivers nothing to one that does not match', async () => {
  await using lab = await startLab({
    hosts: { right: { address: '127.0.12.1', tls: true }, wrong: { address: '127.0.12.2', tls: true } },
    records: { one: { MX: '10 right.test' }, two: { MX: '10 wrong.test' } },
    authentic: true,
    tlsa: { right: 'right', wrong: 'wrong' },
    broker: () => ({ tls: { ca: 'not used by DANE-EE' } }),
  });
  const outcomes = await lab.broker.send({ ...message, to: ['a@one.test', 'b@two.test'] });
  expect(outcomes[0]).toMatchObject({ status: 'delivered', tls: { verifiedBy: 'dane-ee' } });
  expect(outcomes[1]).toMatchObject({ status: 'deferred', category: 'tls-policy' });
  expect(lab.hosts.wrong!.messages).toHaveLength(0);
});

it('POL-05 defers when the TLSA lookup fails, rather than be talked into plain text', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.12.1', tls: true } },
    records: { one: { MX: '10 mx1.test' } },
    authentic: true,
  });
  lab.dns.fail(`_${lab.port}._tcp.mx1.test`, 'SERVFAIL');
  expect(await lab.broker.send(message)).toMatchObject([
    { status: 'deferred', stage: 'policy', category: 'tls-policy' },
  ]);
  expect(lab.hosts.mx1!.sessions).toHaveLength(0);
});

it('POL-03 hands a REQUIRETLS message only to a proven host that offers it', async () => {
  const keywords = ['PIPELINING', 'REQUIRETLS'];
  await using lab = await startLab({
    hosts: {
      good: { address: '127.0.12.1', tls: true, keywords },
      lacks: { address: '127.0.12.2', tls: true },
    },
    records: { one: { MX: '10 good.test' }, two: { MX: '10 lacks.test' } },
    authentic: true,
  });
  const outcomes = await lab.broker.send(
    { ...message, to: ['a@one.test', 'b@two.test'] },
    { requireTls: true },
  );
  expect(outcomes[0]).toMatchObject({ status: 'delivered', tls: { verifiedBy: 'pkix' } });
  expect(outcomes[1]).toMatchObject({ status: 'failed', enhanced: '5.7.30', category: 'tls-policy' });
  expect(lab.hosts.good!.sessions[0]!.commands.join('\n')).toContain('REQUIRETLS');
  expect(lab.hosts.lacks!.messages).toHaveLength(0);
});
