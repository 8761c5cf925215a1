import { Client, type ClientConfig } from 'pg';

/** Wake-ups of a process within this time are sent as one, because NOTIFY takes a lock that all commits share. */
const coalesceMs = 25;
const firstReconnectMs = 500;
const longestReconnectMs = 15_000;

/** Options of {@link WakeChannel}. */
export interface WakeChannelOptions {
  readonly connection: ClientConfig;
  /** Name of the channel; one for each schema. */
  readonly channel: string;
  /** Sends the notification, outside of any transaction. */
  notify(): Promise<unknown>;
  /** Called when a process, possibly this one, has notified all workers. */
  onWake(): void;
  /** Called when the connection was lost or could not be opened; it is tried again. */
  onError(error: unknown): void;
}

/**
 * LISTEN and NOTIFY between the workers, on a dedicated connection. It only saves waiting for the next poll, which also
 * finds what is lost while the channel reconnects.
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

  /** Resolves when it listens, or has failed and will try again. */
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
    // One of the two events may come, or both in either order.
    client.once('error', (error) => this.#lost(client, error));
    client.once('end', () => this.#lost(client, undefined));
    this.#client = client;
    return client;
  }

  /** Sends a wake-up soon. */
  send(): void {
    if (this.#sending || this.#closed) return;
    this.#sending = setTimeout(() => {
      this.#sending = undefined;
      // If it cannot be sent, the other workers find the work at their next poll.
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
