import { mkdtemp } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMessage } from '@mb/mime';
import { createCertificateAuthority, type TestCertificate } from '@mb/testkit';
import { createTransport } from 'nodemailer';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SubmissionOptions } from '../src/index.ts';
import { type Service, startService } from './service.ts';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await (await createCertificateAuthority()).issue({ names: ['mail.client.test'] });
});

const starttls = (): SubmissionOptions => ({
  security: 'starttls',
  port: 0,
  hostname: 'mail.client.test',
  tls: { key: certificate.key, cert: certificate.cert },
});

async function listen(service: Service, options: SubmissionOptions = starttls()): Promise<number> {
  const address = await service.server.listenSubmission(options);
  if (!('port' in address)) throw new Error('It listens on a path.');
  return address.port;
}

/** A client of others. */
const client = (port: number, pass?: string, options: object = {}) =>
  createTransport({
    host: '127.0.0.1',
    port,
    tls: { rejectUnauthorized: false },
    ...(pass !== undefined && { auth: { user: 'shop', pass } }),
    ...options,
  } as object);

const mail = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi', text: 'Hello' };

/** A conversation in the clear: what is said is answered. */
async function converse(port: number) {
  const socket = connectTcp(port, '127.0.0.1');
  let seen = '';
  const next = () =>
    new Promise<string>((resolve) => {
      const look = () => {
        const match = /^(?:\d{3}-[^\n]*\r\n)*\d{3} [^\n]*\r\n/.exec(seen);
        if (!match) return;
        seen = seen.slice(match[0].length);
        socket.off('data', take);
        resolve(match[0].trim());
      };
      const take = (chunk: Buffer) => {
        seen += chunk.toString('latin1');
        look();
      };
      socket.on('data', take);
      socket.once('close', () => resolve('closed'));
      look();
    });
  const greeting = await next();
  const say = (line: string) => {
    socket.write(`${line}\r\n`);
    return next();
  };
  return { socket, greeting, say };
}

/** Says lines one by one and gives the replies. */
async function talk(port: number, lines: readonly string[]): Promise<string[]> {
  const { socket, greeting, say } = await converse(port);
  const replies = [greeting];
  for (const line of lines) replies.push(await say(line));
  socket.destroy();
  return replies;
}

describe('submission', () => {
  it.each(['starttls', 'tls'] as const)(
    'SUB-01 takes a message over %s from nodemailer',
    async (security) => {
      await using service = await startService();
      const { token } = await service.withKey({ scopes: ['send'], tenant: 'shop' });
      const port = await listen(service, { ...starttls(), security } as SubmissionOptions);
      const info = await client(port, token, { secure: security === 'tls' }).sendMail(mail);
      expect(info.response).toMatch(/^250 2\.0\.0 Queued as \S+$/);
      const id = /Queued as (\S+)/.exec(info.response)![1]!;
      expect(await service.broker.queue.show(id)).toMatchObject({
        tenant: 'shop',
        sender: 'ann@sender.test',
        recipients: [{ address: 'bob@one.test', state: 'queued' }],
      });
    },
  );

  it('SUB-02 SUB-17 adds a Received field, and Date and Message-ID where they are missing', async () => {
    await using service = await startService();
    const port = await listen(service, { security: 'local', port: 0, hostname: 'mail.client.test' });
    const raw = 'From: ann@sender.test\r\nBcc: eve@one.test\r\n\r\nHello\r\n';
    await client(port).sendMail({ envelope: { from: 'ann@sender.test', to: 'bob@one.test' }, raw });
    const [row] = (await service.broker.queue.list({})).rows;
    const octets: Uint8Array[] = [];
    for await (const chunk of service.broker.queue.content(row!.messageId)) octets.push(chunk);
    const { headers, text } = await parseMessage(Buffer.concat(octets));
    expect(headers.fields.map(({ name }) => name)).toEqual(['Received', 'Date', 'Message-ID', 'From']);
    expect(headers.get('received')).toMatch(
      /^from \S+ \(\[127\.0\.0\.1\]\)\s+by mail\.client\.test with ESMTP id \S+;\s+/,
    );
    expect(text).toBe('Hello\n');
  });

  it('SUB-21 takes no line of the body for a field', async () => {
    await using service = await startService();
    const port = await listen(service, { security: 'local', port: 0, hostname: 'mail.client.test' });
    const raw = 'From: ann@sender.test\r\n\r\nDate: tomorrow\r\nMessage-ID: <x@y.test>\r\n';
    await client(port).sendMail({ envelope: { from: 'ann@sender.test', to: 'bob@one.test' }, raw });
    const [row] = (await service.broker.queue.list({})).rows;
    const octets: Uint8Array[] = [];
    for await (const chunk of service.broker.queue.content(row!.messageId)) octets.push(chunk);
    const { headers } = await parseMessage(Buffer.concat(octets));
    expect(headers.fields.map(({ name }) => name)).toEqual(['Received', 'Date', 'Message-ID', 'From']);
  });

  it('SUB-03 SUB-18 offers AUTH only under TLS, and takes no mail without it', async () => {
    await using service = await startService();
    const port = await listen(service);
    const [, ehlo, auth, sender] = await talk(port, [
      'EHLO x.test',
      `AUTH PLAIN ${Buffer.from('\0shop\0mb_x').toString('base64')}`,
      'MAIL FROM:<ann@sender.test>',
    ]);
    expect(ehlo).toContain('STARTTLS');
    expect(ehlo).not.toContain('AUTH');
    expect(auth).toMatch(/^5/);
    expect(sender).toMatch(/^530/);
  });

  it('SUB-04 SUB-19 refuses a wrong key, and one without the scope `send`', async () => {
    await using service = await startService();
    const port = await listen(service);
    const { token } = await service.withKey({ scopes: ['read'] });
    await expect(client(port, 'wrong').sendMail(mail)).rejects.toMatchObject({ responseCode: 535 });
    await expect(client(port, token).sendMail(mail)).rejects.toMatchObject({ responseCode: 535 });
  });

  it('SUB-05 lets an address that guesses keys wait', async () => {
    const warnings: string[] = [];
    await using service = await startService({ server: { onWarning: (text) => warnings.push(text) } });
    const port = await listen(service);
    for (let n = 0; n < 10; n++) {
      await expect(client(port, `wrong-${n}`).sendMail(mail)).rejects.toMatchObject({ responseCode: 535 });
    }
    await expect(client(port, 'wrong').sendMail(mail)).rejects.toMatchObject({ responseCode: 454 });
    expect(warnings).toHaveLength(1);
  });

  it('SUB-06 refuses authors and return paths of other domains', async () => {
    await using service = await startService();
    const port = await listen(service);
    const { token } = await service.withKey({ scopes: ['send'], senderDomains: ['sender.test'] });
    const transport = client(port, token);
    await expect(transport.sendMail({ ...mail, from: 'eve@other.test' })).rejects.toMatchObject({
      responseCode: 550,
    });
    const envelope = { from: 'eve@other.test', to: 'bob@one.test' };
    await expect(transport.sendMail({ ...mail, envelope })).rejects.toMatchObject({ responseCode: 550 });
    expect((await service.broker.queue.list({})).rows).toEqual([]);
  });

  it('SUB-07 keeps NOTIFY, ORCPT, RET, ENVID and REQUIRETLS of the client', async () => {
    await using service = await startService();
    const port = await listen(service, { security: 'local', port: 0, hostname: 'mail.client.test' });
    const replies = await talk(port, [
      'EHLO x.test',
      'MAIL FROM:<ann@sender.test> RET=FULL ENVID=QQ+2B1',
      'RCPT TO:<bob@one.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+2Bx@example.org',
      'RCPT TO:<eve@one.test> NOTIFY=NEVER',
      'DATA',
      'From: ann@sender.test\r\n\r\nHello\r\n.',
    ]);
    expect(replies.at(-1)).toMatch(/^250/);
    const [row] = (await service.broker.queue.list({})).rows;
    const view = await service.broker.queue.show(row!.messageId);
    expect(view!.envelope).toMatchObject({ ret: 'full', envid: 'QQ+1' });
    service.broker.start();
    await service.host.until(() => service.host.messages.length === 1);
    const commands = service.host.sessions.flatMap(({ commands }) => commands);
    expect(commands).toContain(
      'RCPT TO:<bob@one.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+2Bx@example.org',
    );
    expect(commands).toContain('RCPT TO:<eve@one.test> NOTIFY=NEVER');
  });

  it('SUB-08 refuses a suppressed recipient at once', async () => {
    await using service = await startService();
    await service.broker.suppressions.add([{ address: 'bob@one.test', reason: 'complaint' }]);
    const port = await listen(service, { security: 'local', port: 0, hostname: 'mail.client.test' });
    await expect(client(port).sendMail(mail)).rejects.toMatchObject({ responseCode: 550 });
  });

  it('SUB-09 SUB-20 refuses a message that is too large, by SIZE and by its octets', async () => {
    await using service = await startService({ server: { maxMessageBytes: 10_000 } });
    const port = await listen(service, { security: 'local', port: 0, hostname: 'mail.client.test' });
    const [, , size] = await talk(port, ['EHLO x.test', 'MAIL FROM:<ann@sender.test> SIZE=20000']);
    expect(size).toMatch(/^552/);
    await expect(client(port).sendMail({ ...mail, text: 'x'.repeat(20_000) })).rejects.toMatchObject({
      responseCode: 552,
    });
    expect((await service.broker.queue.list({})).rows).toEqual([]);
  });

  it('SUB-15 accepts nothing of a message whose connection is lost', async () => {
    await using service = await startService();
    const port = await listen(service, { security: 'local', port: 0, hostname: 'mail.client.test' });
    const { socket, say } = await converse(port);
    for (const line of ['EHLO x.test', 'MAIL FROM:<ann@sender.test>', 'RCPT TO:<bob@one.test>', 'DATA'])
      await say(line);
    socket.end('From: ann@sender.test\r\n\r\nHalf of the mess');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await service.broker.queue.list({})).rows).toEqual([]);
  });

  it('SUB-10 says 451 while the queue cannot be used, and the client keeps the message', async () => {
    const errors: unknown[] = [];
    await using service = await startService({ server: { onError: (error) => errors.push(error) } });
    const port = await listen(service, { security: 'local', port: 0, hostname: 'mail.client.test' });
    service.broker.enqueue = async () => {
      throw new Error('disk I/O error');
    };
    await expect(client(port).sendMail(mail)).rejects.toMatchObject({ responseCode: 451 });
    expect(errors).toHaveLength(1);
  });

  it('SUB-11 ends a session whose key was revoked at its next message', async () => {
    await using service = await startService();
    const port = await listen(service);
    const { token, id } = await service.withKey({ scopes: ['send'] });
    const transport = client(port, token, { pool: true, maxConnections: 1 });
    await transport.sendMail(mail);
    await service.server.keys.revoke(id);
    await expect(transport.sendMail(mail)).rejects.toMatchObject({ responseCode: 530 });
    transport.close();
  });

  it.each<[string, Partial<SubmissionOptions>]>([
    ['every address', { host: '0.0.0.0' }],
    ['every address of IPv6', { host: '::' }],
    ['an address of the network', { host: '192.0.2.1' }],
    ['a name that may be anywhere', { host: 'mail.example.com' }],
  ])('SUB-12 is no open relay: local submission does not listen on %s', async (_, given) => {
    await using service = await startService();
    const options = {
      security: 'local',
      port: 0,
      hostname: 'mail.client.test',
      ...given,
    } as SubmissionOptions;
    await expect(service.server.listenSubmission(options)).rejects.toMatchObject({
      code: 'MB_SERVER_OPTION',
    });
  });

  it.each([
    ['XCLIENT', 'XCLIENT ADDR=127.0.0.1 LOGIN=admin'],
    ['XFORWARD', 'XFORWARD ADDR=127.0.0.1'],
    ['AUTH with an empty name', 'AUTH PLAIN AAA='],
    ['MAIL without AUTH', 'MAIL FROM:<>'],
    ['RCPT without MAIL', 'RCPT TO:<victim@one.test>'],
    ['DATA without RCPT', 'DATA'],
  ])('SUB-12 is no open relay: %s does not open it', async (_, line) => {
    await using service = await startService();
    const port = await listen(service);
    const replies = await talk(port, [
      'EHLO x.test',
      line,
      'MAIL FROM:<ann@sender.test>',
      'RCPT TO:<bob@one.test>',
      'DATA',
    ]);
    for (const reply of replies.slice(2)) expect(reply).toMatch(/^(?:5\d\d|closed)/);
  });

  it.each([
    ['LF, dot, LF', '\n.\n'],
    ['LF, dot, CRLF', '\n.\r\n'],
    ['CRLF, dot, LF', '\r\n.\n'],
    ['CR, dot, CR', '\r.\r'],
    ['CR, dot, CRLF', '\r.\r\n'],
    ['CRLF, dot, CR', '\r\n.\r'],
  ])('SUB-13 takes %s for no end of the message', async (_, end) => {
    await using service = await startService();
    const port = await listen(service, { security: 'local', port: 0, hostname: 'mail.client.test' });
    const smuggled = `MAIL FROM:<eve@sender.test>\r\nRCPT TO:<victim@one.test>\r\nDATA\r\nFrom: eve@sender.test\r\n\r\nx`;
    await talk(port, [
      'EHLO x.test',
      'MAIL FROM:<ann@sender.test>',
      'RCPT TO:<bob@one.test>',
      'DATA',
      `From: ann@sender.test\r\n\r\nHello${end}${smuggled}\r\n.`,
    ]);
    const { rows } = await service.broker.queue.list({});
    expect(rows.map(({ address }) => address)).toEqual(['bob@one.test']);
  });

  it('SUB-14 listens on a Unix socket', async () => {
    await using service = await startService();
    const path = join(await mkdtemp(join(tmpdir(), 'mb-submission-')), 'smtp.sock');
    const options: SubmissionOptions = {
      security: 'local',
      path,
      hostname: 'mail.client.test',
      tenant: 'cron',
    };
    expect(await service.server.listenSubmission(options)).toEqual({ path });
    const greeting = await new Promise<string>((resolve) => {
      const socket = connectTcp({ path });
      socket.once('data', (chunk) => {
        socket.destroy();
        resolve(chunk.toString());
      });
    });
    expect(greeting).toMatch(/^220 mail\.client\.test/);
  });
});
