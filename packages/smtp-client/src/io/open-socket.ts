import { connect as connectTcp, isIP, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { SmtpError, type SmtpErrorCode, type SmtpErrorKind } from '../errors.ts';
import type { Clock } from './clock.ts';

/** The target of a transport. */
export interface SocketTarget {
  /** Name of the host, for proxies that resolve it themselves. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string;
  readonly signal: AbortSignal;
}

/**
 * Opens a transport, such as TCP, HTTP CONNECT or SOCKS5.
 * The promise rejects when the transport cannot be opened, or when `signal` aborts.
 */
export type OpenSocket = (target: SocketTarget) => Promise<Duplex>;

/** RFC 8305 §5: the head start of each address over the next one. */
const attemptDelayMs = 250;

/** A plain TCP connection. */
export const openTcp: OpenSocket = ({ address, port, localAddress, signal }) =>
  new Promise((resolve, reject) => {
    const socket = connectTcp({
      host: address,
      port,
      // When the server closes its side, this side must stay open until the last reply is read.
      allowHalfOpen: true,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      act();
    };
    const onError = (error: Error): void => settle(() => reject(error));
    const onAbort = (): void =>
      settle(() => {
        socket.on('error', () => {});
        socket.destroy();
        reject(signal.reason);
      });
    socket.on('error', onError);
    socket.once('connect', () => settle(() => resolve(socket)));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });

/** The host to resolve. */
interface Addressee {
  readonly host: string;
  readonly addresses?: readonly string[] | undefined;
  readonly localAddress?: string | undefined;
}

/**
 * Returns the addresses to try: those given, or else those from the platform's resolver. An empty list stays empty.
 * Addresses of another family than `localAddress` are left out.
 * @throws {SmtpError} MB_SMTP_NO_ADDRESS, MB_SMTP_CONNECT_FAILED, MB_SMTP_CONNECT_LOCAL
 */
export async function resolveAddresses({ host, addresses, localAddress }: Addressee): Promise<string[]> {
  const known = addresses ?? (await lookupHost(host));
  const dialled =
    localAddress === undefined ? known : known.filter((address) => isIP(address) === isIP(localAddress));
  if (dialled.length > 0) return interleave(dialled);
  const text =
    known.length === 0
      ? `There is no address of ${host} to connect to: the list of addresses is empty.`
      : `${host} has no address of the family of ${localAddress}; connect from another one.`;
  throw unresolved('MB_SMTP_NO_ADDRESS', 'local', text);
}

async function lookupHost(host: string): Promise<string[]> {
  const literal = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(host)?.[1] ?? host;
  if (isIP(literal)) return [literal];
  try {
    // Loaded here: it takes half a megabyte, and most callers give addresses.
    const { lookup } = await import('node:dns/promises');
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOTFOUND') {
      const text = `The platform's resolver could not look up ${host}; check it, or give addresses.`;
      throw unresolved('MB_SMTP_CONNECT_LOCAL', 'local', text, cause);
    }
    const text = `The name ${host} has no address; check it, or give addresses.`;
    throw unresolved('MB_SMTP_CONNECT_FAILED', 'network', text, cause);
  }
}

function unresolved(code: SmtpErrorCode, kind: SmtpErrorKind, text: string, cause?: unknown): SmtpError {
  return new SmtpError(text, { code, kind, scope: 'host', stage: 'connect', retryable: true, cause });
}

/** Error codes of connect(2) and socket(2) for problems of this machine, including a missing route. */
const localTroubles: ReadonlySet<unknown> = new Set([
  'EACCES',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EINVAL',
  'EMFILE',
  'ENETDOWN',
  'ENETUNREACH',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EPERM',
]);

/** Whether a transport could not be opened because of this machine; with several attempts, whether all failed so. */
export function isLocalTrouble(cause: unknown): boolean {
  if (cause instanceof AggregateError) return cause.errors.length > 0 && cause.errors.every(isLocalTrouble);
  // A proxy that cannot be used, or whose package is missing, is a local problem.
  if (SmtpError.isInstance(cause)) return cause.kind === 'local' || cause.kind === 'api-misuse';
  return localTroubles.has((cause as NodeJS.ErrnoException | undefined)?.code);
}

/** RFC 8305 §4: orders addresses so that families take turns, beginning with the family of the first address. */
function interleave(addresses: readonly string[]): string[] {
  const first = addresses.filter((address) => isIPv6(address) === isIPv6(addresses[0]!));
  const second = addresses.filter((address) => isIPv6(address) !== isIPv6(addresses[0]!));
  const mixed: string[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    mixed.push(...[first[index], second[index]].filter((address) => address !== undefined));
  }
  return mixed;
}

/** An open transport with its address. */
export interface OpenedSocket {
  readonly socket: Duplex;
  readonly address: string;
}

/**
 * Opens a transport to the first of `addresses` that answers (RFC 8305): each gets a head start over the next, and when
 * one connects, the others are closed.
 */
export function openFirst(
  addresses: readonly string[],
  target: Omit<SocketTarget, 'address' | 'signal'>,
  how: { openSocket: OpenSocket; clock: Clock; signal: AbortSignal },
): Promise<OpenedSocket> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<AbortController>();
    const errors: unknown[] = [];
    let next = 0;
    let running = 0;
    let settled = false;
    let cancelDelay = (): void => {};
    const settle = (act: () => void): void => {
      settled = true;
      cancelDelay();
      how.signal.removeEventListener('abort', onAbort);
      act();
      for (const attempt of attempts) attempt.abort();
    };
    const onAbort = (): void => {
      if (!settled) settle(() => reject(how.signal.reason));
    };
    const tryNext = (): void => {
      cancelDelay();
      const address = addresses[next++];
      if (settled || address === undefined) return;
      running += 1;
      const attempt = new AbortController();
      attempts.add(attempt);
      if (next < addresses.length) cancelDelay = how.clock.setTimer(tryNext, attemptDelayMs);
      how.openSocket({ ...target, address, signal: attempt.signal }).then(
        (socket) => {
          running -= 1;
          attempts.delete(attempt);
          if (!settled) return settle(() => resolve({ socket, address }));
          socket.on('error', () => {});
          socket.destroy();
        },
        (error: unknown) => {
          running -= 1;
          errors.push(error);
          if (settled) return;
          if (next < addresses.length) tryNext();
          else if (running === 0)
            settle(() => reject(errors.length === 1 ? error : new AggregateError(errors)));
        },
      );
    };
    if (how.signal.aborted) onAbort();
    else {
      how.signal.addEventListener('abort', onAbort, { once: true });
      tryNext();
    }
  });
}

/** `address:port`, with brackets around IPv6. */
export function formatAddress(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
