import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenSmtpd, startOpenSmtpd } from './opensmtpd.ts';
import { dial, expectStored, sendMany, uglyMessage } from './traffic.ts';

const address = '127.0.9.41';
let server: OpenSmtpd;

beforeAll(async () => {
  server = await startOpenSmtpd(address, ['ada@example.test']);
}, 300_000);

afterAll(() => server?.stop());

describe('OpenSMTPD', () => {
  it('SMTP-20 SMTP-31 takes messages that cross each other, octet for octet', async () => {
    const connection = await dial(address);
    const marks = await sendMany(connection, 'ada@example.test', 8, 'many');
    await connection.close();
    await expect.poll(async () => (await server.messages()).length, { timeout: 60_000 }).toBe(8);
    expectStored(await server.messages(), marks);
  }, 90_000);

  it('SMTP-08 refuses by recipient', async () => {
    const connection = await dial(address);
    const to = ['nobody@example.test', 'ada@example.test', 'x@example.net'];
    const { recipients } = await connection.deliver({ from: 'a@example.org', to }, uglyMessage('one'));
    expect(recipients).toMatchObject([
      { status: 'failed', stage: 'rcpt' },
      { status: 'delivered' },
      { status: 'failed', stage: 'rcpt' },
    ]);
    await connection.close();
  }, 30_000);
});
