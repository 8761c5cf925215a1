import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createCertificateAuthority,
  inTurn,
  receivedOctets,
  type SmtpHost,
  type SmtpHostOptions,
  type SmtpScript,
  sentOctets,
  startSmtpHost,
  VirtualClock,
} from '../../src/index.ts';
import { LineClient } from './line-client.ts';

const open: { host: SmtpHost; client: LineClient }[] = [];

async function meet(options: SmtpHostOptions = {}): Promise<{ host: SmtpHost; client: LineClient }> {
  const host = await startSmtpHost(options);
  const pair = { host, client: new LineClient(host.address, host.port) };
  open.push(pair);
  return pair;
}

const meetScript = (script: SmtpScript) => meet({ script });

/** Up to an open transaction with one recipient. */
async function meetInTransaction(options: SmtpHostOptions = {}) {
  const pair = await meet(options);
  const hello = options.protocol === 'lmtp' ? 'LHLO' : 'EHLO';
  pair.client.send(`${hello} c.test\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\nNOOP\r\n`);
  await pair.client.until(() => pair.client.received.includes('250 2.0.0 OK'));
  pair.client.received = '';
  return pair;
}

afterEach(async () => {
  for (const { host, client } of open.splice(0)) {
    client[Symbol.dispose]();
    await host.close();
  }
});

describe('a host without a script', () => {
  it('takes a message sent in one write and records it as on the wire and as meant', async () => {
    const { host, client } = await meet({ address: '127.3.2.1', hostname: 'mx.one.test' });
    client.send(
      'EHLO c.test\r\nMAIL FROM:<a@example.org> SIZE=20\r\nRCPT TO:<b@example.test> NOTIFY=NEVER\r\n' +
        'DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n',
    );
    await client.until(() => client.ended);
    expect(host.address).toBe('127.3.2.1');
    expect(client.received.startsWith('220 mx.one.test ESMTP\r\n250-mx.one.test greets c.test\r\n')).toBe(
      true,
    );
    const [message] = host.messages;
    expect(message).toMatchObject({
      from: 'a@example.org',
      parameters: ['SIZE=20'],
      recipients: [{ address: 'b@example.test', parameters: ['NOTIFY=NEVER'], code: 250 }],
      via: 'data',
      contentCode: 250,
      tls: false,
    });
    expect(message?.wire.toString()).toBe('Subject: x\r\n\r\n..dot\r\n.\r\n');
    expect(message?.content.toString()).toBe('Subject: x\r\n\r\n.dot\r\n');
    expect(host.sessions[0]?.commands).toEqual([
      'EHLO c.test',
      'MAIL FROM:<a@example.org> SIZE=20',
      'RCPT TO:<b@example.test> NOTIFY=NEVER',
      'DATA',
      'QUIT',
    ]);
    expect(host.sessions[0]?.clientName).toBe('c.test');
  });

  it('records the same whatever pieces the octets come in', async () => {
    const { host, client } = await meet();
    const text =
      'EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n.\r\r\n\r\n..\r\n.\r\nQUIT\r\n';
    for (const octet of text) {
      client.send(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.until(() => client.ended);
    expect(receivedOctets(host.sessions[0]!).toString()).toBe(text);
    expect(sentOctets(host.sessions[0]!).toString()).toBe(client.received);
    expect(host.messages[0]?.from).toBe('');
    expect(host.messages[0]?.content.toString()).toBe('\r\r\n\r\n.\r\n');
  });

  it('takes an empty message and only a strict end of data', async () => {
    const { host, client } = await meetInTransaction();
    client.send('DATA\r\n');
    await client.expect(354);
    client.send('\n.\n \n.\r\n \r.\r \r\n.\n \r\n.\r\n');
    await client.expect(250);
    expect(host.messages[0]?.content.toString()).toBe('\n.\n \n.\r\n \r.\r \r\n\n \r\n');
    client.send('MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n.\r\n');
    await host.until(() => host.messages.length === 2);
    expect(host.messages[1]).toMatchObject({ wire: Buffer.from('.\r\n'), content: Buffer.alloc(0) });
  });

  it('with lenient line ends is open to smuggling', async () => {
    const { host, client } = await meetInTransaction({ lenientLineEnds: true });
    client.send('DATA\n');
    await client.expect(354);
    client.send('one\n.\nMAIL FROM:<evil@example.org>\r\nQUIT\r\n');
    await client.until(() => client.ended);
    expect(host.messages[0]?.content.toString()).toBe('one\n');
    expect(host.sessions[0]?.transactions[1]?.from).toBe('evil@example.org');
  });

  it('takes BDAT chunks without un-stuffing', async () => {
    const { host, client } = await meetInTransaction();
    client.send('BDAT 5\r\n..x\r\nBDAT 3 LAST\r\n.\r\n');
    await host.until(() => host.messages.length === 1);
    expect(host.messages[0]).toMatchObject({ via: 'bdat', chunks: [5, 3] });
    expect(host.messages[0]?.content.toString()).toBe('..x\r\n.\r\n');
  });

  it('reads the octets of a BDAT that it refuses', async () => {
    const { client } = await meet();
    client.send('EHLO c\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n');
    await client.until(() => client.received.includes('503 '));
    await client.expect(250);
  });

  it('refuses commands out of order, parameters not offered, and bad syntax', async () => {
    const { client } = await meet({ keywords: ['SIZE 100'] });
    await client.expect(220);
    for (const [command, code] of [
      ['MAIL FROM:<a@example.org>', 503],
      ['EHLO c', 250],
      ['RCPT TO:<b@example.test>', 503],
      ['MAIL FROM:<a@example.org> BODY=8BITMIME', 555],
      ['MAIL FROM:<a@example.org> SIZE=101', 552],
      ['MAIL a@example.org', 501],
      ['MAIL FROM:<"a>b"@example.org> SIZE=99', 250],
      ['MAIL FROM:<a@example.org>', 503],
      ['RCPT TO:<b@example.test> NOTIFY=NEVER', 555],
      ['RCPT TO:<>', 501],
      ['DATA', 554],
      ['BDAT 0', 502],
      ['FOO', 500],
      ['VRFY b', 252],
      ['RSET', 250],
      ['STARTTLS', 503],
      ['AUTH PLAIN', 502],
    ] as const) {
      client.send(`${command}\r\n`);
      await client.expect(code);
    }
  });

  it('keeps no octets when told so, but counts them', async () => {
    const { host, client } = await meetInTransaction({ keepOctets: false });
    client.send('DATA\r\n12345678\r\n.\r\n');
    await host.until(() => host.messages.length === 1);
    expect(host.messages[0]).toMatchObject({ contentBytes: 13, contentCode: 250 });
    expect(host.messages[0]?.wire.length).toBe(0);
    expect(receivedOctets(host.sessions[0]!).length).toBe(0);
  });
});

describe('a script', () => {
  it('answers each stage with a code, a text, a multi-line text or a function', async () => {
    const { client, host } = await meetScript({
      greeting: '220-one\n220 two',
      ehlo: { code: 250, text: ['mx', 'PIPELINING'] },
      mail: ({ argument }) => (argument.includes('bad') ? 553 : undefined),
      rcpt: async ({ recipient }) => (recipient.startsWith('x') ? '550 5.7.1 No' : undefined),
      recipients: { 'full@example.test': '452 4.2.2 Full' },
      verbs: { XFOO: '299 bar' },
    });
    expect(await client.expect(220)).toBe('220-one\r\n220 two\r\n');
    expect(await client.send('EHLO c\r\n').expect(250)).toBe('250-mx\r\n250 PIPELINING\r\n');
    await client.send('MAIL FROM:<bad@example.org>\r\n').expect(553);
    await client.send('MAIL FROM:<a@example.org>\r\n').expect(250);
    await client.send('RCPT TO:<x@example.test>\r\n').expect(550);
    await client.send('RCPT TO:<FULL@example.test>\r\n').expect(452);
    await client.send('RCPT TO:<c@example.test>\r\n').expect(250);
    await client.send('XFOO\r\n').expect(299);
    expect(host.sessions[0]?.transactions[0]?.recipients.map(({ code }) => code)).toEqual([550, 452, 250]);
  });

  it('that refuses EHLO leaves the client to say HELO', async () => {
    const { client, host } = await meetScript({ ehlo: 502 });
    await client.send('EHLO c\r\n').expect(502);
    await client.send('MAIL FROM:<a@example.org>\r\n').expect(503);
    expect(await client.send('HELO d\r\n').expect(250)).toBe('250 mx.example.test\r\n');
    await client.send('MAIL FROM:<a@example.org>\r\n').expect(250);
    expect(host.sessions[0]?.clientName).toBe('d');
  });

  it('answers in turn', async () => {
    const { client } = await meetScript({ noop: inTurn(450, '299 odd', undefined) });
    await client.expect(220);
    await client.send('NOOP\r\n').expect(450);
    await client.send('NOOP\r\n').expect(299);
    await client.send('NOOP\r\n').expect(250);
    await client.send('NOOP\r\n').expect(250);
  });

  it('cuts a reply into single octets, and waits between pieces', async () => {
    const { client, host } = await meetScript({
      greeting: { text: 'hi', code: 220, cut: 'octets', gapMs: 3 },
    });
    await client.expect(220);
    const sent = host.sessions[0]?.events.filter(({ kind }) => kind === 'sent') ?? [];
    expect(sent.map(({ octets }) => octets?.length)).toEqual(Array(8).fill(1));
    expect(client.pieces.length).toBeGreaterThan(3);
  });

  it('cuts at given sizes', async () => {
    const { client, host } = await meetScript({ greeting: { text: 'hello', code: 220, cut: [2, 5] } });
    await client.expect(220);
    const sent = host.sessions[0]?.events.filter(({ kind }) => kind === 'sent') ?? [];
    expect(sent.map(({ octets }) => octets?.toString())).toEqual(['22', '0 hel', 'lo\r\n']);
  });

  it('delays on its clock', async () => {
    const clock = new VirtualClock();
    const { client } = await meet({ clock, script: { greeting: { code: 220, delayMs: 300_000 } } });
    await client.until(() => clock.pendingTimers === 1);
    await clock.advance(299_999);
    expect(client.received).toBe('');
    await clock.advance(1);
    await client.expect(220);
  });

  it('sends garbage as it is', async () => {
    const { client } = await meetScript({ greeting: { raw: new Uint8Array([0, 255, 10]) } });
    await client.until(() => client.received.length === 3);
    expect(client.received).toBe('\0\xff\n');
  });

  it('closes, also after 421 without being told', async () => {
    for (const greeting of [{ after: 'close' }, { code: 554, after: 'close' }, 421] as const) {
      const { client, host } = await meetScript({ greeting });
      await client.until(() => client.closed || client.ended);
      expect(client.received).toMatch(greeting === 421 ? /^421 / : /^(554 .*\r\n)?$/);
      client[Symbol.dispose]();
      await host.until(() => host.sessions[0]?.closed === true);
      expect(host.sessions[0]?.events.map(({ kind }) => kind)).toContain('host-closed');
    }
  });

  it('resets', async () => {
    const { client, host } = await meetScript({ ehlo: { after: 'reset' } });
    client.send('EHLO c\r\n');
    await client.until(() => client.closed);
    expect(client.error).toMatchObject({ code: 'ECONNRESET' });
    expect(host.sessions[0]?.events.at(-1)?.kind).toBe('closed');
  });

  it('hangs: reads on and never answers', async () => {
    const { client, host } = await meetScript({ mail: { after: 'hang' } });
    client.send('EHLO c\r\nMAIL FROM:<a@example.org>\r\n');
    await host.until(() => host.sessions[0]?.events.at(-1)?.kind === 'host-hung');
    client.send('more');
    await host.until(() => receivedOctets(host.sessions[0]!).toString().endsWith('more'));
    expect(client.ended).toBe(false);
    // A client that goes leaves no half-open connection behind.
    client.socket.end();
    await host.until(() => host.sessions[0]?.closed === true);
  });

  it('stops reading, so that the writer has to wait', async () => {
    const { client } = await meetInTransaction({ script: { data: { code: 354, after: 'stop-reading' } } });
    client.send('DATA\r\n');
    await client.expect(354);
    client.socket.write(Buffer.alloc(16 * 1024 * 1024, 'x\r\n'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = client.socket.bytesWritten - client.socket.writableLength;
    expect(client.socket.writableLength).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.socket.bytesWritten - client.socket.writableLength).toBe(before);
  });

  it('replies without end until the client is gone', async () => {
    const { client, host } = await meetScript({
      greeting: { raw: `220-${'x'.repeat(500)}\r\n`, repeat: Infinity },
    });
    await client.until(() => client.received.length > 100_000);
    client[Symbol.dispose]();
    await host.until(() => host.sessions[0]?.closed === true);
  });

  it('ends the connection in the middle of the content', async () => {
    const { client, host } = await meetInTransaction({
      script: { duringContent: { afterOctets: 1000, action: 'reset' } },
    });
    client.send('DATA\r\n');
    await client.expect(354);
    client.send(Buffer.alloc(5000, 'x'));
    await client.until(() => client.closed);
    expect(host.messages).toEqual([]);
    expect(host.sessions[0]?.transactions[0]?.contentBytes).toBeGreaterThanOrEqual(1000);
  });

  it('takes content though no recipient was accepted, when told so', async () => {
    const { client, host } = await meetScript({ rcpt: 550, data: 354, content: 554 });
    client.send('EHLO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n.\r\n');
    await client.until(() => client.received.includes('554 '));
    expect(host.sessions[0]?.transactions[0]?.wire.toString()).toBe('.\r\n');
  });

  it('that throws ends the session and says why in the record', async () => {
    const { client, host } = await meetScript({
      noop: () => {
        throw new Error('boom');
      },
    });
    client.send('NOOP\r\n');
    await client.until(() => client.closed || client.ended);
    await host.until(() => host.sessions[0]?.closed === true);
    expect(host.sessions[0]?.events.find(({ kind }) => kind === 'script-error')?.text).toBe('Error: boom');
  });

  it('can be changed for the next connection', async () => {
    const { host } = await meet();
    host.setScript({ greeting: 554 });
    using second = new LineClient(host.address, host.port);
    await second.expect(554);
  });
});

describe('TLS', () => {
  it('starts on STARTTLS, forgets what was said before, and verifies against the authority', async () => {
    const ca = await createCertificateAuthority();
    const tls = await ca.issue({ names: ['mx.example.test'] });
    const { client, host } = await meet({ tls: { key: tls.key, cert: tls.cert } });
    expect(await client.send('EHLO c\r\n').expect(250)).toContain('STARTTLS');
    client.send('STARTTLS\r\n');
    await client.expect(220);
    const secure = await client.startTls({ ca: ca.root, servername: 'mx.example.test' });
    expect(secure.authorized).toBe(true);
    client.send('MAIL FROM:<a@example.org>\r\n');
    await client.expect(503);
    client.send('EHLO c\r\n');
    expect(await client.expect(250)).not.toContain('STARTTLS');
    client.send('MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\nDATA\r\nx\r\n.\r\n');
    await host.until(() => host.messages.length === 1);
    expect(host.messages[0]?.tls).toBe(true);
    expect(host.sessions[0]?.tls).toMatchObject({ protocol: 'TLSv1.3', serverName: 'mx.example.test' });
  });

  it('starts at once on an implicit port', async () => {
    const { key, cert } = await (await createCertificateAuthority()).issue({ names: ['mx.example.test'] });
    const { client } = await meet({ tls: { key, cert }, implicitTls: true });
    await client.startTls();
    await client.expect(220);
  });

  it('can refuse, break or never finish the handshake', async () => {
    const { key, cert } = await (await createCertificateAuthority()).issue({ names: ['mx.example.test'] });
    const refusing = await meet({ tls: { key, cert }, script: { starttls: 454 } });
    refusing.client.send('EHLO c\r\nSTARTTLS\r\n');
    await refusing.client.expect(454);
    refusing.client.send('NOOP\r\n');
    await refusing.client.expect(250);
    for (const handshake of ['garbage', 'close', 'reset'] as const) {
      const { client } = await meet({ tls: { key, cert, handshake } });
      client.send('EHLO c\r\nSTARTTLS\r\n');
      await client.until(() => client.received.includes('220 2.0.0') || client.closed || client.ended);
      await client.startTls();
      await client.until(() => client.closed);
    }
    const { client, host } = await meet({ tls: { key, cert, handshake: 'hang' } });
    client.send('EHLO c\r\nSTARTTLS\r\n');
    await host.until(() => host.sessions[0]?.events.at(-1)?.kind === 'host-hung');
    expect(client.ended).toBe(false);
  });

  it('injects octets after the 220, and records those of the client', async () => {
    const { key, cert } = await (await createCertificateAuthority()).issue({ names: ['mx.example.test'] });
    const starttls = { raw: '220 ready\r\n250 injected\r\n' };
    const { client, host } = await meet({ tls: { key, cert }, script: { starttls } });
    client.send('EHLO c\r\nSTARTTLS\r\nRSET\r\n');
    await client.until(() => client.received.endsWith('250 injected\r\n'));
    await client.startTls();
    expect(host.sessions[0]?.clearTextBehindStarttls?.toString()).toBe('RSET\r\n');
  });

  it('records a failed handshake', async () => {
    const { key, cert } = await (await createCertificateAuthority()).issue({ names: ['mx.example.test'] });
    const { client, host } = await meet({ tls: { key, cert } });
    client.send('EHLO c\r\nSTARTTLS\r\n');
    await client.until(() => client.received.includes('220 2.0.0'));
    client.send('this is no ClientHello');
    await host.until(() => host.sessions[0]?.closed === true);
    expect(host.sessions[0]?.events.map(({ kind }) => kind)).toContain('tls-failed');
  });
});

describe('AUTH', () => {
  const users = { alice: 'sesame' };

  it('takes PLAIN and LOGIN, and refuses wrong passwords', async () => {
    const { client, host } = await meet({ auth: { users } });
    expect(await client.send('EHLO c\r\n').expect(250)).toContain('AUTH PLAIN LOGIN');
    const plain = (password: string) => Buffer.from(`\0alice\0${password}`).toString('base64');
    await client.send(`AUTH PLAIN ${plain('wrong')}\r\n`).expect(535);
    await client.send(`AUTH PLAIN\r\n${plain('sesame')}\r\n`).expect(235);
    await client.send('AUTH LOGIN\r\nYWxpY2U=\r\nc2VzYW1l\r\n').expect(235);
    await client.send('AUTH LOGIN\r\n*\r\n').expect(501);
    await client.send('AUTH NTLM\r\n').expect(504);
    expect(host.sessions[0]?.user).toBe('alice');
  });

  it('leaves other mechanisms to the hook', async () => {
    const { client } = await meet({
      auth: {
        mechanisms: ['CRAM-MD5'],
        async exchange({ mechanism, challenge }) {
          const response = await challenge('<1@mx>');
          return mechanism === 'CRAM-MD5' && response.toString() === 'yes' ? 235 : 535;
        },
      },
    });
    await client.expect(220);
    expect(await client.send('AUTH CRAM-MD5\r\n').expect(334)).toBe('334 PDFAbXg+\r\n');
    await client.send(`${Buffer.from('yes').toString('base64')}\r\n`).expect(235);
  });
});

describe('LMTP', () => {
  it('answers the content once for each accepted recipient', async () => {
    const { client, host } = await meet({
      protocol: 'lmtp',
      script: { recipients: { 'no@example.test': 550 }, contentRecipients: { 'full@example.test': 452 } },
    });
    client.send('LHLO c\r\nMAIL FROM:<a@example.org>\r\n');
    for (const name of ['ok', 'no', 'full']) client.send(`RCPT TO:<${name}@example.test>\r\n`);
    client.send('DATA\r\nx\r\n.\r\n');
    await client.expect(452);
    expect(host.messages[0]?.recipients.map(({ code, contentCode }) => [code, contentCode])).toEqual([
      [250, 250],
      [550, undefined],
      [250, 452],
    ]);
    client.send('EHLO c\r\n');
    await client.expect(500);
  });
});

describe('the life of a host', () => {
  it('closes at once, however many connections hang', async () => {
    const { host } = await meetScript({ greeting: { after: 'hang' } });
    const clients = Array.from({ length: 20 }, () => new LineClient(host.address, host.port));
    await host.until(() => host.sessions.length === 21);
    const start = performance.now();
    await host.close();
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(host.sessions.every(({ closed }) => closed)).toBe(true);
    for (const client of clients) client[Symbol.dispose]();
  });

  it('serves a stream without a network', async () => {
    const { host } = await meet();
    const [near, far] = duplexPair();
    host.attach(far);
    const [greeting] = await once(near, 'data');
    expect(String(greeting)).toBe('220 mx.example.test ESMTP\r\n');
    near.destroy();
  });

  it('says what is wrong: an unknown option, a taken port, a wait in vain', async () => {
    const { host } = await meet();
    await expect(startSmtpHost({ certificate: 1 } as SmtpHostOptions)).rejects.toMatchObject({
      code: 'MB_TESTKIT_OPTION',
      kind: 'api-misuse',
    });
    await expect(startSmtpHost({ implicitTls: true })).rejects.toMatchObject({ code: 'MB_TESTKIT_OPTION' });
    await expect(startSmtpHost({ port: host.port })).rejects.toMatchObject({ code: 'MB_TESTKIT_LISTEN' });
    await expect(host.until(() => false, 10)).rejects.toMatchObject({ code: 'MB_TESTKIT_WAIT' });
  });
});
