import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { dial, expectStored, sendMany, uglyMessage } from './traffic.ts';

const address = '127.0.9.31';
let dovecot: Dovecot;

beforeAll(async () => {
  dovecot = await startDovecot(address, {
    'ada@example.test': {},
    'bob@example.test': {},
    'full@example.test': { quotaBytes: 100 },
  });
}, 300_000);

afterAll(() => dovecot?.stop());

describe('Dovecot LMTP', () => {
  const options = { protocol: 'lmtp', port: 24 } as const;

  it('SESS-06 gives each recipient an outcome of its own', async () => {
    const connection = await dial(address, options);
    const to = ['ada@example.test', 'nobody@example.test', 'full@example.test', 'bob@example.test'];
    const { recipients } = await connection.deliver({ from: 'a@example.org', to }, uglyMessage('lmtp'));
    expect(recipients, dovecot.output()).toMatchObject([
      { status: 'delivered', stage: 'final' },
      { status: 'failed', stage: 'rcpt' },
      {
        status: expect.stringMatching(/failed|deferred/),
        stage: 'final',
        reply: { enhanced: expect.stringMatching(/\.2\.2$/) },
      },
      { status: 'delivered', stage: 'final' },
    ]);
    await connection.close();
  });

  it('SESS-06 SMTP-31 takes messages that cross each other, octet for octet', async () => {
    const connection = await dial(address, options);
    const marks = await sendMany(connection, 'bob@example.test', 30, 'many');
    await connection.close();
    expectStored(
      (await dovecot.messages('bob@example.test')).filter((message) => message.includes('Subject: many-')),
      marks,
    );
  });
});
