import { domainToAscii, parseMailbox } from '@mb/mime';
import type { ReplyRule } from '../delivery/reply-rule.ts';
import { readStoredRules, type StoredReplyRules, writeStoredRules } from '../delivery/stored-reply-rules.ts';
import { BrokerError, optionError } from '../errors.ts';
import {
  checkText,
  either,
  group,
  integer,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
  word,
} from '../option-table.ts';
import { printableText } from '../printable-text.ts';
import { jsonText } from '../store/json-text.ts';
import type { MessageFilter, MessageSummary } from '../store/message-filter.ts';
import { type SiteLimitOptions, siteLimitOptions } from '../store/pacing.ts';
import { pageOptions } from '../store/page.ts';
import type {
  MessageId,
  MessageView,
  Page,
  PageRequest,
  QueueStats,
  QueueStore,
  RecipientCount,
  RecipientView,
  SiteKey,
  SiteSettings,
  SiteView,
} from '../store/port.ts';
import type { EventCursor, EventPage, QueueEvent } from '../store/queue-event.ts';
import type { RecordCondition } from '../store/records.ts';
import type { ListSelector, Selector } from '../store/selector.ts';
import { type NewSuppression, type Suppression, suppressionReasons } from '../store/suppression.ts';

/**
 * What an operator can do with a queue, while workers run on it.
 *
 * All conditions of a selector must hold: `{ domain: 'example.org', state: 'queued' }`. `hold`, `release`, `cancel`
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
   * Lists the recipients that match a selector, a page at a time. The default, `{}`, matches all.
   *
   * @throws {BrokerError} MB_BROKER_SELECTOR for an unknown key, an empty string and `undefined` as a value.
   */
  async list(selector: ListSelector = {}, page?: PageRequest): Promise<Page<RecipientView>> {
    return this.#store.list(selector, readOptions(page, pageOptions, 'list: page') as PageRequest);
  }

  /**
   * Counts the recipients that match a selector, in a bounded part of the queue. While the result has `next`, call
   * again with it as `after`, and add the counts.
   *
   * @throws {BrokerError} MB_BROKER_SELECTOR, MB_BROKER_OPTION
   * @example
   * const { count, next } = await broker.queue.count({ state: 'queued', domain: 'example.org' });
   */
  async count(selector: ListSelector = {}, page?: Pick<PageRequest, 'after'>): Promise<RecipientCount> {
    const { after } = readOptions(page, countOptions, 'count: page');
    return this.#store.count(selector, after);
  }

  /**
   * Lists the messages that match a filter, the latest accepted first, a page at a time. A call reads a bounded part of
   * the queue, so a page may be short, even empty, although `next` says that there is more.
   *
   * @throws {BrokerError} MB_BROKER_OPTION
   * @example
   * const { rows, next } = await broker.queue.messages({ search: 'ann@', state: 'failed' });
   */
  async messages(filter: MessageFilter = {}, page?: PageRequest): Promise<Page<MessageSummary>> {
    return this.#store.listMessages(filter, readOptions(page, pageOptions, 'messages: page') as PageRequest);
  }

  /**
   * Lists the events of a message and its recipients, oldest first, a page at a time; a page may be empty although
   * `next` says that there is more. Events are kept for `queue.retention.eventsMs`.
   *
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  async history(messageId: MessageId, page?: PageRequest): Promise<Page<QueueEvent>> {
    const checked = readOptions(page, pageOptions, 'history: page') as PageRequest;
    return this.#store.messageEvents(checkId(messageId), checked);
  }

  /** Returns a message with all its recipients; null when there is no such message. */
  async show(messageId: MessageId): Promise<MessageView | null> {
    return this.#store.inspect(checkId(messageId));
  }

  /**
   * Reads the octets of a message as they are stored, in constant memory. They are kept until the last outcome, and for
   * the store's `keepContentMs` after it.
   *
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_MESSAGE_CORRUPT
   */
  content(messageId: MessageId): AsyncIterable<Uint8Array> {
    return this.#store.content(checkId(messageId));
  }

  /** Returns how many recipients wait, and the destinations with their connections, limits and pauses. */
  stats(): Promise<QueueStats> {
    return this.#store.stats();
  }

  /**
   * Returns one destination as `stats()` shows it, without reading the others; null when nothing is known of it. `site`
   * is as in {@link QueueControl.suspend}.
   *
   * @throws {BrokerError} MB_BROKER_OPTION
   * @example
   * const { queued, pausedUntil } = (await broker.queue.showSite('example.org')) ?? {};
   */
  async showSite(site: SiteKey): Promise<SiteView | null> {
    return this.#store.inspectSite(siteName(site));
  }

  /**
   * Returns events after a cursor, oldest first, without waiting for more; `broker.events()` waits.
   *
   * @param page  `after`: the cursor of the last event seen, or nothing for the oldest that is kept; `limit`: 1 to
   *   1,000, default 100.
   */
  async events(page?: PageRequest): Promise<EventPage> {
    const { after, limit = 100 } = readOptions(page, pageOptions, 'events: page');
    return this.#store.events(after, limit);
  }

  /** Returns the cursor at the end of the event log: reading after it gives only future events. */
  eventsEnd(): Promise<EventCursor> {
    return this.#store.eventsEnd();
  }

  /** Holds recipients: they are not attempted until they are released. Returns how many. */
  hold(selector: Selector): Promise<number> {
    return this.#store.hold(selector);
  }

  /** Makes held recipients, and those with an unknown outcome, due now; returns how many. */
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

  /**
   * Suspends a destination: nothing is attempted there until it is resumed. Lifetimes are not extended, and mail in
   * flight finishes.
   *
   * `site` is a domain, or a destination as `stats()` and `list()` name it: the mail exchangers that several domains
   * share, or a relay. A domain means its own recipients only, whether or not its exchangers are known yet: while it is
   * suspended, paused or has limits, it is a destination of its own. Its recipients that wait for shared exchangers
   * move there when their turn comes, without an attempt.
   *
   * @example
   * await broker.queue.suspend('example.org'); // this domain
   * await broker.queue.suspend('mx1.example.net,mx2.example.net'); // every domain with these exchangers
   */
  async suspend(site: SiteKey, note?: string): Promise<void> {
    if (note !== undefined) checkText(note, 'suspend: note');
    return this.#store.setSite(siteName(site), { suspended: true, ...(note !== undefined && { note }) });
  }

  /**
   * Ends a suspension, and every pause that trouble at the destination has caused. A domain without limits of its own
   * returns to the destination that it shares.
   */
  async resume(site: SiteKey): Promise<void> {
    return this.#store.setSite(siteName(site), { suspended: false, pauseMs: 0 });
  }

  /**
   * Changes the limits of a destination; see `SiteLimits`. A domain with limits is a destination of its own, as with
   * {@link QueueControl.suspend}: the limits of the shared destination do not apply to it. `limits: null` removes its
   * limits.
   */
  async configure(site: SiteKey, settings: ConfigurableSettings): Promise<void> {
    if (settings === undefined) throw optionError('configure: settings must say what to change.');
    const checked = readOptions(settings, siteSettings, 'configure: settings') as SiteSettings;
    if (Object.keys(checked).length === 0) throw optionError('configure: settings must say what to change.');
    return this.#store.setSite(siteName(site), checked);
  }

  /** Returns the reply rules that all workers of the store try before those of their options; none by default. */
  async replyRules(): Promise<StoredReplyRules> {
    return readStoredRules(this.#store.records);
  }

  /**
   * Replaces the reply rules that all workers of the store try first, in order. They take effect within seconds,
   * without a restart. A rule replaces one with the same `id` in a worker's `delivery.replyRules`.
   *
   * @param condition  `ifVersion`: only if they have not changed since that version was read.
   * @throws {BrokerError} MB_BROKER_OPTION for an invalid rule; MB_BROKER_RECORD_CONFLICT
   * @example
   * await broker.queue.setReplyRules([
   *   { id: 'example-busy', host: '*.example.org', text: 'try later', category: 'rate', scope: 'destination', action: 'slow-down' },
   * ]);
   */
  async setReplyRules(rules: readonly ReplyRule[], condition?: RecordCondition): Promise<StoredReplyRules> {
    return writeStoredRules(this.#store.records, rules, condition);
  }
}

/** The suppression list: addresses that get no mail, because they do not exist, complained, or were added by hand. */
export class SuppressionControl {
  readonly #store: QueueStore<unknown>;

  /** Use `broker.suppressions`. */
  constructor(store: QueueStore<unknown>) {
    this.#store = store;
  }

  /** Lists suppressed addresses, a page at a time. */
  async list(page?: SuppressedPageRequest): Promise<Page<Suppression>> {
    return this.#store.listSuppressed(
      readOptions(page, suppressedPageOptions, 'list: page') as SuppressedPageRequest,
    );
  }

  /**
   * Returns the entries of those `addresses` that are on the list.
   *
   * @param tenant  The tenant of the list; when absent, the list of messages without a tenant.
   * @throws {BrokerError} MB_BROKER_ADDRESS; MB_BROKER_OPTION, also for an empty tenant.
   */
  async find(addresses: readonly string[], tenant?: string): Promise<readonly Suppression[]> {
    if (!Array.isArray(addresses)) throw optionError('find: addresses must be an array of addresses.');
    for (const [index, address] of addresses.entries()) checkAddress(address, index);
    return this.#store.suppressed(addresses, tenantOf(tenant, 'find'));
  }

  /**
   * Adds addresses; a known one keeps its first entry.
   *
   * @throws {BrokerError} MB_BROKER_ADDRESS for an entry without a valid address, with its `field`, `index` and
   *   `value`; MB_BROKER_OPTION for an unknown key or reason. Nothing is added then.
   */
  async add(entries: readonly NewSuppression[]): Promise<void> {
    return this.#store.suppress(checkEntries(entries));
  }

  /**
   * Removes addresses from the list; returns how many were on it.
   *
   * @param tenant  The tenant of the list; when absent, the list of messages without a tenant.
   * @throws {BrokerError} MB_BROKER_ADDRESS; MB_BROKER_OPTION, also for an empty tenant.
   */
  async lift(addresses: readonly string[], tenant?: string): Promise<number> {
    if (!Array.isArray(addresses)) throw optionError('lift: addresses must be an array of addresses.');
    for (const [index, address] of addresses.entries()) checkAddress(address, index);
    return this.#store.unsuppress(addresses, tenantOf(tenant, 'lift'));
  }
}

/** Which page of the suppression list to return. */
export interface SuppressedPageRequest extends PageRequest {
  /** The list of this tenant; default `''`. */
  readonly tenant?: string | undefined;
}

/** What `SuppressedPageRequest` accepts. */
export const suppressedPageOptions = {
  ...pageOptions,
  tenant: text(),
} satisfies OptionTable<SuppressedPageRequest>;

/** Settings that `configure` changes; an absent one keeps its value. */
export interface ConfigurableSettings {
  /** Overrides of the store's limits; `null` removes them. */
  readonly limits?: SiteLimitOptions | null | undefined;
  /** How long nothing is attempted, in milliseconds; 0 ends a pause. */
  readonly pauseMs?: number | undefined;
  /** A note for operators, shown with the destination. */
  readonly note?: string | undefined;
}

/** What the page of `count` accepts. */
const countOptions = { after: pageOptions.after } satisfies OptionTable<Pick<PageRequest, 'after'>>;

/** What `configure` accepts. */
const siteSettings = {
  limits: either(
    matching<null>('null', (value) => value === null),
    group<SiteLimitOptions>(siteLimitOptions),
  ),
  pauseMs: integer(0, 9e12, { unit: 'ms' }),
  note: text(),
} satisfies OptionTable<ConfigurableSettings>;

/** What an entry of the suppression list accepts. */
const suppressionEntry = {
  address: required(text()),
  reason: required(word(suppressionReasons)),
  tenant: text('a name, or left out for messages without a tenant', { pattern: /./s }),
  detail: matching<object>('an object', (value) => typeof value === 'object' && value !== null),
} satisfies OptionTable<NewSuppression>;

/** Refuses an unset id, which would otherwise look like a message that does not exist. */
function checkId(messageId: unknown): MessageId {
  if (typeof messageId === 'string' && messageId !== '') return messageId;
  throw optionError('The id of a message must be a string that is not empty, as enqueue() returns it.');
}

/** Refuses an empty tenant: an unset variable must not select the list of messages without a tenant. */
function tenantOf(tenant: unknown, where: string): string | undefined {
  if (tenant === undefined || (typeof tenant === 'string' && tenant !== '')) return tenant;
  throw optionError(`${where}: tenant must be a name; leave it out for messages without a tenant.`);
}

function siteName(site: unknown): string {
  if (typeof site === 'string' && site !== '') return siteOfText(site);
  throw optionError('The site must be the name of a destination, such as "example.org".');
}

/** A destination as stores name it: domains in lower-case A-labels; lists of hosts and relays are not changed. */
function siteOfText(text: string): SiteKey {
  if (/[,:]/.test(text)) return text;
  try {
    return domainToAscii(text);
  } catch {
    return text;
  }
}

function checkEntries(entries: readonly NewSuppression[]): NewSuppression[] {
  if (!Array.isArray(entries)) throw optionError('add: entries must be an array of { address, reason }.');
  return entries.map((entry, index) => {
    const read = readOptions<NewSuppression, typeof suppressionEntry>(
      entry,
      suppressionEntry,
      `add: entries[${index}]`,
    );
    checkAddress(read.address, index);
    if (read.detail) jsonText(read.detail, `add: entries[${index}].detail`);
    return read;
  });
}

/** An address in a list, or an error that says which one is wrong. */
function checkAddress(address: unknown, index: number): void {
  try {
    if (typeof address !== 'string') throw new TypeError('it is not a string');
    // Addresses that the standard forbids can be sent to, and so be suppressed.
    parseMailbox(address, { addresses: 'as-received' });
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const value = typeof address === 'string' ? { value: printableText(address.slice(0, 100)) } : {};
    throw new BrokerError(
      'MB_BROKER_ADDRESS',
      'invalid-input',
      `Entry ${index} has no valid address: ${said}`,
      {
        cause,
        field: 'address',
        index,
        ...value,
      },
    );
  }
}
