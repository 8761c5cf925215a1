import { type ConnectOptions, type SmtpConnection, SmtpError } from '@mb/smtp-client';
import type { Clock } from '../clock.ts';

/** How connections are kept. */
export interface ConnectionsOptions {
  readonly connect: (options: ConnectOptions) => Promise<SmtpConnection>;
  readonly clock: Clock;
  /** How long an idle connection is kept for the next message; 0 closes it at once. Default 0. */
  readonly idleMs?: number;
  /** Oldest connection that takes another message. A cap by count would favour the slowest host. Default 300,000. */
  readonly maxAgeMs?: number;
}

interface Kept {
  readonly connection: SmtpConnection;
  readonly openedAt: number;
}

/** Connections that wait for the next message to the same hosts under the same policy. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #idleMs: number;
  readonly #maxAgeMs: number;
  readonly #idle = new Map<string, Set<Kept>>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? 0;
    this.#maxAgeMs = options.maxAgeMs ?? 300_000;
  }

  /** Begins a piece of work whose messages share connections; end it with `end()`. */
  open(): ConnectionScope {
    return new ConnectionScope(this);
  }

  /** Ends everything that is idle. */
  close(): void {
    for (const kept of this.#idle.values()) for (const { connection } of kept) void connection.close();
    this.#idle.clear();
  }

  /** @internal An idle connection, or a new one. */
  async take(key: string, options: ConnectOptions): Promise<Kept> {
    for (const kept of this.#idle.get(key) ?? []) {
      this.#forget(key, kept);
      // SESS-03: a server that said 421 or closed meanwhile is not a failed attempt.
      if (kept.connection.reusable && this.#isYoung(kept)) return kept;
      void kept.connection.close();
    }
    return { connection: await this.#options.connect(options), openedAt: this.#options.clock.now() };
  }

  /** @internal Keeps a connection for a while. */
  keep(key: string, kept: Kept): void {
    if (this.#idleMs === 0 || !kept.connection.reusable || !this.#isYoung(kept)) {
      void kept.connection.close();
      return;
    }
    const idle = this.#idle.get(key) ?? new Set();
    this.#idle.set(key, idle.add(kept));
    const cancel = this.#options.clock.setTimer(() => {
      if (this.#forget(key, kept)) void kept.connection.close();
    }, this.#idleMs);
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

/** The connections of one piece of work: one per key, shared by all its messages. */
export class ConnectionScope {
  readonly #connections: Connections;
  readonly #held = new Map<string, Promise<Kept>>();
  /** Those that came about. */
  readonly #open = new Map<string, SmtpConnection>();

  /** Use {@link Connections.open}. */
  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** The connection in use by this scope for a key, if it takes another message. */
  current(key: string): SmtpConnection | undefined {
    const connection = this.#open.get(key);
    return connection?.reusable ? connection : undefined;
  }

  /**
   * The connection for a key: the one in use by this scope, an idle one, or a new one.
   *
   * @param key  everything that two messages must have in common to share a connection: source, hosts, policy.
   * @throws {SmtpError} when the connection fails, or has failed for this scope before.
   */
  async acquire(key: string, options: ConnectOptions): Promise<SmtpConnection> {
    const held = this.#held.get(key);
    if (held) {
      // A host that one message could not reach is not dialled again for the next one of the same work.
      const { connection } = await held;
      if (connection.reusable) return connection;
      if (this.#held.get(key) !== held) return this.acquire(key, options);
    }
    const taking = this.#connections.take(key, options);
    this.#held.set(key, taking);
    const { connection } = await taking;
    this.#open.set(key, connection);
    return connection;
  }

  /** Gives the connections back: kept for a while, or closed. */
  async end(): Promise<void> {
    for (const [key, held] of this.#held) {
      const kept = await held.catch(() => undefined);
      if (kept) this.#connections.keep(key, kept);
    }
    this.#held.clear();
    this.#open.clear();
  }
}

/** True when nothing was offered because the connection had ended meanwhile: a new one may be tried at once. */
export function wasStale(error: unknown): boolean {
  return (
    SmtpError.isInstance(error) &&
    (error.code === 'MB_SMTP_CONNECTION_STALE' || error.code === 'MB_SMTP_MAIL_LIMIT')
  );
}
