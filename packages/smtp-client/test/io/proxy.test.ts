import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { startSmtpHost } from '@mb/testkit';
import { expect, it } from 'vitest';
import { connect, SmtpError } from '../../src/index.ts';
import { proxySocket } from '../../src/io/proxy.ts';

async function listen(server: Server) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  return {
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An HTTP proxy of Node's own server. */
function httpProxy(seen: string[], status = 200) {
  const server = createHttpServer();
  server.on('connect', (request, client) => {
    seen.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const upstream = dial(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [upstream, client]) socket.on('error', () => {});
  });
  return listen(server);
}

/** A SOCKS5 proxy (RFC 1928) for IPv4, with a password (RFC 1929) or none; it answers requests with `reply`. */
function socksProxy(seen: string[], reply = 0) {
  return listen(
    createServer((client) => {
      client.on('error', () => {});
      client.once('data', (hello) => {
        const withPassword = hello.includes(2, 2);
        client.write(Buffer.from([5, withPassword ? 2 : 0]));
        const request = (octets: Buffer) => {
          const host = [...octets.subarray(4, 8)].join('.');
          const port = octets.readUInt16BE(8);
          seen.push(`${host}:${port}`);
          if (reply !== 0) {
            client.end(Buffer.from([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]));
            return;
          }
          const upstream = dial(port, host, () => {
            client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
            upstream.pipe(client).pipe(upstream);
          });
          upstream.on('error', () => client.destroy());
        };
        if (!withPassword) client.once('data', request);
        else
          client.once('data', (octets) => {
            const user = octets.toString('latin1', 2, 2 + octets[1]!);
            seen.push(user);
            client.write(Buffer.from([1, user === 'ann' ? 0 : 1]));
            client.once('data', request);
          });
      });
    }),
  );
}

const deliver = async (host: { readonly address: string; readonly port: number }, proxy: string) => {
  const connection = await connect({
    host: 'mx.example.test',
    addresses: [host.address],
    port: host.port,
    hostname: 'client.test',
    tls: { level: 'none' },
    openSocket: proxySocket(proxy),
  } as never);
  const outcome = await connection.deliver(
    { from: 'ann@example.test', to: ['bob@example.test'] } as never,
    Buffer.from('Subject: x\r\n\r\nx\r\n'),
  );
  await connection.close();
  return outcome;
};

it('PRX-01 delivers through an HTTP proxy, with and without a password', async () => {
  const seen: string[] = [];
  await using host = await startSmtpHost();
  await using proxy = await httpProxy(seen);
  await deliver(host, `http://${proxy.at}`);
  await deliver(host, `http://ann:p%40ss@${proxy.at}`);
  expect(seen[1]).toMatch(` Basic ${Buffer.from('ann:p@ss').toString('base64')}`);
  expect(host.messages).toHaveLength(2);
});

it('PRX-07 asks an HTTP proxy for the address that was looked up', async () => {
  const seen: string[] = [];
  await using host = await startSmtpHost();
  await using proxy = await httpProxy(seen);
  await deliver(host, `http://${proxy.at}`);
  expect(seen).toEqual([`${host.address}:${host.port}`]);
});

it('PRX-02 delivers through a SOCKS proxy, with and without a password', async () => {
  const seen: string[] = [];
  await using host = await startSmtpHost();
  await using proxy = await socksProxy(seen);
  await deliver(host, `socks5://${proxy.at}`);
  await deliver(host, `socks5://ann:secret@${proxy.at}`);
  const authority = `${host.address}:${host.port}`;
  expect(seen).toEqual([authority, 'ann', authority]);
  expect(host.messages).toHaveLength(2);
});

it('PRX-03 PRX-05 takes a proxy that refuses for trouble of this side, and one that finds no way for trouble of the host', async () => {
  await using host = await startSmtpHost();
  const codeWith = async (status: number) => {
    await using proxy = await httpProxy([], status);
    const error = await deliver(host, `http://${proxy.at}`).catch((reason: unknown) => reason);
    return SmtpError.isInstance(error) ? error.code : error;
  };
  expect(await codeWith(407)).toBe('MB_SMTP_CONNECT_LOCAL');
  expect(await codeWith(502)).toBe('MB_SMTP_CONNECT_FAILED');
  const gone = await listen(createServer());
  await gone[Symbol.asyncDispose]();
  await expect(deliver(host, `http://${gone.at}`)).rejects.toMatchObject({ code: 'MB_SMTP_CONNECT_LOCAL' });
});

it('PRX-03 tells a SOCKS proxy that refuses from one that finds no way, and repeats no password', async () => {
  await using host = await startSmtpHost();
  const errorWith = async (reply: number, user = 'ann') => {
    await using proxy = await socksProxy([], reply);
    return await deliver(host, `socks5://${user}:secret@${proxy.at}`).catch((reason: unknown) => reason);
  };
  // RFC 1928 §6: 2 is the ruleset of the proxy, 4 an unreachable host, 5 a refused connection.
  for (const [reply, code] of [
    [2, 'MB_SMTP_CONNECT_LOCAL'],
    [4, 'MB_SMTP_CONNECT_FAILED'],
    [5, 'MB_SMTP_CONNECT_FAILED'],
  ] as const) {
    const error = await errorWith(reply);
    expect(error).toMatchObject({
      code,
      message: expect.stringMatching(/rejected connection - \w+\.(?: Check|$)/),
    });
    expect(inspect(error, { depth: 9 })).not.toContain('secret');
  }
  expect(await errorWith(0, 'eve')).toMatchObject({ code: 'MB_SMTP_CONNECT_LOCAL' });
  const gone = await listen(createServer());
  await gone[Symbol.asyncDispose]();
  await expect(deliver(host, `socks5://${gone.at}`)).rejects.toMatchObject({ code: 'MB_SMTP_CONNECT_LOCAL' });
});

it('PRX-04 PRX-06 refuses what is no proxy, without repeating its password', () => {
  for (const proxy of [
    'ftp://ann:secret@x',
    'http://ann:secret%zz@x',
    'socks5://ann%zz:secret@x',
    'proxy',
    '',
  ]) {
    expect(() => proxySocket(proxy)).toThrow(expect.objectContaining({ code: 'MB_SMTP_OPTION' }));
    expect(() => proxySocket(proxy)).not.toThrow(/secret/);
  }
});
