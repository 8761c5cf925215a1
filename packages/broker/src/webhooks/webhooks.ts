// Long because of the docstrings of the methods.
import { randomBytes } from 'node:crypto';
import type { Resolver } from '@mb/dns';
import type { Clock } from '../clock.ts';
import { optionError } from '../errors.ts';
import { integer, list, type OptionsRead, type OptionTable, readOptions, text } from '../option-table.ts';
import type { RetrySchedule } from '../store/backoff.ts';
import { everyRow, type Page, type PageRequest, pageOptions } from '../store/page.ts';
import type { QueueStore } from '../store/port.ts';
import { isRecordConflict } from '../store/records.ts';
import { addAttempts, deleteAttempts, readAttempts, type WebhookAttempt } from './attempt.ts';
import { type CallTarget, callEndpoint } from './call.ts';
import { Deliverer } from './deliverer.ts';
import { type WebhookDeliveryOptions, webhookDeliveryOptions, webhookSchedule } from './delivery-options.ts';
import { allStates, deleteState, lagOf, readState, writeState } from './delivery-state.ts';
import {
  changedEndpoint,
  type NewWebhook,
  newEndpoint,
  nextSecret,
  noEndpoint,
  type RotateOptions,
  type StoredEndpoint,
  shownEndpoint,
  type WebhookChanges,
  type WebhookEndpoint,
  withNextSecret,
} from './endpoint.ts';
import { EndpointSecrets, masterKeyError } from './endpoint-secrets.ts';
import {
  type DeadLetter,
  deadIdFrom,
  deleteDead,
  deleteEvents,
  listDead,
  orderAt,
  readDead,
  type WaitingEvent,
  waitingCollection,
  waitingKey,
} from './waiting-event.ts';
import { WebhookClient } from './webhook-client.ts';
import { eventId, type WebhookEvent } from './webhook-event.ts';
import { readTarget, type WebhookTarget } from './webhook-target.ts';

/** The state of an endpoint. */
export interface WebhookStatus {
  /** Whether a process delivers to it. */
  readonly delivering: boolean;
  /** Calls that succeeded, and that failed. */
  readonly delivered: number;
  readonly failed: number;
  /** Events that wait for another attempt. */
  readonly waiting: number;
  /** Events that were given up, counted up to 1,000. */
  readonly deadLetters: number;
  /**
   * Age of the oldest event that the endpoint has not taken, in milliseconds; 0 when there is none. Dead letters do not
   * count. It grows while no process delivers, whether there are events or not.
   */
  readonly lagMs: number;
  /** Epoch milliseconds up to which all events were handed to the endpoint at least once. */
  readonly upTo?: number;
  readonly lastSuccessAt?: number;
  readonly lastFailureAt?: number;
  readonly lastError?: string;
  /** Since when every call fails, in epoch milliseconds. */
  readonly failingSince?: number;
}

/** Which endpoints are listed. */
export interface WebhookPageRequest extends PageRequest {
  /** Only those of this tenant. */
  readonly tenant?: string | undefined;
}

/** Dead letters that are delivered again: chosen by their ids, or by the time of their events. */
export interface ReplaySelector {
  readonly ids?: readonly string[] | undefined;
  /** Epoch milliseconds; default the oldest. */
  readonly from?: number | undefined;
  /** Epoch milliseconds, the end included; default the newest. */
  readonly to?: number | undefined;
}

/** An event that does not come from a message. */
export interface PublishedEvent {
  readonly type: 'alert-fired' | 'alert-recovered';
  /** When it happened, in epoch milliseconds. */
  readonly at: number;
  readonly key: readonly string[];
  readonly data: object;
}

/** What {@link WebhookPageRequest} accepts. */
export const webhookPageOptions = {
  ...pageOptions,
  tenant: text('a name that is not empty', { pattern: /./s }),
} satisfies OptionTable<WebhookPageRequest>;

/** What {@link ReplaySelector} accepts. */
export const replaySelector = {
  ids: list(text('the id of a dead letter', { pattern: /^\d{15}-[\w-]{1,100}$/ }), 1),
  from: integer(0, Number.MAX_SAFE_INTEGER, { unit: 'ms' }),
  to: integer(0, Number.MAX_SAFE_INTEGER, { unit: 'ms' }),
} satisfies OptionTable<ReplaySelector>;

const stopOptions = {
  graceMs: integer(0, 86_400_000, { unit: 'ms' }),
} satisfies OptionTable<StopOptions>;

const collection = 'webhook';
const idPattern = /^[0-9a-f]{16}$/;
/** Dead letters that one status counts. */
const countedDead = 1_000;

/** The lag of an endpoint. */
export interface WebhookLag {
  readonly id: string;
  /** As in {@link WebhookStatus}. */
  readonly lagMs: number;
}

/** How the secrets of all endpoints are stored. */
export interface WebhookSecretStorage {
  /** Secrets in plain text. */
  readonly plain: number;
  readonly encrypted: number;
  /** Whether this process encrypts secrets and opens encrypted ones: `webhooks.wrapping` was given. */
  readonly encrypts: boolean;
}

/** How delivery ends. */
interface StopOptions {
  /** Time for calls under way, in milliseconds. Default 10,000. */
  readonly graceMs?: number | undefined;
}

/** What {@link Webhooks} takes from outside. */
export interface WebhooksParts {
  readonly store: QueueStore<unknown>;
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly random: () => number;
  /** Called with each call. */
  readonly onAttempt?: (id: string, attempt: WebhookAttempt, event: WebhookEvent) => void;
  /** Called with each failure in the background. */
  readonly onError: (error: unknown) => void;
  readonly options?: WebhookDeliveryOptions | undefined;
}

/**
 * Endpoints that are notified of what happens to messages. They are kept in the records of the store, so that all processes
 * on it share them; {@link Webhooks.start} makes this process deliver.
 *
 * @example
 * const { endpoint, secret } = await broker.webhooks.add({ url: 'https://app.example.com/mail-events' });
 * broker.webhooks.start();
 */
export class Webhooks {
  readonly #parts: WebhooksParts;
  #deliverer: Deliverer | undefined;
  readonly #settings: OptionsRead<WebhookDeliveryOptions, typeof webhookDeliveryOptions>;
  readonly #secrets: EndpointSecrets;

  /** @internal @throws {BrokerError} MB_BROKER_OPTION */
  constructor(parts: WebhooksParts) {
    this.#parts = parts;
    this.#settings = readOptions(parts.options, webhookDeliveryOptions, 'options.webhooks');
    this.#secrets = new EndpointSecrets(this.#settings.wrapping, parts.clock);
  }

  /**
   * Begins to deliver to the endpoints that no other process on the store delivers to. Call {@link Webhooks.stop} before
   * the process ends; after a crash another process takes over within `webhooks.leaseMs`.
   *
   * Each event comes at least once, with the same id in all attempts. Events of one message come in their order, those
   * of several messages side by side. An event that an endpoint does not take is tried again for a day, then it is a
   * dead letter. An endpoint that answers 410, or fails for three days without a single success, is disabled.
   */
  start(): void {
    const { store, clock, random, onError, onAttempt = () => {} } = this.#parts;
    const { concurrency, retryForMs, leaseMs, schedule } = this.#settings;
    this.#deliverer ??= new Deliverer({
      store,
      clock,
      random,
      onError,
      onAttempt,
      concurrency,
      retryForMs,
      leaseMs,
      schedule: { ...webhookSchedule, ...(schedule as Partial<RetrySchedule>) },
      secrets: this.#secrets,
      createClient: () => this.#createClient(),
      disable: (id, disabledReason) => this.#disable(id, disabledReason),
    });
  }

  /**
   * Ends the delivery: waits `graceMs` (default 10,000) for calls under way; other events wait for the next start.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const { graceMs = 10_000 } = readOptions<StopOptions, typeof stopOptions>(
      options,
      stopOptions,
      'webhooks.stop: options',
    );
    const deliverer = this.#deliverer;
    this.#deliverer = undefined;
    await deliverer?.stop(graceMs);
  }

  /** As {@link Webhooks.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Adds an endpoint, which is notified of what happens from now on.
   *
   * @returns the endpoint, and the secret that its calls are signed with: the only time that it is shown.
   * @throws {BrokerError} MB_BROKER_OPTION; MB_BROKER_WEBHOOK_URL when the host has an address in our own network, or
   *   cannot be found.
   * @example
   * await webhooks.add({ url: 'https://app.example.com/bounces', types: ['failed', 'bounced', 'complained'] });
   */
  async add(given: NewWebhook): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: string }> {
    const { settings, secret } = newEndpoint(given, this.#now());
    await this.#check(settings.url);
    const id = randomBytes(8).toString('hex');
    const stored: StoredEndpoint = { ...settings, secrets: [await this.#secrets.keep(id, secret)] };
    const { store } = this.#parts;
    const cursor = await store.eventsEnd();
    const counts = { delivered: 0, failed: 0, waiting: 0 };
    await writeState(store.records, id, { cursor, ...counts, upTo: this.#now() }, 0);
    await store.records.put(collection, id, stored, { ifVersion: 0 });
    return { endpoint: shownEndpoint(id, stored), secret: secret.secret };
  }

  /** Endpoints in the order of their ids. A page may be short, even empty, while `next` says that there is more. */
  async list(page: WebhookPageRequest = {}): Promise<Page<WebhookEndpoint>> {
    const { tenant, ...rest } = readOptions<WebhookPageRequest, typeof webhookPageOptions>(
      page,
      webhookPageOptions,
      'webhooks.list: page',
    );
    const { rows, next } = await this.#records.list(collection, rest);
    const endpoints = rows.map(({ key, value }) => shownEndpoint(key, value as StoredEndpoint));
    return {
      rows: tenant === undefined ? endpoints : endpoints.filter((one) => one.tenant === tenant),
      ...(next !== undefined && { next }),
    };
  }

  /** One endpoint; null when there is none. */
  async get(id: string): Promise<WebhookEndpoint | null> {
    const row = idPattern.test(id) ? await this.#records.get(collection, id) : null;
    return row && shownEndpoint(id, row.value as StoredEndpoint);
  }

  /**
   * Changes an endpoint. An endpoint that is enabled again continues where it stopped.
   *
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_OPTION, MB_BROKER_WEBHOOK_URL
   */
  async change(id: string, changes: WebhookChanges): Promise<WebhookEndpoint> {
    const stored = await this.#update(id, (before) => changedEndpoint(before, changes));
    return shownEndpoint(id, stored);
  }

  /** Removes an endpoint with everything that waits for it; false when there was none. */
  async remove(id: string): Promise<boolean> {
    if (!idPattern.test(id)) return false;
    const removed = await this.#records.delete(collection, id);
    await deleteState(this.#records, id);
    await deleteAttempts(this.#records, id);
    await deleteEvents(this.#records, id);
    return removed;
  }

  /**
   * Gives an endpoint another secret. Calls are signed with both until the overlap ends, so that the receiver can be
   * changed in between.
   *
   * @returns the endpoint, and its new secret: the only time that it is shown.
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_OPTION
   */
  async rotateSecret(
    id: string,
    options: RotateOptions = {},
  ): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: string }> {
    const now = this.#now();
    const { secret, isOwn, overlapMs } = nextSecret(options, now);
    const kept = await this.#secrets.keep(id, secret);
    const stored = await this.#update(id, async (before) => {
      // A generated secret differs from all others. Where no other stays valid, none is decrypted, since the key may be
      // lost.
      const others =
        isOwn && overlapMs > 0
          ? await this.#secrets.without(secret.secret, id, before.secrets, now)
          : before.secrets;
      return withNextSecret(before, kept, others, overlapMs);
    });
    return { endpoint: shownEndpoint(id, stored), secret: secret.secret };
  }

  /**
   * Encrypts the secrets of all endpoints with the newest key of `webhooks.wrapping`: those in plain text, and those that
   * another key encrypted. Secrets that have expired are removed.
   *
   * @returns how many secrets were encrypted.
   * @throws {BrokerError} MB_BROKER_MASTER_KEY without `webhooks.wrapping`, and for a secret that no given key opens.
   */
  async renewSecrets(): Promise<number> {
    if (!this.#secrets.encrypts) {
      throw masterKeyError(
        'There is no key to encrypt the secrets of webhooks with: give webhooks.wrapping.',
      );
    }
    let renewed = 0;
    for await (const { id } of everyRow((page) => this.list(page))) {
      let count = 0;
      const renew = async (before: StoredEndpoint) => {
        const secrets = await this.#secrets.renew(id, before.secrets, this.#now());
        count = secrets.filter((one) => !before.secrets.includes(one)).length;
        const isChanged = count > 0 || secrets.length < before.secrets.length;
        return isChanged ? { ...before, secrets } : before;
      };
      try {
        await this.#update(id, renew);
      } catch (error) {
        // One that was removed meanwhile has no secrets.
        if (await this.#records.get(collection, id)) throw error;
      }
      renewed += count;
    }
    return renewed;
  }

  /** How the secrets of all endpoints are stored. */
  async secretStorage(): Promise<WebhookSecretStorage> {
    let plain = 0;
    let encrypted = 0;
    for await (const { value } of everyRow((page) => this.#records.list(collection, page))) {
      for (const secret of (value as StoredEndpoint).secrets) {
        if ('wrapped' in secret) encrypted++;
        else plain++;
      }
    }
    return { plain, encrypted, encrypts: this.#secrets.encrypts };
  }

  /**
   * Calls an endpoint once with an event of type `test`, regardless of its filter, also while it is disabled.
   *
   * @returns the result of the call.
   * @throws {BrokerError} MB_BROKER_NOT_FOUND; MB_BROKER_MASTER_KEY for a secret that cannot be opened.
   */
  async test(id: string): Promise<WebhookAttempt> {
    const stored = await this.#stored(id);
    const at = this.#now();
    const event: WebhookEvent = {
      id: eventId([id, 'test', String(at), randomBytes(8).toString('hex')]),
      type: 'test',
      at,
      data: { webhook: id, ...(stored.description !== undefined && { description: stored.description }) },
    };
    const secrets = await this.#secrets.open(id, stored.secrets, at);
    const attempt = await this.#callOnce({ url: stored.url, secrets }, event);
    await addAttempts(this.#records, id, [attempt]);
    return attempt;
  }

  /**
   * Notifies all enabled endpoints of an event that does not come from a message, such as an alert. Endpoints with a
   * filter by tenant, tag or domain get nothing.
   *
   * @param published  `key`: words that name the event; with the same words and time it has the same id.
   * @returns how many endpoints will be notified.
   */
  async publish(published: PublishedEvent): Promise<number> {
    const event = publishedEvent(published);
    const { type } = event;
    const now = this.#now();
    let told = 0;
    const waiting: WaitingEvent = {
      event,
      order: orderAt(now),
      attempts: 0,
      dueAt: now,
      deadline: now + this.#settings.retryForMs,
    };
    for await (const { id, enabled, types, tenant, tags, domains } of everyRow((page) => this.list(page))) {
      const ofMail = tenant !== undefined || tags !== undefined || domains !== undefined;
      if (!enabled || ofMail || (types && !types.includes(type))) continue;
      await this.#records.put(waitingCollection, waitingKey(id, event.id), waiting);
      told += 1;
    }
    return told;
  }

  /**
   * Calls a URL once with an event that does not come from a message, such as an alert. The URL is not an endpoint:
   * nothing about it is stored, and the caller repeats a call that failed.
   *
   * @returns the result of the call.
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  async call(target: WebhookTarget, published: PublishedEvent): Promise<WebhookAttempt> {
    const { url, secret } = readTarget(target, 'webhooks.call: target');
    return this.#callOnce({ url, secrets: [{ secret, createdAt: 0 }] }, publishedEvent(published));
  }

  /** The state of an endpoint. @throws {BrokerError} MB_BROKER_NOT_FOUND */
  async status(id: string): Promise<WebhookStatus> {
    await this.#stored(id);
    const [row, dead] = await Promise.all([
      readState(this.#records, id),
      listDead(this.#records, id, { limit: countedDead }),
    ]);
    if (!row) throw noEndpoint();
    const { cursor: _, owner, oldestAt: __, ...state } = row.value;
    const lagMs = lagOf(row, this.#now(), this.#silentAfterMs);
    return { ...state, delivering: owner !== undefined, deadLetters: dead.rows.length, lagMs };
  }

  /** {@link WebhookStatus.lagMs} of all enabled endpoints, the latest first: cheaper than all of their statuses. */
  async lags(): Promise<readonly WebhookLag[]> {
    const enabled = new Set<string>();
    for await (const { id, enabled: isEnabled } of everyRow((page) => this.list(page))) {
      if (isEnabled) enabled.add(id);
    }
    const lags: WebhookLag[] = [];
    for await (const row of allStates(this.#records)) {
      if (enabled.has(row.key))
        lags.push({ id: row.key, lagMs: lagOf(row, this.#now(), this.#silentAfterMs) });
    }
    return lags.sort((a, b) => b.lagMs - a.lagMs);
  }

  /** The latest calls of an endpoint, the newest first, at most 100. @throws {BrokerError} MB_BROKER_NOT_FOUND */
  async attempts(id: string): Promise<readonly WebhookAttempt[]> {
    await this.#stored(id);
    return readAttempts(this.#records, id);
  }

  /**
   * Events that could not be delivered to an endpoint within a day, the oldest first. The 10,000 latest are kept.
   *
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_OPTION
   */
  async deadLetters(id: string, page: PageRequest = {}): Promise<Page<DeadLetter>> {
    const checked = readOptions<PageRequest, typeof pageOptions>(
      page,
      pageOptions,
      'webhooks.deadLetters: page',
    );
    await this.#stored(id);
    return listDead(this.#records, id, checked);
  }

  /**
   * Delivers dead letters again, with the ids that they had, for another day.
   *
   * @param selector Ids, or the time of the events, from `from` to `to`. An empty selector is refused.
   * @returns how many.
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, also for an id of a dead letter; MB_BROKER_OPTION
   * @example
   * await webhooks.replay(id, { from: Date.parse('2026-01-31T10:00:00Z') });
   */
  async replay(id: string, selector: ReplaySelector): Promise<number> {
    const where = 'webhooks.replay: selector';
    const { ids, from, to }: ReplaySelector = readOptions(selector, replaySelector, where);
    if (ids && (from !== undefined || to !== undefined)) {
      throw optionError(`${where} must have ids, or from and to, not both.`);
    }
    if (!ids && from === undefined && to === undefined) {
      throw optionError(`${where} must have ids, or from and to; from 0 selects all.`);
    }
    if (from !== undefined && to !== undefined && from > to) {
      throw optionError(`${where}.from must not be after ${where}.to.`);
    }
    await this.#stored(id);
    let count = 0;
    const letters = ids ? this.#named(id, ids) : this.#between(id, from ?? 0, to ?? Number.MAX_SAFE_INTEGER);
    for await (const letter of letters) {
      await this.#revive(id, letter, count++);
    }
    return count;
  }

  async #revive(id: string, { id: deadId, event }: DeadLetter, place: number): Promise<void> {
    const now = this.#now();
    const waiting: WaitingEvent = {
      event,
      order: orderAt(now) + place,
      attempts: 0,
      dueAt: now,
      deadline: now + this.#settings.retryForMs,
    };
    // Written before the dead letter is deleted: a crash in between delivers it twice, and never loses it.
    await this.#records.put(waitingCollection, waitingKey(id, event.id), waiting);
    await deleteDead(this.#records, id, deadId);
  }

  async *#named(id: string, ids: readonly string[]): AsyncGenerator<DeadLetter> {
    const letters = await Promise.all(ids.map((one) => readDead(this.#records, id, one)));
    // All or none: a list with an unknown id changes nothing.
    if (letters.includes(undefined)) throw noEndpoint('dead letter');
    yield* letters as DeadLetter[];
  }

  async *#between(id: string, from: number, to: number): AsyncGenerator<DeadLetter> {
    // Ids sort as the times of the events do, and "~" after every digit.
    let after: string | undefined = from > 0 ? `${deadIdFrom(from - 1)}~` : undefined;
    do {
      const page: Page<DeadLetter> = await listDead(this.#records, id, { after, limit: 100 });
      for (const letter of page.rows) {
        if (letter.event.at > to) return;
        yield letter;
      }
      after = page.next;
    } while (after !== undefined);
  }

  /** @throws {BrokerError} MB_BROKER_NOT_FOUND */
  async #stored(id: string): Promise<StoredEndpoint> {
    const row = idPattern.test(id) ? await this.#records.get(collection, id) : null;
    if (!row) throw noEndpoint();
    return row.value as StoredEndpoint;
  }

  /**
   * Changes an endpoint; repeats the change when another process has written meanwhile. An unchanged result of `change`
   * is not written.
   */
  async #update(
    id: string,
    change: (before: StoredEndpoint) => StoredEndpoint | Promise<StoredEndpoint>,
  ): Promise<StoredEndpoint> {
    for (let tries = 0; ; tries++) {
      const row = idPattern.test(id) ? await this.#records.get(collection, id) : null;
      if (!row) throw noEndpoint();
      const before = row.value as StoredEndpoint;
      const after = await change(before);
      if (after === before) return before;
      if (after.url !== before.url) await this.#check(after.url);
      try {
        await this.#records.put(collection, id, after, { ifVersion: row.version });
        return after;
      } catch (error) {
        if (!isRecordConflict(error) || tries === 5) throw error;
      }
    }
  }

  async #disable(id: string, disabledReason: string): Promise<void> {
    await this.#update(id, (before) => ({ ...before, enabled: false, disabledReason }));
  }

  /** @throws {BrokerError} MB_BROKER_WEBHOOK_URL */
  async #check(url: string): Promise<void> {
    const client = this.#createClient();
    try {
      await client.check(url);
    } finally {
      client.close();
    }
  }

  async #callOnce(target: CallTarget, event: WebhookEvent): Promise<WebhookAttempt> {
    const client = this.#createClient();
    try {
      const { signal } = new AbortController();
      const { attempt } = await callEndpoint(target, event, 1, { client, now: () => this.#now(), signal });
      return attempt;
    } finally {
      client.close();
    }
  }

  #createClient(): WebhookClient {
    const { allowAddresses = [], timeoutMs, ca } = this.#settings;
    return new WebhookClient({ resolver: this.#parts.resolver, allowAddresses, timeoutMs, ca });
  }

  get #records() {
    return this.#parts.store.records;
  }

  /** An endpoint whose owner has written nothing for this time has no owner. */
  get #silentAfterMs(): number {
    return 2 * this.#settings.leaseMs;
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

function publishedEvent({ type, at, key, data }: PublishedEvent): WebhookEvent {
  return { id: eventId([...key, String(at)]), type, at, data };
}
