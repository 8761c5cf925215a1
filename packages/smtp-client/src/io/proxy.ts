/**
 * Connections through a proxy: HTTP CONNECT (RFC 9110 §9.3.6), and SOCKS by the package `socks`.
 *
 * @packageDocumentation
 */
import { connect as connectTcp, isIP, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { misuse, SmtpError } from '../errors.ts';
import type { OpenSocket, SocketTarget } from './open-socket.ts';

/** Maximum size of the proxy's answer to CONNECT. */
const maxAnswerBytes = 16 * 1024;

/**
 * Makes an `openSocket` that connects through a proxy. The proxy gets the IP address, not the host name, so that it
 * connects to the address that was checked.
 *
 * - `http://user:password@proxy.example.com:3128`, `https://…`: HTTP CONNECT, with Basic authentication.
 * - `socks5://user:password@proxy.example.com:1080`, `socks4://…`: by the package `socks`, which must be installed.
 *
 * @throws {SmtpError} MB_SMTP_OPTION; the message does not contain the password.
 * @example
 * const broker = new MailBroker({ hostname, runtime: { openSocket: proxySocket('socks5://127.0.0.1:1080') } });
 */
export function proxySocket(proxy: string): OpenSocket {
  const read = typeof proxy === 'string' ? readProxy(proxy) : undefined;
  if (!read) {
    throw misuse(
      'MB_SMTP_OPTION',
      'proxySocket: proxy must be a URL such as "http://proxy.example.com:3128" or "socks5://proxy.example.com:1080".',
    );
  }
  return read.protocol.startsWith('http')
    ? (target) => openByConnect(read, target)
    : (target) => openBySocks(read, target);
}

interface Proxy {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  /** Empty when there is none. */
  readonly user: string;
  readonly password: string;
  /** For messages: without user and password. */
  readonly name: string;
}

/** Default ports of proxy URLs. */
const defaultPorts: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
  ['socks', 1080],
  ['socks5', 1080],
  ['socks4', 1080],
]);

function readProxy(text: string): Proxy | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const protocol = url.protocol.slice(0, -1);
  const defaultPort = defaultPorts.get(protocol);
  if (defaultPort === undefined || url.hostname === '') return undefined;
  try {
    return {
      protocol,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? defaultPort : Number(url.port),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      name: `${url.protocol}//${url.host}`,
    };
  } catch {
    // decodeURIComponent: a % in user or password is not followed by two digits.
    return undefined;
  }
}

// Long because the socket, its timer and its listeners are cleaned up on every exit.
async function openByConnect(proxy: Proxy, { address, port, signal }: SocketTarget): Promise<Duplex> {
  const { host, port: proxyPort, user, password } = proxy;
  const secure = proxy.protocol === 'https';
  const socket = secure
    ? process.getBuiltinModule('node:tls').connect({
        host,
        port: proxyPort,
        ALPNProtocols: ['http/1.1'],
        ...(isIP(host) === 0 && { servername: host }),
      })
    : connectTcp({ host, port: proxyPort, allowHalfOpen: true, noDelay: true });
  const authority = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  const credentials = Buffer.from(`${user}:${password}`).toString('base64');
  const request = [
    `CONNECT ${authority} HTTP/1.1`,
    `Host: ${authority}`,
    ...(user === '' ? [] : [`Proxy-Authorization: Basic ${credentials}`]),
    '',
    '',
  ].join('\r\n');
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('data', onData).off('end', onEnd);
      act();
    };
    const fail = (error: unknown) =>
      settle(() => {
        socket.on('error', () => {});
        socket.destroy();
        reject(error);
      });
    const onError = (error: Error) => fail(refused(proxy, error.message, error));
    const onAbort = () => fail(signal.reason);
    const onEnd = () => fail(refused(proxy, 'it closed the connection'));
    const onData = (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      const end = answer.indexOf('\r\n\r\n');
      if (end === -1) {
        if (answer.length > maxAnswerBytes) fail(refused(proxy, 'its answer has no end'));
        return;
      }
      const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(answer.toString('latin1', 0, end)) ?? [];
      // RFC 9110 §9.3.6: any 2xx switches to tunnel mode.
      if (status === undefined || !status.startsWith('2')) {
        // 5xx: the proxy cannot reach the host.
        const ofHost = status?.startsWith('5') ? 'network' : 'local';
        fail(
          refused(
            proxy,
            status === undefined ? 'its answer is not HTTP' : `it answered ${status}`,
            undefined,
            ofHost,
          ),
        );
        return;
      }
      settle(() => {
        socket.pause();
        // Octets after the answer come from the mail host.
        if (answer.length > end + 4) socket.unshift(answer.subarray(end + 4));
        resolve(socket);
      });
    };
    socket.on('error', onError).on('data', onData).on('end', onEnd);
    socket.once(secure ? 'secureConnect' : 'connect', () => socket.write(request));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Messages of the package `socks` for refusals that concern the host, not the proxy (RFC 1928 §6). */
const hostRefusal =
  /rejected connection - \(?(?:Failed|Failure|NetworkUnreachable|HostUnreachable|ConnectionRefused|TTLExpired)\)?$/i;

async function openBySocks(proxy: Proxy, { address, port, signal }: SocketTarget): Promise<Duplex> {
  let socks: typeof import('socks');
  try {
    socks = await import('socks');
  } catch (cause) {
    throw new SmtpError('proxySocket: SOCKS needs the package socks; install it.', {
      code: 'MB_SMTP_OPTION',
      kind: 'api-misuse',
      scope: 'host',
      stage: 'connect',
      retryable: false,
      cause,
    });
  }
  signal.throwIfAborted();
  const client = new socks.SocksClient({
    proxy: {
      host: proxy.host,
      port: proxy.port,
      type: proxy.protocol === 'socks4' ? 4 : 5,
      ...(proxy.user !== '' && { userId: proxy.user }),
      ...(proxy.password !== '' && { password: proxy.password }),
    },
    command: 'connect',
    destination: { host: address, port },
  });
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason);
      // Close a connection that is opened after the abort.
      client.on('established', ({ socket }) => socket.destroy());
    };
    signal.addEventListener('abort', onAbort, { once: true });
    client.on('established', ({ socket }) => {
      signal.removeEventListener('abort', onAbort);
      if (!signal.aborted) resolve(socket.setNoDelay());
    });
    client.on('error', ({ message }) => {
      signal.removeEventListener('abort', onAbort);
      // Without a cause: the error of the package contains the password.
      reject(refused(proxy, message, undefined, hostRefusal.test(message) ? 'network' : 'local'));
    });
    client.connect();
  });
}

function refused(
  proxy: Proxy,
  reason: string,
  cause?: unknown,
  kind: 'local' | 'network' = 'local',
): SmtpError {
  return new SmtpError(`The proxy ${proxy.name} opened no connection: ${reason}.`, {
    code: kind === 'local' ? 'MB_SMTP_CONNECT_LOCAL' : 'MB_SMTP_CONNECT_FAILED',
    kind,
    scope: 'host',
    stage: 'connect',
    retryable: true,
    cause,
  });
}
