import {
  type ConnectOptions,
  type OpenSocket,
  openTcp,
  type SmtpConnection,
  SmtpError,
} from '@mb/smtp-client';
import type { Clock } from '../clock.ts';
import { CredentialGate } from './credential-gate.ts';

/** Options of {@link Connections}. */
export interface ConnectionsOptions {
  readonly connect: (options: ConnectOptions) => Promise<SmtpConnection>;
  readonly clock: Clock;
  /** How long an idle connection is kept for the next message; 0 closes it at once. Default 0. */
  readonly idleMs?: number;
  /**
   * Maximum age at which a connection takes another message. Default 300,000. A maximum number of messages instead
   * would keep connections to slow hosts open longest.
   */
  readonly maxAgeMs?: number;
  /** Idle connections do not keep the process from ending. Default false. */
  readonly unref?: boolean;
}

/** Called when a connection was dialled: with the session or the error, and how long it took. */
export type DialObserver = (session: SmtpConnection | SmtpError, durationMs: number) => void;

interface Kept {
  readonly connection: SmtpConnection;
  readonly openedAt: number;
  /** The transport, when it is a socket of the platform. */
  readonly socket: Refable | undefined;
}

/** A socket that keeps the process alive until `unref()` is called. */
interface Refable {
  ref(): unknown;
  unref(): unknown;
}

/** Idle connections, kept for the next message to the same host under the same policy. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #idleMs: number;
  readonly #maxAgeMs: number;
  readonly #idle = new Map<string, Set<Kept>>();
  readonly #gate: CredentialGate;
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#gate = new CredentialGate(options.clock);
    this.#idleMs = options.idleMs ?? 0;
    this.#maxAgeMs = options.maxAgeMs ?? 300_000;
  }

  /** Starts a piece of work whose messages share connections; finish it with `end()`. */
  open(): ConnectionScope {
    return new ConnectionScope(this);
  }

  /**
   * Closes all idle connections.
   * @param forGood  Connections in use are closed, not kept, when their work is done.
   */
  close(forGood = false): void {
    this.#closed = forGood;
    for (const kept of this.#idle.values()) for (const { connection } of kept) void connection.close();
    this.#idle.clear();
  }

  /** @internal An idle connection, or a new one. */
  async take(key: string, options: ConnectOptions, onDialled?: DialObserver): Promise<Kept> {
    for (const kept of this.#idle.get(key) ?? []) {
      this.#forget(key, kept);
      kept.socket?.ref();
      // SESS-03: an idle connection that the server has ended, by 421 or by closing it, is not a failed attempt.
      if (kept.connection.reusable && this.#isYoung(kept)) return kept;
      void kept.connection.close();
    }
    let socket: Refable | undefined;
    const openSocket: OpenSocket = async (target) => {
      const opened = await (options.openSocket ?? openTcp)(target);
      socket = 'unref' in opened ? (opened as unknown as Refable) : undefined;
      return opened;
    };
    const { clock, connect, unref } = this.#options;
    const startedAt = clock.now();
    try {
      const connection = await this.#gate.pass(options, () =>
        connect(unref ? { ...options, openSocket } : options),
      );
      onDialled?.(connection, clock.now() - startedAt);
      return { connection, openedAt: clock.now(), socket };
    } catch (error) {
      if (SmtpError.isInstance(error)) onDialled?.(error, clock.now() - startedAt);
      throw error;
    }
  }

  /** @internal Keeps a connection for `idleMs`, or closes it when it takes no more messages. */
  keep(key: string, kept: Kept): void {
    if (this.#closed || this.#idleMs === 0 || !kept.connection.reusable || !this.#isYoung(kept)) {
      void kept.connection.close();
      return;
    }
    const idle = this.#idle.get(key) ?? new Set();
    this.#idle.set(key, idle.add(kept));
    const expire = () => {
      if (this.#forget(key, kept)) void kept.connection.close();
    };
    const cancel = this.#options.unref
      ? unrefTimer(expire, this.#idleMs)
      : this.#options.clock.setTimer(expire, this.#idleMs);
    if (this.#options.unref) kept.socket?.unref();
    void kept.connection.closed.then(() => {
      cancel();
      this.#forget(key, kept);
    });
  }

  #isYoung({ openedAt }: Kept): boolean {
    return this.#options.clock.now() - openedAt < this.#maxAgeMs;
  }

  #forget(key: string, kept: Kept): boolean {
    const idle = this.#idle.get(key);
    const known = idle?.delete(kept) ?? false;
    if (idle?.size === 0) this.#idle.delete(key);
    return known;
  }
}

function unrefTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}

/** The connections of one piece of work: one at a time per key, shared by all its messages. */
export class ConnectionScope {
  readonly #connections: Connections;
  readonly #lines = new Map<string, Line>();

  /** Use {@link Connections.open}. */
  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** The connection in use by this scope for a key, if it takes another message now; give it back with `release()`. */
  tryAcquire(key: string): SmtpConnection | undefined {
    return this.#lines.get(key)?.tryAcquire();
  }

  /** Gives back a connection from `tryAcquire()` or `acquire()`. */
  release(key: string): void {
    this.#lines.get(key)?.release();
  }

  /**
   * The connection for a key: the one in use by this scope, an idle one, or a new one. A session that takes no more
   * messages is replaced after the host has answered those under way. A message waits until the window of the
   * connection has room, so that as few messages as possible are under way. Give it back with `release()`.
   *
   * @param key  Everything that two messages must have in common to share a connection: source, hosts, policy.
   * @throws {SmtpError} when the connection fails, or has failed for this scope before.
   */
  acquire(key: string, options: ConnectOptions, onDialled?: DialObserver): Promise<SmtpConnection> {
    let line = this.#lines.get(key);
    if (!line) {
      line = new Line(() => this.#connections.take(key, options, onDialled));
      this.#lines.set(key, line);
    }
    return line.acquire();
  }

  /** Ends the work: its connections are kept for a while, or closed. */
  async end(): Promise<void> {
    for (const [key, line] of this.#lines) {
      const kept = await line.end();
      if (kept) this.#connections.keep(key, kept);
    }
    this.#lines.clear();
  }
}

/**
 * The connections to one host: one after the other, never two at once, because a claim is counted as one connection.
 */
class Line {
  readonly #take: () => Promise<Kept>;
  #kept: Kept | undefined;
  /**
   * The connection being opened. A rejected promise stays, so that the host is not dialled again for the next message.
   */
  #next: Promise<Kept> | undefined;
  /** Messages that hold a connection of this line. */
  #users = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(take: () => Promise<Kept>) {
    this.#take = take;
  }

  tryAcquire(): SmtpConnection | undefined {
    const connection = this.#kept?.connection;
    if (!connection?.reusable || this.#users >= connection.experience.window) return undefined;
    this.#users++;
    return connection;
  }

  async acquire(): Promise<SmtpConnection> {
    for (;;) {
      const connection = this.tryAcquire();
      if (connection) return connection;
      if (this.#kept?.connection.reusable) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      else {
        this.#next ??= this.#renew();
        const { connection: fresh } = await this.#next;
        // A connection that was closed at once is returned too: `deliver()` reports why it cannot be used.
        if (!fresh.reusable) {
          this.#users++;
          return fresh;
        }
      }
    }
  }

  release(): void {
    this.#users--;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #renew(): Promise<Kept> {
    const before = this.#kept;
    this.#kept = undefined;
    // Waits for the replies to messages under way.
    await before?.connection.close();
    this.#kept = await this.#take();
    this.#next = undefined;
    return this.#kept;
  }

  /** The connection, if there is one. */
  async end(): Promise<Kept | undefined> {
    return (await this.#next?.catch(() => undefined)) ?? this.#kept;
  }
}

/**
 * Errors of a message that the session was not offered. `…_CLOSED`: another message closed this connection, to open the
 * next one, after it was chosen.
 */
const notOffered: ReadonlySet<string> = new Set([
  'MB_SMTP_CONNECTION_STALE',
  'MB_SMTP_CONNECTION_CLOSED',
  'MB_SMTP_MAIL_LIMIT',
]);

/** True when nothing was offered because the session had ended or was full: a new connection may be tried at once. */
export function wasNotOffered(error: unknown): error is SmtpError {
  return SmtpError.isInstance(error) && notOffered.has(error.code);
}
