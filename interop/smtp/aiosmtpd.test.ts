import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Aiosmtpd, startAiosmtpd } from '../lab/aiosmtpd.ts';
import { dial, sendMany, uglyMessage } from './traffic.ts';

const address = '127.0.9.11';
let server: Aiosmtpd;

beforeAll(async () => {
  server = await startAiosmtpd({
    hostname: 'mx.example.test',
    address,
    refuse: { 'no@example.test': '550 5.1.1 unknown', 'later@example.test': '451 4.3.0 later' },
    smtputf8: true,
  });
}, 300_000);

afterAll(() => server?.stop());

describe('aiosmtpd', () => {
  it('SMTP-20 SMTP-29 takes many messages, octet for octet', async () => {
    const connection = await dial(address);
    expect(connection.capabilities.pipelining).toBe(false);
    const marks = await sendMany(connection, 'b@example.test', 30, 'many');
    const received = await server.waitForMessages(30);
    expect(received.map(({ content }) => content.toString())).toEqual(
      marks.map((mark) => uglyMessage(mark).toString()),
    );
    await connection.close();
  });

  it('SMTP-60 receives one message when its content tries to smuggle in another', async () => {
    const connection = await dial(address);
    const before = (await server.waitForMessages(0)).length;
    const sequences = ['\n.\n', '\n.\r\n', '\r.\r', '\r\n\0.\r\n', '\r\r\n.\r\r\n'];
    for (const sequence of sequences) {
      const content = Buffer.from(`Subject: x\r\n\r\na${sequence}MAIL FROM:<evil@example.org>\r\n`);
      const { recipients } = await connection.deliver(
        { from: 'a@example.org', to: ['b@example.test'] },
        content,
      );
      expect(recipients).toMatchObject([{ status: 'delivered' }]);
    }
    const received = await server.waitForMessages(before + sequences.length);
    expect(received).toHaveLength(before + sequences.length);
    expect(received.every(({ from }) => from !== 'evil@example.org')).toBe(true);
    await connection.close();
  });

  it('SMTP-08 SMTP-26 gives each recipient its own outcome and sends UTF-8 addresses', async () => {
    const connection = await dial(address);
    const to = ['no@example.test', 'später@example.test', 'later@example.test'];
    const { recipients } = await connection.deliver({ from: 'a@example.org', to }, uglyMessage('utf8'));
    expect(recipients.map(({ status }) => status)).toEqual(['failed', 'delivered', 'deferred']);
    const last = (await server.waitForMessages(1)).at(-1)!;
    expect(last.to).toEqual(['später@example.test']);
    expect(last.fromParameters).toContain('SMTPUTF8');
    await connection.close();
  });
});
