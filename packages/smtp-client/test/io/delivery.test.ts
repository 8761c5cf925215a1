import { createServer, type Socket } from 'node:net';
import { duplexPair, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  receivedOctets,
  type SmtpHost,
  type SmtpHostOptions,
  startSmtpHost,
  VirtualClock,
} from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { type ConnectOptions, connect, type SmtpConnection, SmtpError } from '../../src/index.ts';

const envelope = { from: 'a@example.org', to: ['b@example.test'] } as const;
const octets = Buffer.from('Subject: hi\r\n\r\nhi\r\n');
const classic = ['PIPELINING', '8BITMIME', 'SIZE'];

const open = (host: SmtpHost, options: Partial<ConnectOptions> = {}): Promise<SmtpConnection> =>
  connect({ host: host.address, port: host.port, hostname: 'client.example.org', ...options });

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** A bare TCP server for what no host would do. */
async function listen(serve: (socket: Socket) => void): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as { port: number }).port, close };
}

describe('deliver', () => {
  it('delivers and tells host, address, transcript and TLS with every outcome', async () => {
    await using host = await startSmtpHost({
      script: { recipients: { 'no@example.test': '550 5.1.1 no such user' } },
    });
    const connection = await open(host);
    const outcome = await connection.deliver(
      { ...envelope, to: ['no@example.test', 'b@example.test'] },
      octets,
    );
    expect(outcome.recipients.map(({ recipient, status }) => [recipient, status])).toEqual([
      ['no@example.test', 'failed'],
      ['b@example.test', 'delivered'],
    ]);
    expect(outcome).toMatchObject({
      host: '127.0.0.1',
      address: `127.0.0.1:${host.port}`,
      tls: { secure: false },
    });
    expect(outcome.transcript.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        'EHLO client.example.org',
        'RCPT TO:<no@example.test>',
        '550 5.1.1 no such user',
      ]),
    );
    // The transcript is made when it is read; copies have it nevertheless.
    const { transcript } = outcome;
    expect(outcome.transcript).toBe(transcript);
    expect({ ...outcome }.transcript).toBe(transcript);
    expect(JSON.parse(JSON.stringify(outcome)).transcript).toEqual(transcript);
    await connection.close();
    await host.until(() => host.sessions[0]!.closed);
    expect(host.sessions[0]!.commands.at(-1)).toBe('QUIT');
    expect(host.messages[0]!.content.equals(octets)).toBe(true);
  });

  const smuggled = [
    '\n.\n',
    '\n.\r\n',
    '\r.\r',
    '\r\n\0.\r\n',
    '\r\r\n.\r\r\n',
    '\r\n.\n',
    '\n.\r',
    '\r.\r\n',
    '.\r\n',
    '\r\n.\r\n',
  ];
  for (const keywords of [classic, [...classic, 'CHUNKING']]) {
    it(`SMTP-21 SMTP-60 smuggling sequences leave one end of data and one message on the wire (${keywords.at(-1)})`, async () => {
      for (const lenientLineEnds of [false, true]) {
        await using host = await startSmtpHost({ keywords, lenientLineEnds });
        const connection = await open(host);
        for (const sequence of smuggled) {
          const content = Buffer.from(
            `Subject: x\r\n\r\nbody${sequence}MAIL FROM:<evil@example.org>\r\nRCPT TO:<c@example.test>\r\nDATA\r\nevil`,
          );
          const streamed = Readable.from(Array.from(content, (octet) => Uint8Array.of(octet)));
          for (const source of [content, streamed]) {
            const outcome = await connection.deliver(envelope, source);
            expect(outcome.recipients[0]).toMatchObject({ status: 'delivered' });
          }
        }
        await connection.close();
        await host.until(() => host.sessions[0]!.closed);
        expect(host.messages).toHaveLength(smuggled.length * 2);
        expect(host.messages.every(({ from }) => from === envelope.from)).toBe(true);
        const wire = receivedOctets(host.sessions[0]!).toString('latin1');
        expect(wire.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
        const ends = wire.split('\r\n.\r\n').length - 1;
        expect(ends).toBe(
          keywords === classic
            ? smuggled.length * 2
            : smuggled.filter((text) => /[\r\n]\.[\r\n]/.test(text)).length * 2,
        );
      }
    });
  }

  it('SMTP-20 SMTP-27 streams arrive octet for octet, by DATA and by BDAT', async () => {
    for (const keywords of [classic, [...classic, 'CHUNKING', 'BINARYMIME']]) {
      await using host = await startSmtpHost({ keywords });
      const connection = await open(host);
      const text = Buffer.from('.line one\r\n..\r\n'.repeat(60_000));
      async function* pieces(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < text.length; at += 77_777) yield text.subarray(at, at + 77_777);
      }
      const outcome = await connection.deliver({ ...envelope, size: text.length }, pieces());
      expect(outcome.recipients[0]).toMatchObject({ status: 'delivered' });
      await host.until(() => host.messages.length === 1);
      expect(host.messages[0]!.content.equals(text)).toBe(true);
      await connection.close();
    }
  });

  it('SMTP-09 a repeatable stream is read again for a second transaction, a generator is not', async () => {
    let taken = 0;
    const script = { rcpt: () => (taken++ % 2 === 0 ? undefined : '452 4.5.3 too many') };
    await using host = await startSmtpHost({ keywords: classic, script });
    const connection = await open(host);
    const to = ['a@example.test', 'b@example.test'];
    const repeatable = { [Symbol.asyncIterator]: () => Readable.from([octets])[Symbol.asyncIterator]() };
    const outcome = await connection.deliver({ ...envelope, to }, repeatable);
    expect(outcome.recipients.map(({ status }) => status)).toEqual(['delivered', 'delivered']);
    taken = 0;
    const once = await (await open(host)).deliver({ ...envelope, to }, Readable.from([octets]));
    expect(once.recipients[0]).toMatchObject({ status: 'delivered' });
    expect(once.recipients[1]).toMatchObject({
      status: 'deferred',
      error: { code: 'MB_SMTP_CONTENT_NOT_REPEATABLE' },
    });
    expect(host.messages.every(({ content }) => content.equals(octets))).toBe(true);
  });

  it('SMTP-62 a source that fails takes the connection with it, and nothing is accepted', async () => {
    await using host = await startSmtpHost({ keywords: classic });
    const connection = await open(host);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield octets;
      throw new Error('disk on fire');
    }
    const outcome = await connection.deliver(envelope, failing());
    expect(outcome.recipients[0]).toMatchObject({
      status: 'deferred',
      error: { code: 'MB_SMTP_CONTENT_SOURCE' },
    });
    await host.until(() => host.sessions[0]!.closed);
    expect(receivedOctets(host.sessions[0]!).toString()).not.toContain('\r\n.\r\n');
    expect(host.messages).toHaveLength(0);
  });

  it('SMTP-12 a refusal sent in the middle of the content is read although the connection breaks', async () => {
    const server = await listen((socket) => {
      let answered = 0;
      socket.write('220 mx\r\n');
      socket.on('data', (data) => {
        for (const verb of data.toString('latin1').match(/^(EHLO|MAIL|RCPT|DATA)/gm) ?? []) {
          socket.write(verb === 'EHLO' ? '250 mx\r\n' : verb === 'DATA' ? '354 go\r\n' : '250 ok\r\n');
          answered += 1;
        }
        if (answered < 4 || data.length < 1000) return;
        socket.end('552 5.3.4 too big\r\n');
        socket.destroySoon();
      });
    });
    for (let round = 0; round < 20; round++) {
      const connection = await connect({
        host: '127.0.0.1',
        port: server.port,
        hostname: 'client.example.org',
      });
      const outcome = await connection.deliver(envelope, Buffer.alloc(20_000_000, 'x'));
      expect(outcome.recipients[0]).toMatchObject({ status: 'failed', reply: { code: 552 } });
    }
    server.close();
  });

  it('SMTP-24 SMTP-47 a host that closes while content is written has not accepted it; after the dot the outcome is unknown', async () => {
    for (const action of ['close', 'reset'] as const) {
      await using host = await startSmtpHost({
        keywords: classic,
        script: { duringContent: { afterOctets: 5000, action } },
      });
      const connection = await open(host);
      const outcome = await connection.deliver(envelope, Buffer.alloc(5_000_000, 'x'));
      expect(outcome.recipients[0]).toMatchObject({
        status: 'deferred',
        error: { code: 'MB_SMTP_CONNECTION_LOST' },
      });
      await using silent = await startSmtpHost({ keywords: classic, script: { content: { after: action } } });
      const other = await (await open(silent)).deliver(envelope, octets);
      expect(other.recipients[0]).toMatchObject({
        status: 'unknown',
        error: { code: 'MB_SMTP_OUTCOME_UNKNOWN' },
      });
    }
  });

  it('SMTP-42 SESS-01 a peer that stops reading neither deadlocks nor outlives the time for a block', async () => {
    const clock = new VirtualClock();
    const script: SmtpHostOptions['script'] = { duringContent: { afterOctets: 10, action: 'stop-reading' } };
    await using host = await startSmtpHost({ keywords: classic, script });
    const connection = await open(host, { clock });
    const pending = connection.deliver(envelope, Buffer.alloc(30_000_000, 'x'));
    await host.until(() => host.sessions[0]!.events.some(({ kind }) => kind === 'host-stopped-reading'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await clock.advance(180_000);
    expect((await pending).recipients[0]).toMatchObject({
      status: 'deferred',
      error: { code: 'MB_SMTP_WRITE_TIMEOUT' },
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it('SMTP-41 10,000 recipients pass a peer that answers late', async () => {
    const server = await listen((socket) => {
      let rest = '';
      socket.write('220 mx\r\n');
      socket.on('data', (data) => {
        const lines = (rest + data.toString('latin1')).split('\r\n');
        rest = lines.pop()!;
        const answers = lines.map((line) => {
          if (line.startsWith('EHLO')) return '250-mx\r\n250 PIPELINING\r\n';
          if (line === 'DATA') return '354 go\r\n';
          return line === '.' || /^(MAIL|RCPT)/.test(line) ? `250 ${'x'.repeat(200)}\r\n` : '';
        });
        socket.pause();
        setTimeout(() => socket.write(answers.join(''), () => socket.resume()), 5);
      });
    });
    const connection = await connect({
      host: '127.0.0.1',
      port: server.port,
      hostname: 'client.example.org',
    });
    const to = Array.from({ length: 10_000 }, (_, at) => `user-with-a-long-name-${at}@example.test`);
    const outcome = await connection.deliver({ ...envelope, to }, octets);
    expect(outcome.recipients.every(({ status }) => status === 'delivered')).toBe(true);
    server.close();
  });

  it('SMTP-67 many deliveries at once on one connection each get their own outcome', async () => {
    for (const keywords of [classic, [...classic, 'CHUNKING'], ['8BITMIME']]) {
      await using host = await startSmtpHost({
        keywords,
        script: {
          content: ({ transaction }) => (transaction!.from.startsWith('odd') ? '554 5.6.0 odd' : undefined),
        },
      });
      const connection = await open(host);
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, at) =>
          connection.deliver(
            { from: `${at % 2 ? 'odd' : 'even'}${at}@example.org`, to: ['b@example.test'] },
            octets,
          ),
        ),
      );
      expect(outcomes.map(({ recipients }) => recipients[0]!.status)).toEqual(
        Array.from({ length: 40 }, (_, at) => (at % 2 ? 'failed' : 'delivered')),
      );
      await connection.close();
    }
  });
});

describe('a reused connection', () => {
  it('SESS-03 is looked at before it is used: a 421 or an end that is there already is no attempt', async () => {
    for (const goodbye of ['421 4.4.2 idle too long\r\n', '']) {
      let sockets: Socket[] = [];
      const server = await listen((socket) => {
        sockets.push(socket);
        socket.write('220 mx\r\n');
        socket.on('data', (data) => {
          const text = data.toString('latin1');
          if (text.startsWith('EHLO')) socket.write('250-mx\r\n250 PIPELINING\r\n');
          else if (text.startsWith('MAIL')) socket.write('250 ok\r\n250 ok\r\n354 go\r\n');
          else if (text.includes('\r\n.\r\n')) socket.write('250 ok\r\n');
        });
      });
      const connection = await connect({
        host: '127.0.0.1',
        port: server.port,
        hostname: 'client.example.org',
      });
      await connection.deliver(envelope, octets);
      expect(connection.reusable).toBe(true);
      sockets[0]!.end(goodbye);
      // Nothing here lets the client's event loop read before the next message is given to it.
      const error = await connection.deliver(envelope, octets).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(error).toMatchObject({ code: 'MB_SMTP_CONNECTION_STALE', scope: 'session', retryable: true });
      expect(connection.reusable).toBe(false);
      await connection.closed;
      await expect(connection.deliver(envelope, octets)).rejects.toMatchObject({
        code: 'MB_SMTP_CONNECTION_STALE',
      });
      sockets = [];
      server.close();
    }
  });

  it('SESS-15 no RSET between messages that were taken', async () => {
    await using host = await startSmtpHost();
    const connection = await open(host);
    for (let at = 0; at < 5; at++) await connection.deliver(envelope, octets);
    await connection.close();
    expect(host.sessions[0]!.commands).not.toContain('RSET');
    await expect(connection.deliver(envelope, octets)).rejects.toMatchObject({
      code: 'MB_SMTP_CONNECTION_CLOSED',
    });
  });
});

describe('close', () => {
  it('SESS-01 does not wait for the answer to QUIT, leaves no timer, and lets outstanding deliveries end first', async () => {
    const clock = new VirtualClock();
    await using host = await startSmtpHost({ script: { quit: { after: 'hang' } } });
    const connection = await open(host, { clock });
    const pending = connection.deliver(envelope, octets);
    await connection.close();
    expect((await pending).recipients[0]!.status).toBe('delivered');
    expect(clock.pendingTimers).toBe(0);
    await host.until(() => host.sessions[0]!.commands.at(-1) === 'QUIT');
  });
});

describe('abort', () => {
  it('SESS-02 before it began, a delivery leaves the connection alone', async () => {
    await using host = await startSmtpHost();
    const connection = await open(host);
    const stopped = AbortSignal.abort();
    await expect(connection.deliver(envelope, octets, { signal: stopped })).rejects.toMatchObject({
      code: 'MB_SMTP_ABORTED',
      kind: 'aborted',
    });
    expect((await connection.deliver(envelope, octets)).recipients[0]!.status).toBe('delivered');
    await connection.close();
  });

  for (const [stage, script, status] of [
    ['mail', { mail: { after: 'hang' } }, 'deferred'],
    ['rcpt', { rcpt: { after: 'hang' } }, 'deferred'],
    ['data', { data: { after: 'hang' } }, 'deferred'],
    ['final', { content: { after: 'hang' } }, 'unknown'],
  ] as const) {
    it(`SESS-02 at ${stage} it ends the connection, frees the timer and tells the truth`, async () => {
      const clock = new VirtualClock();
      await using host = await startSmtpHost({ keywords: classic, script });
      const connection = await open(host, { clock });
      const controller = new AbortController();
      const pending = connection.deliver(envelope, octets, { signal: controller.signal });
      await host.until(() => host.sessions[0]!.events.some(({ kind }) => kind === 'host-hung'));
      controller.abort();
      expect((await pending).recipients[0]).toMatchObject({ status });
      await host.until(() =>
        host.sessions[0]!.events.some(
          ({ kind }) => kind === 'client-ended' || kind === 'client-reset' || kind === 'closed',
        ),
      );
      expect(clock.pendingTimers).toBe(0);
      expect(connection.reusable).toBe(false);
    });
  }

  it('SESS-02 destroys a stream that was not needed, and leaves it alone when nothing was attempted', async () => {
    await using host = await startSmtpHost({ keywords: classic, script: { rcpt: '550 5.1.1 no such user' } });
    const connection = await open(host);
    const unread = Readable.from([octets]);
    expect((await connection.deliver(envelope, unread)).recipients[0]).toMatchObject({
      status: 'failed',
      stage: 'rcpt',
    });
    await turn();
    expect(unread.destroyed).toBe(true);
    const kept = Readable.from([octets]);
    connection.destroy();
    await expect(connection.deliver(envelope, kept)).rejects.toMatchObject({
      code: 'MB_SMTP_CONNECTION_CLOSED',
    });
    expect(kept.destroyed).toBe(false);
  });

  it('SESS-02 lets go of a source that is being read', async () => {
    await using host = await startSmtpHost({ keywords: classic });
    const connection = await open(host);
    const controller = new AbortController();
    let released = false;
    async function* slow(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          await turn();
          yield octets;
          controller.abort();
        }
      } finally {
        released = true;
      }
    }
    const outcome = await connection.deliver(envelope, slow(), { signal: controller.signal });
    expect(outcome.recipients[0]).toMatchObject({ status: 'deferred', error: { code: 'MB_SMTP_ABORTED' } });
    await turn();
    await turn();
    expect(released).toBe(true);
  });

  it('SESS-45 leaves the event loop a turn for each 256 KiB of content, however fast it is taken', async () => {
    const [near, far] = duplexPair();
    // The other side takes and answers everything within one turn.
    const replies = ['250-mx\r\n250 PIPELINING\r\n', '250 ok\r\n250 ok\r\n354 go\r\n'];
    let tail = '';
    far.write('220 mx\r\n');
    far.on('data', (octets: Buffer) => {
      tail = (tail + octets.subarray(-5).toString('latin1')).slice(-5);
      const reply = replies.shift() ?? (tail === '\r\n.\r\n' ? '250 2.0.0 queued\r\n' : undefined);
      if (reply !== undefined) far.write(reply);
    });
    const chunk = Buffer.from(`${'x'.repeat(62)}\r\n`.repeat(1024));
    async function* content() {
      yield Buffer.from('Subject: large\r\n\r\n');
      for (let at = 0; at < 128; at++) yield chunk;
    }
    const connection = await connect({
      host: 'mx.example.test',
      addresses: ['192.0.2.1'],
      hostname: 'client.example.org',
      openSocket: async () => near,
    });
    let turns = 0;
    let ended = false;
    const count = (): void => {
      turns++;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    const outcome = await connection.deliver(envelope, content());
    ended = true;
    expect(outcome.recipients[0]).toMatchObject({ status: 'delivered' });
    expect(turns).toBeGreaterThanOrEqual((128 * chunk.length) / 262_144);
    near.destroy();
  });

  it('SESS-16 10,000 sessions that are aborted leave no timer and no memory in use', async () => {
    const clock = new VirtualClock();
    const run = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at++) {
        const [near, far] = duplexPair();
        const controller = new AbortController();
        const dialogue = [
          '220 mx\r\n',
          '250-mx\r\n250 PIPELINING\r\n',
          '250 ok\r\n',
          '250 ok\r\n354 go\r\n',
        ].slice(0, 1 + (at % 4));
        far.on('error', () => {});
        far.write(dialogue.shift());
        far.on('data', () => {
          const next = dialogue.shift();
          if (next !== undefined) far.write(next);
        });
        const stop = (): void => controller.abort();
        const options = {
          host: 'mx.example.test',
          addresses: ['192.0.2.1'],
          hostname: 'client.example.org',
          clock,
        };
        try {
          const pending = connect({ ...options, openSocket: async () => near, signal: controller.signal });
          if (at % 4 === 0) setImmediate(stop);
          const connection = await pending;
          const delivery = connection.deliver(envelope, octets, { signal: controller.signal });
          setImmediate(stop);
          await delivery;
        } catch (error) {
          if (!SmtpError.isInstance(error) || error.code !== 'MB_SMTP_ABORTED') throw error;
        }
        expect(near.destroyed).toBe(true);
        far.destroy();
      }
    };
    await run(1000);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    await run(9000);
    collectGarbage();
    expect(clock.pendingTimers).toBe(0);
    // A leaked session is some 20 kB; this allows 1 kB for each.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(9_000_000);
  }, 60_000);
});

describe('LMTP', () => {
  it('SESS-06 gives each recipient its own outcome', async () => {
    await using host = await startSmtpHost({
      protocol: 'lmtp',
      script: { contentRecipients: { 'full@example.test': '452 4.2.2 Mailbox full' } },
    });
    const connection = await open(host, { protocol: 'lmtp' });
    const outcome = await connection.deliver(
      { ...envelope, to: ['b@example.test', 'full@example.test', 'c@example.test'] },
      octets,
    );
    expect(outcome.recipients.map(({ status }) => status)).toEqual(['delivered', 'deferred', 'delivered']);
    await connection.close();
  });
});
