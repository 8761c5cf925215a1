import { createServer, isIP, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '../clock.ts';
import { TestkitError } from '../errors.ts';
import {
  flag,
  group,
  integer,
  list,
  matching,
  type OptionTable,
  readOptions,
  text,
  withMethods,
  word,
} from '../option-table.ts';
import type { SmtpSessionRecord, SmtpTransactionRecord } from './record.ts';
import {
  hostAuthOptions,
  type SmtpHostAuth,
  type SmtpHostTls,
  type SmtpScript,
  scriptOptions,
} from './script.ts';
import { HostSession, type SessionSettings } from './session.ts';

/** Options of {@link startSmtpHost}. */
export interface SmtpHostOptions {
  /** How the host differs from a correct server; default not at all. */
  readonly script?: SmtpScript | undefined;
  /** Address to listen on; any of 127.0.0.0/8, or `::1`. Default `127.0.0.1`. */
  readonly address?: string | undefined;
  /** Default 0, a free port. */
  readonly port?: number | undefined;
  /** The name in the greeting and the EHLO reply; default `mx.example.test`. */
  readonly hostname?: string | undefined;
  /** Default `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp' | undefined;
  /**
   * EHLO keywords; default {@link DEFAULT_KEYWORDS}. STARTTLS and AUTH are added if `tls` and `auth` are given.
   * Parameters that no keyword offers are refused with 555.
   */
  readonly keywords?: readonly string[] | undefined;
  /** Certificate, key and behaviour of the handshake; without it, STARTTLS is not offered. */
  readonly tls?: SmtpHostTls | undefined;
  /** Whether TLS begins immediately, as on port 465; needs `tls`. Default false. */
  readonly implicitTls?: boolean | undefined;
  /** Offers AUTH; default not offered. */
  readonly auth?: SmtpHostAuth | undefined;
  /** Whether a bare LF ends a line, even the final dot, as on servers open to SMTP smuggling. Default false. */
  readonly lenientLineEnds?: boolean | undefined;
  /** Whether contents and traffic are kept. If false, for huge messages, only sizes are recorded. Default true. */
  readonly keepOctets?: boolean | undefined;
  /** Clock of delays and of the times in the record; default the system's. */
  readonly clock?: Clock | undefined;
}

/** The checks of `SmtpHostOptions`; answers of a script are checked when they are sent. */
export const smtpHostOptions = {
  script: group<SmtpScript>(scriptOptions),
  address: matching<string>('an IP address', (value) => typeof value === 'string' && isIP(value) !== 0),
  port: integer(0, 65_535),
  hostname: text(),
  protocol: word(['smtp', 'lmtp']),
  keywords: list(text()),
  // The keys are those of Node's TLSSocket, of which there is no list.
  tls: matching<SmtpHostTls>(
    'an object with key and cert',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ),
  implicitTls: flag(),
  auth: group<SmtpHostAuth>(hostAuthOptions),
  lenientLineEnds: flag(),
  keepOctets: flag(),
  clock: withMethods<Clock>('now', 'setTimer'),
} satisfies OptionTable<SmtpHostOptions>;

/** The default EHLO keywords of a host. */
export const DEFAULT_KEYWORDS: readonly string[] = [
  'PIPELINING',
  'SIZE 52428800',
  '8BITMIME',
  'SMTPUTF8',
  'ENHANCEDSTATUSCODES',
  'CHUNKING',
  'DSN',
];

/**
 * Starts an SMTP (or LMTP) host on loopback that follows a script and records what clients do.
 *
 * @throws {TestkitError} MB_TESTKIT_OPTION for an invalid option, MB_TESTKIT_LISTEN if it cannot listen.
 * @example
 * await using host = await startSmtpHost({
 *   script: { recipients: { 'nobody@example.test': '550 5.1.1 No such mailbox' } },
 * });
 * // … a client talks to host.address, host.port …
 * host.messages[0].content; // octets as the client meant them
 * host.sessions[0].commands; // ['EHLO client.example', 'MAIL FROM:<a@example.org>', …]
 */
export async function startSmtpHost(given: SmtpHostOptions = {}): Promise<SmtpHost> {
  const options: SmtpHostOptions = readOptions(given, smtpHostOptions, 'startSmtpHost: options');
  if (options.implicitTls && !options.tls) {
    throw new TestkitError('MB_TESTKIT_OPTION', 'implicitTls needs tls: { key, cert }.');
  }
  const { address = '127.0.0.1', port = 0 } = options;
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `Cannot serve SMTP on ${address} port ${port}: ${cause.message}.`;
      reject(new TestkitError('MB_TESTKIT_LISTEN', message, { cause }));
    });
    server.listen(port, address, resolve);
  });
  return new SmtpHost(server, options);
}

/** A running host; created by {@link startSmtpHost}. */
export class SmtpHost implements AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly hostname: string;
  /** All connections so far. */
  readonly sessions: SmtpSessionRecord[] = [];
  /** All transactions whose content was accepted, in order of acceptance. */
  readonly messages: SmtpTransactionRecord[] = [];
  readonly #server: Server;
  readonly #settings: Omit<SessionSettings, 'script'>;
  readonly #running = new Set<HostSession>();
  readonly #watchers = new Set<() => void>();
  readonly #listeners = new Set<(transaction: SmtpTransactionRecord) => void>();
  #script: SmtpScript;
  #closed: Promise<void> | undefined;

  /** @internal Use {@link startSmtpHost}. */
  constructor(server: Server, options: SmtpHostOptions) {
    const bound = server.address() as { address: string; port: number };
    this.address = bound.address;
    this.port = bound.port;
    this.hostname = options.hostname ?? 'mx.example.test';
    this.#server = server;
    this.#script = options.script ?? {};
    this.#settings = {
      hostname: this.hostname,
      protocol: options.protocol ?? 'smtp',
      keywords: options.keywords ?? DEFAULT_KEYWORDS,
      tls: options.tls,
      implicitTls: options.implicitTls ?? false,
      auth: options.auth,
      lenientLineEnds: options.lenientLineEnds ?? false,
      keepOctets: options.keepOctets ?? true,
      clock: options.clock ?? systemClock,
      onChange: () => this.#changed(),
      onMessage: (transaction) => {
        this.messages.push(transaction);
        for (const listener of this.#listeners) listener(transaction);
      },
    };
    server.on('connection', (socket) => this.#serve(socket, socket));
    server.on('error', () => {});
  }

  /** Replaces the script for new connections. */
  setScript(script: SmtpScript): void {
    this.#script = readOptions<SmtpScript, typeof scriptOptions>(script, scriptOptions, 'setScript: script');
  }

  /** Calls `listener` with each accepted message. @returns A function that removes the listener. */
  onMessage(listener: (transaction: SmtpTransactionRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Serves a connected stream without a network, such as one end of a `stream.duplexPair()`. */
  attach(stream: Duplex): void {
    this.#serve(stream, {});
  }

  /**
   * Resolves when `condition` returns true; it is called again after each event on a connection.
   *
   * @param timeoutMs  Real milliseconds; default 5,000.
   * @throws {TestkitError} MB_TESTKIT_WAIT after `timeoutMs`.
   * @example await host.until(() => host.messages.length === 2);
   */
  until(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (error?: Error) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (error) reject(error);
        else resolve();
      };
      const look = () => {
        if (condition()) done();
      };
      const timer = setTimeout(() => {
        done(new TestkitError('MB_TESTKIT_WAIT', `Not so within ${timeoutMs} ms: ${condition}`));
      }, timeoutMs);
      this.#watchers.add(look);
    });
  }

  /** Stops listening and immediately ends all connections, even if their scripts are waiting. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const session of this.#running) session.connection.destroy();
    });
    return this.#closed;
  }

  /** Closes at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #serve(stream: Duplex, peer: Pick<Partial<Socket>, 'remoteAddress' | 'remotePort'>): void {
    const record: SmtpSessionRecord = {
      id: this.sessions.length + 1,
      remoteAddress: peer.remoteAddress ?? '',
      remotePort: peer.remotePort ?? 0,
      startedAt: this.#settings.clock.now(),
      clientName: '',
      commands: [],
      events: [],
      transactions: [],
      tls: undefined,
      user: undefined,
      clearTextBehindStarttls: undefined,
      closed: false,
    };
    this.sessions.push(record);
    const session = new HostSession(stream, record, { ...this.#settings, script: this.#script });
    this.#running.add(session);
    void session.run().finally(() => this.#running.delete(session));
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}
