import { aborted, type SmtpConnection } from '../client.ts';
import { SmtpError, type TranscriptEntry } from '../errors.ts';
import { askCredentials } from './authenticate.ts';
import type { Clock } from './clock.ts';
import { type ConnectOptions, type ResolvedOptions, resolveOptions } from './connect-options.ts';
import { establish } from './establish.ts';
import {
  formatAddress,
  isLocalTrouble,
  type OpenedSocket,
  openFirst,
  resolveAddresses,
} from './open-socket.ts';

/**
 * Connects to one host, and prepares the session: greeting, EHLO, TLS and authentication.
 *
 * Addresses are tried with a head start each (RFC 8305). When the session cannot be set up at one address, the next one
 * is tried. At level `opportunistic`, an address whose TLS fails is tried once more in clear text.
 * @throws {SmtpError} MB_SMTP_OPTION, MB_SMTP_NO_ADDRESS, MB_SMTP_CONNECT_FAILED, MB_SMTP_CONNECT_LOCAL,
 *   MB_SMTP_CONNECT_TIMEOUT, MB_SMTP_CONNECTION_LOST, MB_SMTP_OVERALL_TIMEOUT,
 *   MB_SMTP_GREETING_REFUSED, MB_SMTP_HELLO_REFUSED, MB_SMTP_SERVICE_CLOSING, MB_SMTP_REPLY_SYNTAX,
 *   MB_SMTP_REPLY_UNEXPECTED, MB_SMTP_REPLY_TIMEOUT, MB_SMTP_TLS_*, MB_SMTP_AUTH_*, MB_SMTP_ABORTED
 * @example
 * const connection = await connect({ host: 'mx.example.com', hostname: 'mail.example.org' });
 * const outcome = await connection.deliver({ from: 'a@example.org', to: ['b@example.com'] }, octets);
 * await connection.close();
 */
export async function connect(options: ConnectOptions): Promise<SmtpConnection> {
  const resolved = await withCredentials(await withTls(resolveOptions(options)));
  const notes: TranscriptEntry[] = [];
  let remaining: readonly string[] = await resolveAddresses(resolved);
  for (;;) {
    const opened = await open(resolved, remaining, notes);
    try {
      return await setUp(resolved, opened, notes);
    } catch (error) {
      remaining = remaining.filter((address) => address !== opened.address);
      if (remaining.length === 0 || !SmtpError.isInstance(error) || !worthAnotherAddress(error)) throw error;
    }
  }
}

let tlsCode: Promise<typeof import('./tls.ts')> | undefined;

/** Node's TLS takes some 6 MB of memory, so it is loaded only when it is used. */
async function withTls(options: ResolvedOptions): Promise<ResolvedOptions> {
  if (options.tls.level === 'none') return options;
  // Loaded before there is a socket: the handshake must follow the reply to STARTTLS at once.
  tlsCode ??= import('./tls.ts');
  const { secure } = await tlsCode;
  return { ...options, secure };
}

/** Calls the caller's function for credentials before connecting, so that no connection waits for them. */
async function withCredentials(options: ResolvedOptions): Promise<ResolvedOptions> {
  const { authentication } = options;
  if (!authentication?.source) return options;
  const credentials = await askCredentials(authentication.source);
  return { ...options, authentication: { ...authentication, credentials } };
}

/** Whether another address, which may be another machine, may succeed. */
function worthAnotherAddress({ kind, code }: SmtpError): boolean {
  return (
    code !== 'MB_SMTP_ABORTED' &&
    kind !== 'api-misuse' &&
    kind !== 'invalid-input' &&
    code !== 'MB_SMTP_AUTH_REFUSED' &&
    code !== 'MB_SMTP_AUTH_INSECURE'
  );
}

async function setUp(
  options: ResolvedOptions,
  opened: OpenedSocket,
  notes: TranscriptEntry[],
): Promise<SmtpConnection> {
  try {
    return await establish(options, opened, notes);
  } catch (error) {
    if (!SmtpError.isInstance(error) || !fallsBack(options, error)) throw error;
    // RFC 7435 §3 (opportunistic security): clear text is better than no delivery. It needs a new connection.
    note(notes, options.clock, `${error.message} Trying again without TLS.`);
    const plain = await open(options, [opened.address], notes);
    const { failure } = error.tls ?? {};
    const less = {
      starttls: 'never',
      tlsError: error.message,
      ...(failure && { tlsFailure: failure }),
    } as const;
    return await establish({ ...options, ...less }, plain, notes);
  }
}

/** Failures of TLS itself, including a server that sends clear text after its 220. */
const tlsFailures: ReadonlySet<SmtpError['code']> = new Set([
  'MB_SMTP_TLS_HANDSHAKE',
  'MB_SMTP_TLS_REFUSED',
  'MB_SMTP_TLS_TIMEOUT',
  'MB_SMTP_TLS_INJECTION',
]);

function fallsBack({ tls, auth }: ResolvedOptions, { code }: SmtpError): boolean {
  return tls.level === 'opportunistic' && !tls.implicit && !auth && tlsFailures.has(code);
}

async function open(
  options: ResolvedOptions,
  addresses: readonly string[],
  notes: TranscriptEntry[],
): Promise<OpenedSocket> {
  const { host, port, localAddress, openSocket, clock, signal, timeouts } = options;
  const stop = new AbortController();
  let timedOut = false;
  const cancel = clock.setTimer(() => {
    timedOut = true;
    stop.abort();
  }, timeouts.connectMs);
  // AbortSignal.any() would cost as much as the three other controllers of a connection.
  const onAbort = (): void => stop.abort(signal!.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const target = localAddress === undefined ? { host, port } : { host, port, localAddress };
    const opened = await openFirst(addresses, target, { openSocket, clock, signal: stop.signal });
    note(notes, clock, `connected to ${formatAddress(opened.address, port)}`, options);
    return opened;
  } catch (cause) {
    const tried = addresses.map((address) => formatAddress(address, port)).join(', ');
    throw connectError({
      tried,
      cause,
      signal,
      timedOut,
      notes,
    });
  } finally {
    cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

function connectError(facts: {
  tried: string;
  cause: unknown;
  signal: AbortSignal | undefined;
  timedOut: boolean;
  notes: readonly TranscriptEntry[];
}): SmtpError {
  const { tried, cause, notes } = facts;
  const shared = { stage: 'connect', retryable: true, address: tried, transcript: notes, cause } as const;
  if (facts.signal?.aborted) {
    return aborted(facts.signal, 'connect').with({ address: tried, transcript: notes });
  }
  if (facts.timedOut) {
    const text = `No connection to ${tried} in time; the host is down or a firewall drops the packets.`;
    return new SmtpError(text, {
      ...shared,
      code: 'MB_SMTP_CONNECT_TIMEOUT',
      kind: 'timeout',
      scope: 'host',
    });
  }
  if (isLocalTrouble(cause)) {
    const text = `This machine could not open a connection to ${tried}: ${reason(cause)}. Check its addresses, routes and limits.`;
    return new SmtpError(text, { ...shared, code: 'MB_SMTP_CONNECT_LOCAL', kind: 'local', scope: 'host' });
  }
  const text = `No connection to ${tried}: ${reason(cause)}.`;
  return new SmtpError(text, { ...shared, code: 'MB_SMTP_CONNECT_FAILED', kind: 'network', scope: 'host' });
}

/** Error codes of connect(2) in words. */
const connectReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the host refused the connection',
  ECONNRESET: 'the host closed the connection',
  EHOSTUNREACH: 'the network has no route to the host',
  ENETUNREACH: 'this machine has no route to the network of the host',
  ETIMEDOUT: 'the host did not answer',
};

function reason(cause: unknown): string {
  if (cause instanceof AggregateError) return [...new Set(cause.errors.map(reason))].join('; ');
  if (!(cause instanceof Error)) return String(cause);
  const { code = '' } = cause as NodeJS.ErrnoException;
  const words = connectReasons[code];
  return words === undefined ? cause.message.replace(/\.$/, '') : `${words} (${code})`;
}

function note(notes: TranscriptEntry[], clock: Clock, text: string, options?: ResolvedOptions): void {
  const entry: TranscriptEntry = { at: clock.now(), direction: 'note', text };
  notes.push(entry);
  options?.onTranscript?.(entry);
}
