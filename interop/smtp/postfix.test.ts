import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority } from '../lab/certificate.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { dial, expectStored, sendMany, uglyMessage } from './traffic.ts';

const address = '127.0.9.1';
const old = '127.0.9.2';
let postfix: Postfix;
let ca: string;

beforeAll(async () => {
  const authority = await makeAuthority();
  ca = readFileSync(authority.certificateFile, 'utf8');
  postfix = await startPostfix({
    hostname: 'mx.example.test',
    addresses: [address],
    mailboxes: ['ada@example.test', 'bob@example.test', 'eve@example.test', 'zoe@example.test'],
    certificate: await authority.issue({ names: ['mx.example.test'] }),
    settings: {
      smtpd_recipient_limit: '3',
      message_size_limit: '200000',
      smtpd_recipient_restrictions:
        'check_recipient_access inline:{ { eve@example.test = 450 4.7.1 greylisted } }, permit',
    },
    services: [
      `${old}:25 inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=pipelining,chunking,8bitmime,size,dsn,smtputf8,starttls,etrn,enhancedstatuscodes`,
      '127.0.9.3:25 inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=chunking',
    ],
  });
}, 300_000);

afterAll(() => postfix?.stop());

describe('Postfix', () => {
  const named = { host: 'mx.example.test', addresses: [address] };

  it('TLS-23 TLS-04 TLS-45 takes mail inside verified TLS', async () => {
    const connection = await dial(address, { ...named, tls: { level: 'verified', ca } });
    expect(connection.tls).toMatchObject({ verifiedBy: 'pkix', peerNames: ['mx.example.test'] });
    expect(connection.capabilities).toMatchObject({ pipelining: true, chunking: true, maxSize: 200_000 });
    const { recipients } = await connection.deliver(
      { from: '', to: ['ada@example.test'] },
      uglyMessage('tls'),
    );
    expect(recipients).toMatchObject([{ status: 'delivered', reply: { enhanced: '2.0.0' } }]);
    await connection.close();
    expectStored(await postfix.waitForMessages('ada@example.test', 1), ['tls']);
    await expect(dial('127.0.9.1', { tls: { level: 'verified', ca } })).rejects.toMatchObject({
      code: 'MB_SMTP_TLS_UNVERIFIED',
    });
  });

  for (const [name, at, mailbox] of [
    ['by BDAT', address, 'bob@example.test'],
    ['by DATA', '127.0.9.3', 'bob@example.test'],
    ['in lockstep', old, 'bob@example.test'],
  ] as const) {
    it(`SMTP-20 SMTP-27 SMTP-31 takes 60 messages that cross each other ${name}, octet for octet`, async () => {
      const before = (await postfix.messages(mailbox)).length;
      const connection = await dial(at);
      expect([connection.capabilities.pipelining, connection.capabilities.chunking]).toEqual([
        at !== old,
        at === address,
      ]);
      const marks = await sendMany(connection, mailbox, 60, name.replaceAll(' ', '-'));
      await connection.close();
      const stored = await postfix.waitForMessages(mailbox, before + 60, 30_000);
      expectStored(
        stored.filter((message) => message.includes(`Subject: ${name.replaceAll(' ', '-')}-`)),
        marks,
      );
    });
  }

  it('SMTP-08 SMTP-09 refuses, defers and splits by recipient', async () => {
    for (const at of [address, '127.0.9.3', old]) {
      const connection = await dial(at);
      const to = [
        'zoe@example.test',
        'nobody@example.test',
        'eve@example.test',
        'ada@example.test',
        'bob@example.test',
        'x@example.net',
      ];
      const { recipients } = await connection.deliver({ from: 'a@example.org', to }, uglyMessage('split'));
      expect(recipients).toMatchObject([
        { status: 'delivered' },
        { status: 'failed', stage: 'rcpt', reply: { code: 550, enhanced: '5.1.1' } },
        { status: 'deferred', stage: 'rcpt', reply: { code: 450, enhanced: '4.7.1' } },
        { status: 'delivered' },
        { status: 'delivered' },
        { status: 'failed', stage: 'rcpt', reply: { code: 554, enhanced: '5.7.1' } },
      ]);
      await connection.close();
    }
  });

  it('SMTP-25 fails a message above the announced size limit, and one that a host without SIZE refuses', async () => {
    const large = Buffer.alloc(300_000, 'x\r\n');
    const connection = await dial(address);
    const told = await connection.deliver({ from: '', to: ['ada@example.test'] }, large);
    expect(told.recipients).toMatchObject([
      { status: 'failed', error: { code: 'MB_SMTP_SIZE_EXCEEDED', scope: 'host' } },
    ]);
    await connection.close();
    const silent = await dial(old);
    const refused = await silent.deliver({ from: '', to: ['ada@example.test'] }, large);
    expect(refused.recipients).toMatchObject([{ status: 'failed', reply: { code: 552 } }]);
    await silent.close();
  });

  it('SMTP-26 keeps 8-bit content and UTF-8 addresses from a server that takes neither', async () => {
    const connection = await dial(old);
    const { recipients } = await connection.deliver(
      { from: '', to: ['ada@example.test'] },
      Buffer.from('Subject: x\r\n\r\ngrüß\r\n'),
    );
    expect(recipients).toMatchObject([{ error: { code: 'MB_SMTP_8BITMIME_NOT_OFFERED' } }]);
    const other = await connection.deliver(
      { from: '', to: ['ädä@example.test', 'ada@example.test'] },
      uglyMessage('utf8'),
    );
    expect(other.recipients).toMatchObject([
      { error: { code: 'MB_SMTP_SMTPUTF8_NOT_OFFERED' } },
      { status: 'delivered' },
    ]);
    await connection.close();
  });

  it('SMTP-28 understands the DSN parameters', async () => {
    const connection = await dial(address);
    const to = [
      { address: 'ada@example.test', notify: ['success', 'delay'], orcpt: 'ada+tag@example.test' },
    ] as const;
    const { recipients } = await connection.deliver(
      { from: 'bob@example.test', to, ret: 'headers', envid: 'q=1+2' },
      uglyMessage('dsn'),
    );
    expect(recipients).toMatchObject([{ status: 'delivered' }]);
    await connection.close();
    const reports = await postfix.waitForMessages('bob@example.test', 1);
    await expect
      .poll(
        async () =>
          (await postfix.messages('bob@example.test')).some((message) =>
            message.includes('Original-Envelope-Id: q=1+2'),
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    expect(reports.length).toBeGreaterThan(0);
  });
});
