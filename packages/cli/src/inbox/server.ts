import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { CliError } from '../errors.ts';

/** A message as it was received. */
export interface Arrival {
  /** The octets of the message after dot-unstuffing. */
  readonly octets: Buffer;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Address of the client. */
  readonly ip: string;
  readonly helo: string;
  /** Reverse-path; empty for the null one. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The name that the client logged in with, if it did; any is accepted. */
  readonly user?: string;
}

/** How the inbox listens. */
export interface InboxServerOptions {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  /** Maximum size of a message in octets; a larger one is refused with 552. */
  readonly maxBytes: number;
  /** The reply that refuses a recipient, or a message after its content; undefined accepts it. */
  readonly refuse?: (stage: 'rcpt' | 'content', address?: string) => string | undefined;
  /** Stores a message; the client gets 250 when this resolves, and 451 when it rejects. */
  readonly keep: (arrival: Arrival) => Promise<void>;
}

/** A server that accepts every message for any recipient and delivers none. */
export interface InboxServer {
  readonly port: number;
  /** Stops accepting connections, and resolves when the open ones have ended, after at most a second. */
  close(): Promise<void>;
}

const MAX_CLIENTS = 100;
const SOCKET_TIMEOUT_MS = 60_000;

/** Starts the server. @throws {CliError} MB_CLI_LISTEN */
export async function startInboxServer(options: InboxServerOptions): Promise<InboxServer> {
  const { host, port, maxBytes } = options;
  const server = new SMTPServer({
    name: 'inbox.invalid',
    banner: 'mb inbox: accepts everything, delivers nothing',
    size: maxBytes,
    // For applications that log in; the password is not checked.
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username }, _session, done) => done(null, { user: username ?? '' }),
    disableReverseLookup: true,
    maxClients: MAX_CLIENTS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    closeTimeout: 1000,
    onRcptTo: ({ address }, _session, done) => done(refusalOf(options.refuse?.('rcpt', address))),
    onData: (stream, session, done) => void take(stream, session, options).then(() => done(), done),
  });
  // The disconnect of a client must not end the server.
  server.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', (cause) => reject(cannotListen(host, port, cause)));
    server.listen(port, host, resolve);
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Reads a message to its end, and drops the content of one that is too large. */
async function take(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  { maxBytes, refuse, keep }: InboxServerOptions,
): Promise<void> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size <= maxBytes) pieces.push(piece);
    else pieces.length = 0;
  }
  const scripted = refusalOf(refuse?.('content'));
  if (scripted) throw scripted;
  if (size > maxBytes) throw refusal(552, `5.3.4 The inbox takes at most ${maxBytes} octets`);
  const { mailFrom, rcptTo } = session.envelope;
  const arrival: Arrival = {
    octets: Buffer.concat(pieces),
    at: Date.now(),
    ip: session.remoteAddress,
    helo: session.hostNameAppearsAs || '',
    sender: mailFrom ? mailFrom.address : '',
    recipients: rcptTo.map(({ address }) => address),
    ...(session.user !== undefined && { user: String(session.user) }),
  };
  try {
    await keep(arrival);
  } catch {
    throw refusal(451, '4.3.0 The message could not be saved');
  }
}

/** A reply such as `550 5.1.1 No such user`. */
function refusalOf(reply: string | undefined): Error | undefined {
  return reply === undefined ? undefined : refusal(Number(reply.slice(0, 3)), reply.slice(4));
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

function cannotListen(host: string, port: number, cause: unknown): CliError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program listens there; give another --port',
    EACCES: 'only root may; give a --port above 1023',
    EADDRNOTAVAIL: 'this machine has no such address',
  };
  const reason = reasons[code ?? ''] ?? message;
  return new CliError('MB_CLI_LISTEN', `Cannot listen on ${host} port ${port}: ${reason}.`, { cause });
}
