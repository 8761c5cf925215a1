import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority } from '../lab/certificate.ts';
import { type Exim, startExim } from '../lab/exim.ts';
import { dial, expectStored, sendMany, uglyMessage } from './traffic.ts';

const address = '127.0.9.21';
let exim: Exim;
let ca: string;

beforeAll(async () => {
  const authority = await makeAuthority();
  ca = readFileSync(authority.certificateFile, 'utf8');
  exim = await startExim({
    hostname: 'mx.example.test',
    addresses: [address],
    mailboxes: ['ada@example.test', 'bob@example.test'],
    certificate: await authority.issue({ names: ['mx.example.test'] }),
    settings: ['smtp_accept_max_per_connection = 200', 'smtp_accept_queue_per_connection = 0'],
  });
}, 300_000);

afterAll(() => exim?.stop());

describe('Exim', () => {
  const named = { host: 'mx.example.test', addresses: [address] };

  it('TLS-23 takes mail inside verified TLS and refuses by recipient', async () => {
    const connection = await dial(address, { ...named, tls: { level: 'verified', ca } });
    const to = ['ada@example.test', 'nobody@example.test'];
    const { recipients } = await connection.deliver({ from: 'a@example.org', to }, uglyMessage('tls'));
    expect(recipients).toMatchObject([{ status: 'delivered' }, { status: 'failed', stage: 'rcpt' }]);
    await connection.close();
    expectStored(await exim.waitForMessages('ada@example.test', 1), ['tls']);
  });

  for (const chunking of [true, false]) {
    it(`SMTP-20 SMTP-31 takes 20 messages that cross each other by ${chunking ? 'BDAT' : 'DATA'}, octet for octet`, async () => {
      const connection = await dial(address, { chunking });
      expect(connection.capabilities.chunking).toBe(true);
      const before = (await exim.messages('bob@example.test')).length;
      const prefix = chunking ? 'bdat' : 'data';
      const marks = await sendMany(connection, 'bob@example.test', 20, prefix);
      await connection.close();
      const stored = await exim.waitForMessages('bob@example.test', before + 20, 60_000);
      expectStored(
        stored.filter((message) => message.includes(`Subject: ${prefix}-`)),
        marks,
      );
    }, 120_000);
  }
});
