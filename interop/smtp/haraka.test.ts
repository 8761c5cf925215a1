import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Haraka, startHaraka } from './haraka.ts';
import { dial, expectStored, sendMany, uglyMessage } from './traffic.ts';

const address = '127.0.9.51';
let haraka: Haraka;

beforeAll(async () => {
  haraka = await startHaraka(address, ['ada@example.test', 'bob@example.test']);
}, 300_000);

afterAll(() => haraka?.stop());

describe('Haraka', () => {
  it('SMTP-20 SMTP-31 takes 30 messages that cross each other, octet for octet', async () => {
    const connection = await dial(address);
    const marks = await sendMany(connection, 'ada@example.test', 30, 'many');
    await connection.close();
    await expect.poll(() => haraka.messages().length, { timeout: 20_000 }).toBe(30);
    expectStored(haraka.messages(), marks);
  }, 60_000);

  it('SMTP-08 refuses by recipient', async () => {
    const connection = await dial(address);
    const to = ['ada@example.test', 'nobody@example.test', 'bob@example.test'];
    const { recipients } = await connection.deliver({ from: 'a@example.org', to }, uglyMessage('one'));
    expect(recipients, haraka.output()).toMatchObject([
      { status: 'delivered' },
      { status: 'failed', stage: 'rcpt', reply: { code: 550 } },
      { status: 'delivered' },
    ]);
    await connection.close();
  });
});
