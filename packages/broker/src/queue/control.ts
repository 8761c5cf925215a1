import type {
  MessageId,
  MessageView,
  Page,
  PageRequest,
  QueueStore,
  RecipientView,
  SiteKey,
  SiteSettings,
} from '../store/port.ts';
import type { ListSelector, Selector } from '../store/selector.ts';
import type { NewSuppression, Suppression } from '../store/suppression.ts';

/**
 * What an operator does with a queue, while workers run on it.
 *
 * A selector's conditions are joined by "and": `{ domain: 'example.org', state: 'queued' }`. `hold`, `release`, `cancel`
 * and `retry` need at least one condition, or `{ all: true }` for the whole queue; a selector that is empty, or has an
 * unknown key or an empty value, is refused with MB_BROKER_SELECTOR, and nothing changes.
 *
 * @example
 * for (const { address, dueAt } of (await broker.queue.list({ state: 'queued' })).rows) console.log(address, dueAt);
 * await broker.queue.suspend('example.org', 'They asked us to pause until Monday.');
 */
export class QueueControl {
  readonly #store: QueueStore<unknown>;

  /** Use `broker.queue`. */
  constructor(store: QueueStore<unknown>) {
    this.#store = store;
  }

  /**
   * Recipients that the selector chooses, a page at a time. It only reads, so `{}`, the default, chooses all.
   *
   * @throws {BrokerError} MB_BROKER_SELECTOR for an unknown key, an empty string and `undefined` as a value.
   */
  list(selector: ListSelector = {}, page?: PageRequest): Promise<Page<RecipientView>> {
    return this.#store.list(selector, page);
  }

  /** A message with all its recipients; null when there is none. */
  show(messageId: MessageId): Promise<MessageView | null> {
    return this.#store.inspect(messageId);
  }

  /** The octets of a message as they are stored, in constant memory. */
  content(messageId: MessageId): AsyncIterable<Uint8Array> {
    return this.#store.content(messageId);
  }

  /** Keeps recipients from being attempted; returns how many. */
  hold(selector: Selector): Promise<number> {
    return this.#store.hold(selector);
  }

  /** Lets held recipients, and those of unknown fate, be attempted now; returns how many. */
  release(selector: Selector): Promise<number> {
    return this.#store.release(selector);
  }

  /** Ends recipients without delivery and without a report; returns how many. */
  cancel(selector: Selector): Promise<number> {
    return this.#store.cancel(selector);
  }

  /** Makes queued recipients due now, whatever their schedule says; returns how many. */
  retry(selector: Selector): Promise<number> {
    return this.#store.reschedule(selector, 0);
  }

  /** Attempts nothing at a destination until it is resumed. Lifetimes go on. */
  suspend(site: SiteKey, note?: string): Promise<void> {
    return this.#store.setSite(site, { suspended: true, ...(note !== undefined && { note }) });
  }

  /** Ends a suspension, and every pause that trouble at the destination has caused. */
  resume(site: SiteKey): Promise<void> {
    return this.#store.setSite(site, { suspended: false, pauseMs: 0 });
  }

  /** Changes the limits of a destination; see `SiteLimits`. */
  configure(site: SiteKey, settings: Pick<SiteSettings, 'limits' | 'pauseMs' | 'note'>): Promise<void> {
    return this.#store.setSite(site, settings);
  }
}

/** The addresses that get no mail: they failed as bad mailboxes, or complained, or were put here by hand. */
export class SuppressionControl {
  readonly #store: QueueStore<unknown>;

  /** Use `broker.suppressions`. */
  constructor(store: QueueStore<unknown>) {
    this.#store = store;
  }

  /** Addresses that are not sent to, a page at a time. */
  list(page?: PageRequest & { readonly tenant?: string }): Promise<Page<Suppression>> {
    return this.#store.listSuppressed(page);
  }

  /** Adds addresses; a known one keeps its first entry. */
  add(entries: readonly NewSuppression[]): Promise<void> {
    return this.#store.suppress(entries);
  }

  /** Lifts addresses; returns how many were on the list. */
  lift(addresses: readonly string[], tenant?: string): Promise<number> {
    return this.#store.unsuppress(addresses, tenant);
  }
}
