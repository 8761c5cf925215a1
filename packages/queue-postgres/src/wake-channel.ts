import { Client, type ClientConfig } from 'pg';

/** Wake-ups of one process are sent together: a NOTIFY takes a lock that all committing sessions share. */
const coalesceMs = 25;
const firstReconnectMs = 500;
const longestReconnectMs = 15_000;

/** Options of {@link WakeChannel}. */
export interface WakeChannelOptions {
  readonly connection: ClientConfig;
  /** The channel's name; one a schema. */
  readonly channel: string;
  /** Sends the notification, on a connection of its own and in no transaction. */
  notify(): Promise<unknown>;
  /** A process, perhaps this one, notified all workers. */
  onWake(): void;
  /** The connection was lost or could not be made; it is tried again. */
  onError(error: unknown): void;
}

/**
 * LISTEN and NOTIFY between the workers, on one dedicated connection. It only saves waiting for the next poll:
 * what it loses while it reconnects, the poll finds.
 */
export class WakeChannel {
  readonly #options: WakeChannelOptions;
  #client: Client | undefined;
  #sending: NodeJS.Timeout | undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: WakeChannelOptions) {
    this.#options = options;
  }

  /** Resolves when it listens, or has failed to and will try again. */
  async open(): Promise<void> {
    let client: Client | undefined;
    try {
      client = this.#connect();
      await client.connect();
      await client.query(`LISTEN ${this.#options.channel}`);
      this.#failures = 0;
      // Work that was announced while no connection listened is found now.
      this.#options.onWake();
    } catch (error) {
      if (client) this.#lost(client, error);
      else this.#reconnectLater(error);
    }
  }

  #connect(): Client {
    const client = new Client(this.#options.connection);
    client.on('notification', () => this.#options.onWake());
    // Both events may come, in either order, or one.
    client.once('error', (error) => this.#lost(client, error));
    client.once('end', () => this.#lost(client, undefined));
    this.#client = client;
    return client;
  }

  /** Tells the others soon. */
  send(): void {
    if (this.#sending || this.#closed) return;
    this.#sending = setTimeout(() => {
      this.#sending = undefined;
      // A wake-up that cannot be sent is found by the poll.
      this.#options.notify().catch(() => {});
    }, coalesceMs);
    this.#sending.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#sending);
    clearTimeout(this.#reconnecting);
    await this.#client?.end().catch(() => {});
  }

  #lost(client: Client, error: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client.on('error', () => {});
    client.end().catch(() => {});
    this.#reconnectLater(error);
  }

  #reconnectLater(error: unknown): void {
    if (this.#closed) return;
    if (error !== undefined) this.#options.onError(error);
    const delay = Math.min(firstReconnectMs * 2 ** this.#failures++, longestReconnectMs);
    this.#reconnecting = setTimeout(() => void this.open(), delay);
    this.#reconnecting.unref();
  }
}
