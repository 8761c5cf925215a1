import { once } from 'node:events';
import { connect as connectTcp, createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SmtpHost, type SmtpScript, startSmtpHost, VirtualClock } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { type ConnectOptions, connect, type OpenSocket, openTcp, SmtpError } from '../../src/index.ts';

const base = { host: 'mx.example.test', hostname: 'client.example.org' } as const;

async function failure(options: ConnectOptions): Promise<SmtpError> {
  const error = await connect(options).then(
    (connection) => connection.destroy(),
    (thrown: unknown) => thrown,
  );
  if (!SmtpError.isInstance(error)) throw new Error(`no SmtpError but ${error}`);
  return error;
}

const at = (host: SmtpHost, more: Partial<ConnectOptions> = {}): ConnectOptions => ({
  ...base,
  addresses: [host.address],
  port: host.port,
  ...more,
});

describe('addresses', () => {
  it('tries the next address at once when one refuses', async () => {
    await using host = await startSmtpHost({ address: '127.0.0.2' });
    const connection = await connect({ ...base, addresses: ['127.0.0.3', '127.0.0.2'], port: host.port });
    expect(connection.address).toBe(`127.0.0.2:${host.port}`);
    await connection.close();
  });

  it('gives each address a head start of 250 ms over the next (RFC 8305), and closes the losers', async () => {
    await using host = await startSmtpHost();
    const clock = new VirtualClock();
    const begun: [string, number][] = [];
    const aborted: string[] = [];
    const started = clock.now();
    const openSocket: OpenSocket = (target) => {
      begun.push([target.address, clock.now() - started]);
      if (target.address === '192.0.2.2') return openTcp({ ...target, address: host.address });
      return new Promise((_, reject) => {
        target.signal.addEventListener('abort', () => {
          aborted.push(target.address);
          reject(target.signal.reason);
        });
      });
    };
    const pending = connect({
      ...base,
      addresses: ['2001:db8::1', '2001:db8::2', '192.0.2.2'],
      port: host.port,
      openSocket,
      clock,
    });
    await clock.advance(1000);
    const connection = await pending;
    expect(begun).toEqual([
      ['2001:db8::1', 0],
      ['192.0.2.2', 250],
    ]);
    expect(aborted).toEqual(['2001:db8::1']);
    connection.destroy();
  });

  it('SESS-17 an empty list of addresses is dialled nowhere, and the platform is not asked', async () => {
    const opened: string[] = [];
    const openSocket: OpenSocket = ({ address }) => {
      opened.push(address);
      return Promise.reject(new Error('opened'));
    };
    const none = await failure({ ...base, host: 'localhost', addresses: [], openSocket });
    expect(none).toMatchObject({ code: 'MB_SMTP_NO_ADDRESS', kind: 'local', scope: 'host', retryable: true });
    const other = await failure({
      ...base,
      addresses: ['127.0.0.1'],
      localAddress: '::1',
      openSocket,
    });
    expect(other).toMatchObject({ code: 'MB_SMTP_NO_ADDRESS', kind: 'local' });
    expect(await failure({ ...base, host: '192.0.2.1', localAddress: '::1', openSocket })).toMatchObject({
      code: 'MB_SMTP_NO_ADDRESS',
    });
    expect(opened).toEqual([]);
    expect(await failure({ ...base, host: 'localhost', openSocket })).toMatchObject({
      code: 'MB_SMTP_CONNECT_FAILED',
    });
    expect(opened.length).toBeGreaterThan(0);
  });

  it('SESS-09 dials only addresses of the family of localAddress', async () => {
    await using host = await startSmtpHost();
    const connection = await connect({
      ...base,
      addresses: ['2001:db8::1', host.address],
      port: host.port,
      localAddress: '127.0.0.1',
    });
    expect(connection.address).toBe(`${host.address}:${host.port}`);
    await connection.close();
  });

  it.each([
    'EADDRNOTAVAIL',
    'EADDRINUSE',
    'EMFILE',
    'ENFILE',
    'ENETUNREACH',
    'ENETDOWN',
    'ENOBUFS',
    'EACCES',
    'EPERM',
  ])('SESS-09 %s is trouble of this machine', async (code) => {
    const broken = (errorCode: string): Error =>
      Object.assign(new Error(`connect ${errorCode}`), { code: errorCode });
    const openSocket: OpenSocket = ({ address }) =>
      Promise.reject(broken(address === '192.0.2.9' ? 'ECONNREFUSED' : code));
    const one = await failure({ ...base, addresses: ['192.0.2.1'], openSocket });
    expect(one).toMatchObject({
      code: 'MB_SMTP_CONNECT_LOCAL',
      kind: 'local',
      stage: 'connect',
      retryable: true,
    });
    const two = await failure({ ...base, addresses: ['192.0.2.1', '2001:db8::1'], openSocket });
    expect(two.code).toBe('MB_SMTP_CONNECT_LOCAL');
    const mixed = await failure({ ...base, addresses: ['192.0.2.1', '192.0.2.9'], openSocket });
    expect(mixed).toMatchObject({ code: 'MB_SMTP_CONNECT_FAILED', kind: 'network' });
  });

  it('SESS-09 a source address that this machine does not have is trouble of this machine', async () => {
    await using host = await startSmtpHost();
    expect(await failure(at(host, { localAddress: '192.0.2.77' }))).toMatchObject({
      code: 'MB_SMTP_CONNECT_LOCAL',
      kind: 'local',
    });
  });

  it('SESS-02 a signal of AbortSignal.timeout gives the kind timeout', async () => {
    const openSocket: OpenSocket = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const late = await failure({
      ...base,
      addresses: ['192.0.2.1'],
      openSocket,
      signal: AbortSignal.timeout(5),
    });
    expect(late).toMatchObject({ code: 'MB_SMTP_ABORTED', kind: 'timeout', stage: 'connect' });
  });

  it('SESS-01 gives up after 30 s over all addresses and says which', async () => {
    const clock = new VirtualClock();
    const openSocket: OpenSocket = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const pending = failure({ ...base, addresses: ['192.0.2.1', '2001:db8::1'], openSocket, clock });
    await clock.advance(30_000);
    expect(await pending).toMatchObject({
      code: 'MB_SMTP_CONNECT_TIMEOUT',
      kind: 'timeout',
      scope: 'host',
      address: '192.0.2.1:25, [2001:db8::1]:25',
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it('names the reason when nothing listens, and a name that does not resolve', async () => {
    await using host = await startSmtpHost();
    const { port } = host;
    await host.close();
    expect(await failure({ ...base, addresses: ['127.0.0.1'], port })).toMatchObject({
      code: 'MB_SMTP_CONNECT_FAILED',
      kind: 'network',
      stage: 'connect',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect((await failure({ ...base, host: 'does-not-exist.invalid' })).code).toBe('MB_SMTP_CONNECT_FAILED');
  });

  it('SMTP-06 SMTP-74 a host that greets with 4yz or 5yz at one address may do so at the next, else that is the error', async () => {
    await using refusing = await startSmtpHost({
      address: '127.0.0.2',
      script: { greeting: '554 5.7.1 go away' },
    });
    await using host = await startSmtpHost({ address: '127.0.0.3', port: refusing.port });
    const connection = await connect({ ...base, addresses: ['127.0.0.2', '127.0.0.3'], port: host.port });
    expect(connection.address).toContain('127.0.0.3');
    await connection.close();
    expect(await failure(at(refusing))).toMatchObject({
      code: 'MB_SMTP_GREETING_REFUSED',
      scope: 'host',
      retryable: true,
      reply: { code: 554, enhanced: '5.7.1' },
      address: `127.0.0.2:${refusing.port}`,
    });
  });

  it('binds the address given as localAddress', async () => {
    await using host = await startSmtpHost();
    const connection = await connect(at(host, { localAddress: '127.0.0.9' }));
    expect(host.sessions[0]?.remoteAddress).toBe('127.0.0.9');
    await connection.close();
  });
});

describe('proxies through openSocket', () => {
  async function proxy(
    serve: (socket: import('node:net').Socket) => void,
  ): Promise<{ server: Server; port: number }> {
    const server = createServer(serve);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, port: (server.address() as { port: number }).port };
  }

  it('goes through HTTP CONNECT', async () => {
    await using host = await startSmtpHost();
    const { server, port } = await proxy((socket) => {
      socket.once('data', (data) => {
        expect(data.toString()).toContain(`CONNECT ${base.host}:${host.port} HTTP/1.1`);
        const upstream = connectTcp(host.port, host.address, () => {
          socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
          socket.pipe(upstream).pipe(socket);
        });
      });
    });
    const openSocket: OpenSocket = async ({ host: name, port: target }) => {
      const socket = connectTcp(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`CONNECT ${name}:${target} HTTP/1.1\r\nHost: ${name}:${target}\r\n\r\n`);
      return readHead(socket);
    };
    const connection = await connect(at(host, { openSocket }));
    expect(
      (await connection.deliver({ from: '', to: ['b@example.test'] }, Buffer.from('x'))).recipients[0]
        ?.status,
    ).toBe('delivered');
    await connection.close();
    server.close();
  });

  /** Waits for the empty line and returns what follows it. */
  async function readHead(socket: Duplex): Promise<Duplex> {
    let head = Buffer.alloc(0);
    while (!head.includes('\r\n\r\n'))
      head = Buffer.concat([head, (await once(socket, 'data'))[0] as Buffer]);
    socket.pause();
    const rest = head.subarray(head.indexOf('\r\n\r\n') + 4);
    if (rest.length > 0) socket.unshift(rest);
    return socket;
  }

  it('goes through SOCKS5', async () => {
    await using host = await startSmtpHost();
    const { server, port } = await proxy((socket) => {
      socket.once('data', () => {
        socket.write(Uint8Array.of(5, 0));
        socket.once('data', (request) => {
          expect(request.subarray(5, 5 + request[4]!).toString()).toBe(base.host);
          const upstream = connectTcp(host.port, host.address, () => {
            socket.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
            socket.pipe(upstream).pipe(socket);
          });
        });
      });
    });
    const openSocket: OpenSocket = async ({ host: name, port: target }) => {
      const socket = connectTcp(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(Uint8Array.of(5, 1, 0));
      await once(socket, 'data');
      socket.write(Buffer.from([5, 1, 0, 3, name.length, ...Buffer.from(name), target >> 8, target & 255]));
      const [reply] = (await once(socket, 'data')) as [Buffer];
      socket.pause();
      if (reply.length > 10) socket.unshift(reply.subarray(10));
      return socket;
    };
    const connection = await connect(at(host, { openSocket }));
    expect(connection.capabilities.pipelining).toBe(true);
    await connection.close();
    server.close();
  });

  it('SESS-02 what an injected socket rejects with is the cause', async () => {
    const error = await failure({
      ...base,
      addresses: ['192.0.2.1'],
      openSocket: () => Promise.reject(new Error('proxy says no')),
    });
    expect(error).toMatchObject({
      code: 'MB_SMTP_CONNECT_FAILED',
      message: expect.stringContaining('proxy says no'),
    });
  });
});

describe('hostile hosts', () => {
  const cases: readonly [string, SmtpScript, string][] = [
    ['closes before the greeting', { greeting: { after: 'close' } }, 'MB_SMTP_CONNECTION_LOST'],
    // A reset so early reaches some kernels' connect() and others' first read.
    ['resets before the greeting', { greeting: { after: 'reset' } }, 'MB_SMTP_CONNECT(ION_LOST|_FAILED)'],
    [
      'closes in the middle of the greeting',
      { greeting: { raw: '220-mx', after: 'close' } },
      'MB_SMTP_CONNECTION_LOST',
    ],
    [
      'greets with garbage',
      { greeting: { raw: Uint8Array.from({ length: 300 }, (_, octet) => octet & 255) } },
      'MB_SMTP_REPLY_SYNTAX',
    ],
    ['greets as another protocol', { greeting: { raw: 'SSH-2.0-OpenSSH_9.9\r\n' } }, 'MB_SMTP_REPLY_SYNTAX'],
    [
      'never ends its line',
      { greeting: { raw: '220 x', repeat: Number.POSITIVE_INFINITY } },
      'MB_SMTP_REPLY_SYNTAX',
    ],
    [
      'never ends its reply',
      { ehlo: { raw: '250-x\r\n', repeat: Number.POSITIVE_INFINITY } },
      'MB_SMTP_REPLY_SYNTAX',
    ],
    ['mixes codes', { ehlo: { raw: '250-x\r\n550 y\r\n' } }, 'MB_SMTP_REPLY_SYNTAX'],
    ['closes after EHLO', { ehlo: { after: 'close' } }, 'MB_SMTP_CONNECTION_LOST'],
    ['answers twice', { ehlo: { raw: '250 mx\r\n250 mx\r\n' } }, 'MB_SMTP_REPLY_UNEXPECTED'],
  ];
  for (const [name, script, code] of cases) {
    it(`SMTP-52 a host that ${name} is an error of its own, promptly`, async () => {
      await using host = await startSmtpHost({ script, keepOctets: false });
      const error = await failure(at(host));
      expect(error.code).toMatch(new RegExp(`^${code}$`));
      expect(error.retryable).toBe(true);
    });
  }

  it('ROLE-06 a connection is closed with QUIT when it is disposed of', async () => {
    await using host = await startSmtpHost();
    {
      await using connection = await connect(at(host));
      expect(connection.capabilities).toBeDefined();
    }
    await host.until(() => host.sessions[0]!.commands.at(-1) === 'QUIT');
  });

  it('SMTP-01 replies cut at every octet are read as well', async () => {
    const script: SmtpScript = {
      greeting: { code: 220, text: 'mx', cut: 'octets' },
      ehlo: { raw: '250-mx\r\n250-PIPELINING\r\n250 8BITMIME\r\n', cut: 'octets' },
      rcpt: { code: 250, text: ['one', 'two'], cut: 'octets' },
    };
    await using host = await startSmtpHost({ script });
    const connection = await connect(at(host));
    expect(connection.capabilities).toMatchObject({ pipelining: true, eightBitMime: true });
    expect(
      (await connection.deliver({ from: '', to: ['b@example.test'] }, Buffer.from('x'))).recipients[0]
        ?.status,
    ).toBe('delivered');
    await connection.close();
  });

  for (const stage of ['greeting', 'ehlo', 'mail', 'rcpt', 'data', 'content', 'starttls'] as const) {
    it(`SESS-40 a host that falls silent at ${stage} is given up after the timeout of that reply`, async () => {
      const script: SmtpScript = { [stage]: { after: 'hang' } };
      await using host = await startSmtpHost({
        script,
        keywords: stage === 'starttls' ? ['STARTTLS'] : ['PIPELINING'],
      });
      const own = {
        greeting: { greetingMs: 100 },
        ehlo: { helloMs: 100 },
        mail: { mailMs: 100 },
        rcpt: { rcptMs: 100 },
        data: { dataMs: 100 },
        content: { finalMs: 100 },
        starttls: { starttlsMs: 100 },
      }[stage];
      const error = await connect(at(host, { timeouts: own, tls: { level: 'opportunistic' } })).then(
        async (connection) => {
          const [first] = (await connection.deliver({ from: '', to: ['b@example.test'] }, Buffer.from('x')))
            .recipients;
          return first?.status === 'unknown'
            ? (first.error.cause as SmtpError)
            : (first as { readonly error?: SmtpError }).error;
        },
        (failure: SmtpError) => failure,
      );
      expect(error).toMatchObject({ code: 'MB_SMTP_REPLY_TIMEOUT', kind: 'timeout' });
    }, 3_000);
  }

  for (const stage of ['greeting', 'ehlo', 'mail', 'rcpt', 'data', 'content'] as const) {
    it(`SESS-14 a host that trickles octets at ${stage} does not outlive its deadline`, async () => {
      const script: SmtpScript = {
        [stage]: { raw: '250-x\r\n', cut: 'octets', gapMs: 5, repeat: Number.POSITIVE_INFINITY },
      };
      await using host = await startSmtpHost({ script, keywords: ['PIPELINING'], keepOctets: false });
      const timeouts = { greetingMs: 60, helloMs: 60, mailMs: 60, rcptMs: 60, dataMs: 60, finalMs: 60 };
      const code = await connect(at(host, { timeouts })).then(
        async (connection) => {
          const { recipients } = await connection.deliver(
            { from: '', to: ['b@example.test'] },
            Buffer.from('x'),
          );
          const [first] = recipients;
          if (first?.status === 'unknown') return (first.error.cause as SmtpError).code;
          return first?.status === 'deferred' ? first.error.code : first?.status;
        },
        (error: SmtpError) => error.code,
      );
      expect(code).toBe('MB_SMTP_REPLY_TIMEOUT');
    });
  }
});

describe('abort and options', () => {
  it('SESS-02 aborting ends the attempt wherever it is, and frees everything', async () => {
    for (const script of [
      { greeting: { after: 'hang' } },
      { ehlo: { after: 'hang' } },
    ] satisfies SmtpScript[]) {
      await using host = await startSmtpHost({ script });
      const clock = new VirtualClock();
      const controller = new AbortController();
      const pending = failure(at(host, { clock, signal: controller.signal }));
      await host.until(() => host.sessions[0]?.events.some(({ kind }) => kind === 'host-hung') === true);
      controller.abort(new Error('enough'));
      expect(await pending).toMatchObject({
        code: 'MB_SMTP_ABORTED',
        kind: 'aborted',
        cause: { message: 'enough' },
      });
      expect(clock.pendingTimers).toBe(0);
    }
    expect((await failure({ ...base, addresses: ['127.0.0.1'], signal: AbortSignal.abort() })).code).toBe(
      'MB_SMTP_ABORTED',
    );
  });

  it('SESS-22 an error carries the transcript and the address', async () => {
    await using host = await startSmtpHost({ script: { ehlo: '550 5.7.1 not you' } });
    const heard: string[] = [];
    const error = await failure(at(host, { onTranscript: ({ text }) => heard.push(text) }));
    expect(error.transcript?.map(({ text }) => text)).toEqual(
      expect.arrayContaining(['EHLO client.example.org', '550 5.7.1 not you']),
    );
    expect(heard).toContain('550 5.7.1 not you');
    expect(error.address).toBe(`127.0.0.1:${host.port}`);
  });

  it.each([
    [{ colour: 'red' }],
    [{ tls: { level: 'maximum' } }],
    [{ tls: { colour: 'red' } }],
    [{ tls: { implicit: true, level: 'none' } }],
    [{ port: 0 }],
    [{ port: 70_000 }],
    [{ host: '' }],
    [{ host: 'a b' }],
    [{ hostname: 'a\r\nb' }],
    [{ timeouts: { finalMs: -1 } }],
    [{ timeouts: { finalSeconds: 1 } }],
    [{ limits: { chunkingWindow: 0.5 } }],
    [{ auth: { user: 'tim', password: 'a\0b' } }],
    [{ auth: { user: '', password: 'x' } }],
    [{ auth: { user: 'tim', password: 'x', mechanisms: ['XOAUTH2'] } }],
  ])('refuses %j', async (options) => {
    const error = await failure({ ...base, addresses: ['127.0.0.1'], ...options } as ConnectOptions);
    expect(error).toMatchObject({ code: 'MB_SMTP_OPTION', kind: 'api-misuse', retryable: false });
  });
});
