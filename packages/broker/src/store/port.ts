/**
 * The port between the broker and whatever keeps its queue.
 *
 * A store keeps messages, their recipients, the destinations ("sites") that these go to, and a log of
 * what happened. The rules that each store obeys are checked by `@mb/broker/store-conformance`:
 *
 * - A method that changes something resolves when the change is durable; if it throws, nothing changed.
 * - A recipient is in the hands of at most one lease. The id of a lease is its fencing token: what a
 *   worker reports under a lease that is no longer its own is refused, except the truth that mail was delivered.
 * - An event is written in the transaction of the change that it reports.
 * - Delays go in as durations and are added to the store's own clock, so workers need not agree on the time.
 *
 * Long because each method says all that an engine must obey.
 */

import { group, integer, list, type OptionTable, word } from '../option-table.ts';
import type { RetrySchedule } from './backoff.ts';
import type { LeaseId, MessageId, RecipientId, SiteKey } from './ids.ts';
import type { Learned, SiteSpeed } from './learned.ts';
import type { MessageFilter, MessageSummary } from './message-filter.ts';
import {
  type PauseReason,
  type SiteFeedback,
  type SiteLimitOptions,
  type SiteLimits,
  siteLimitOptions,
} from './pacing.ts';
import type { Page, PageRequest } from './page.ts';
import {
  type EventCursor,
  type EventPage,
  type QueueEvent,
  type QueueEventType,
  queueEventTypes,
  type ReportedEvent,
} from './queue-event.ts';
import type { RecipientState } from './recipient-state.ts';
import type { Records } from './records.ts';
import type { PurgeResult, RetentionOptions } from './retention.ts';
import type { ListSelector, Selector } from './selector.ts';
import type { NewSuppression, Suppression } from './suppression.ts';

export * from './ids.ts';
export type { Page, PageRequest } from './page.ts';
export type { RecipientState } from './recipient-state.ts';

/** What becomes of a recipient whose attempt ended without an answer: try again, hold, or leave it `unknown`. */
export type UnknownPolicy = 'retry' | 'hold' | 'report';

/**
 * Which of a tenant's recipients at a destination go first: all that are due of a higher priority before any of a lower
 * one. Between tenants it changes nothing.
 */
export type Priority = 'high' | 'normal' | 'low';

/** One recipient of a message to be accepted. */
export interface NewRecipient {
  /** The forward-path's mailbox, as it goes into RCPT TO. */
  readonly address: string;
  /** Its domain in A-labels, lower case. */
  readonly domain: string;
  /**
   * Default: the site that {@link QueueStore.alias} named for the domain, else the domain. {@link unrouted}: likewise,
   * but without an alias it waits in {@link QueueStore.unrouted} until its site is named, unless its domain has settings
   * of its own.
   */
  readonly site?: SiteKey | typeof unrouted;
  /** Whatever the broker needs again at delivery (NOTIFY, ORCPT); JSON. */
  readonly options?: object;
}

/** In place of a site: it is not known yet. No claim finds it. */
export const unrouted = '';

/** A recipient whose site is not known yet, with what its route depends on. */
export interface UnroutedRecipient
  extends Pick<ClaimedMessage, 'tenant' | 'tag' | 'sender' | 'envelope'>,
    Pick<ClaimedRecipient, 'recipientId' | 'domain'> {}

/** The site of an unrouted recipient. */
export interface RoutedRecipient {
  readonly recipientId: RecipientId;
  readonly site: SiteKey;
}

/** The site of a domain for recipients accepted during the next `ttlMs`. */
export interface Alias {
  readonly domain: string;
  readonly site: SiteKey;
  readonly ttlMs: number;
}

/** A message to be accepted, bytes and all. */
export interface NewMessage {
  /** The reverse-path's mailbox; empty for the null reverse-path. */
  readonly sender: string;
  /** 1 to {@link maxRecipients}; their order is kept. */
  readonly recipients: readonly NewRecipient[];
  /** Octets as they will be sent; large ones are staged first. */
  readonly content: Uint8Array | StagedContent;
  /** Tenants take turns at each site; default `''`. */
  readonly tenant?: string;
  /** A word by which messages can be selected later. */
  readonly tag?: string;
  /** Default `normal`. */
  readonly priority?: Priority;
  /** The same key within a tenant gives the same message; another digest under it is refused. */
  readonly idempotency?: { readonly key: string; readonly digest: string };
  /** Epoch milliseconds before which nothing is attempted. */
  readonly notBefore?: number;
  /** Lifetime, from now or from `notBefore`; default 5 days (RFC 5321 §4.5.4.1). */
  readonly expireAfterMs?: number;
  /** When the `delayed` notice is due, counted likewise; default 4 hours; `null`: never. */
  readonly delayNoticeAfterMs?: number | null;
  /** Default `retry`. */
  readonly onUnknown?: UnknownPolicy;
  /** Overrides of the worker's retry schedule. */
  readonly schedule?: Partial<RetrySchedule>;
  /** Whatever the broker needs again at delivery (ENVID, RET, REQUIRETLS, …); JSON. */
  readonly envelope?: object;
}

/** Content that was stored ahead of its message. Content that no message takes is discarded, or purged after minutes. */
export interface StagedContent {
  readonly stagedId: string;
  /** Octets. */
  readonly size: number;
}

/** What became of an accepted message. */
export interface Accepted {
  readonly messageId: MessageId;
  /** True when the idempotency key was known: nothing was stored. */
  readonly duplicate: boolean;
}

/** A recipient in a worker's hands. */
export interface ClaimedRecipient {
  readonly recipientId: RecipientId;
  readonly address: string;
  readonly domain: string;
  /** Number of this attempt, 1 for the first; it is durable. */
  readonly attempt: number;
  /** True when its lifetime is over: it is reported `expired`, not attempted. */
  readonly expired: boolean;
  /** True when an operator gave its domain settings of its own, so that it belongs to the site of its domain. Default false. */
  readonly ownSite?: boolean;
  readonly options?: object;
  /** Detail of the latest outcome; absent before the first. */
  readonly lastDetail?: object;
}

/** A message with those of its recipients that one claim holds. */
export interface ClaimedMessage {
  readonly messageId: MessageId;
  readonly tenant: string;
  readonly tag?: string;
  readonly sender: string;
  /** Octets. */
  readonly size: number;
  /** Epoch milliseconds. */
  readonly acceptedAt: number;
  readonly expiresAt: number;
  readonly onUnknown: UnknownPolicy;
  readonly schedule?: Partial<RetrySchedule>;
  readonly envelope?: object;
  /** The octets, verified, when they are few ({@link inlineContentBytes}); else read {@link QueueStore.content}. */
  readonly content?: Uint8Array;
  readonly recipients: readonly ClaimedRecipient[];
}

/** Recipients of one site, held until the lease ends. One claim is meant for one connection. */
export interface Claim {
  readonly leaseId: LeaseId;
  /**
   * `attempt`: try to deliver. `overdue`: the lifetime is over, or the delay notice is due; no connection is
   * meant, no attempt is counted, and the recipients may belong to several sites.
   */
  readonly kind: 'attempt' | 'overdue';
  /** Empty for `overdue`. */
  readonly site: SiteKey;
  readonly messages: readonly ClaimedMessage[];
  /** What is known of the site. Default: nothing. */
  readonly learned?: Learned;
}

/** What to claim. */
export interface ClaimRequest {
  /** Names the worker in lists and in the log. */
  readonly worker: string;
  /** Most recipients; at least 1. */
  readonly max: number;
  /** How long the lease lasts without a heartbeat, in milliseconds. */
  readonly leaseMs: number;
  /** Leaves out sites that are slower than this; default `slow`: none. `claimOverdue` ignores it. */
  readonly slowest?: SiteSpeed;
}

/**
 * What became of one claimed recipient, distinguished by `status`. It has the words of `RecipientOutcome`, which is what
 * `detail` keeps, and those of the queue. `detail` is JSON of at most {@link maxDetailBytes} octets.
 */
export type Outcome = { readonly recipientId: RecipientId; readonly detail?: object } & (
  | { readonly status: 'delivered' | 'failed' | 'held' }
  /** It may have been delivered or not, and the message's {@link UnknownPolicy} is `report`. */
  | { readonly status: 'unknown' }
  /** Its lifetime is over. */
  | { readonly status: 'expired' }
  /** Try again after `retryAfterMs`. */
  | { readonly status: 'deferred'; readonly retryAfterMs: number }
  /** The attempt did not begin: its number is given back. */
  | { readonly status: 'unattempted'; readonly retryAfterMs: number }
  /** Likewise, and the recipient belongs to another site. */
  | { readonly status: 'rerouted'; readonly site: SiteKey }
  /** The delay notice was given (`overdue` claims): back to the queue, unchanged otherwise. */
  | { readonly status: 'delayed' }
);

/** A report to the sender that is accepted in the same transaction as the outcome that caused it. */
export interface Bounce {
  readonly message: NewMessage;
  /** The recipients that it reports on. */
  readonly recipients: readonly RecipientId[];
}

/** A worker's report on its lease. */
export interface Settlement {
  readonly leaseId: LeaseId;
  readonly outcomes: readonly Outcome[];
  /** True ends the lease; recipients that no outcome named return to the queue, their attempts given back. */
  readonly release: boolean;
  /** What the connection taught about the site. */
  readonly feedback?: SiteFeedback;
  /** What was learnt about the site and its hosts; see `mergeLearned`. */
  readonly learned?: Partial<Learned>;
  readonly bounces?: readonly Bounce[];
  readonly suppress?: readonly NewSuppression[];
}

/** What a settlement did. */
export interface Settled {
  /** Recipients whose outcome was refused, because the lease no longer held them. */
  readonly refused: readonly RecipientId[];
  /** Ids of the accepted bounces, in order; a bounce whose recipients were all refused is `undefined`. */
  readonly bounceIds: readonly (MessageId | undefined)[];
}

/** A recipient as lists show it. */
export interface RecipientView {
  readonly recipientId: RecipientId;
  readonly messageId: MessageId;
  readonly address: string;
  readonly domain: string;
  /** The domain while the site is not known. */
  readonly site: SiteKey;
  readonly tenant: string;
  readonly tag?: string;
  readonly state: RecipientState;
  /** True while a worker holds it. */
  readonly inFlight: boolean;
  readonly attempts: number;
  /** Epoch milliseconds of the next attempt; only while queued. */
  readonly dueAt?: number;
  readonly acceptedAt: number;
  readonly expiresAt: number;
  readonly finishedAt?: number;
  /** Detail of the latest outcome. */
  readonly detail?: object;
}

/** A message with all its recipients. */
export interface MessageView {
  readonly messageId: MessageId;
  readonly tenant: string;
  readonly tag?: string;
  readonly sender: string;
  readonly size: number;
  readonly acceptedAt: number;
  readonly expiresAt: number;
  readonly envelope?: object;
  /** Whether {@link WorkQueue.content} gives its octets; see {@link StoreOptions.keepContentMs}. */
  readonly hasContent: boolean;
  readonly recipients: readonly RecipientView[];
}

/** A destination as `health()` shows it. */
export interface SiteView {
  readonly site: SiteKey;
  /** Recipients that wait. */
  readonly queued: number;
  /** Leases, so connections. */
  readonly connections: number;
  /** Connections allowed now. */
  readonly concurrency: number;
  /** Epoch milliseconds until which nothing is claimed: the site is unreachable, or asked for a pause. */
  readonly pausedUntil?: number;
  readonly pauseReason?: PauseReason;
  readonly suspended: boolean;
  /** Given when it was suspended or paused. */
  readonly note?: string;
  readonly limits: SiteLimits;
  readonly learned: Learned;
  /** Epoch milliseconds of the earliest recipient that waits. */
  readonly oldestDueAt?: number;
}

/** The queue at a glance. */
export interface QueueStats {
  readonly queued: number;
  readonly inFlight: number;
  readonly held: number;
  readonly unknown: number;
  /** Epoch milliseconds of the earliest recipient that waits anywhere. */
  readonly oldestDueAt?: number;
  /**
   * Sites with recipients waiting or connections open, or that are suspended; most recipients first, at most 1,000. What
   * has no site yet is shown under its domain.
   */
  readonly sites: readonly SiteView[];
}

/** How many recipients were found in a part of the queue. */
export interface RecipientCount {
  readonly count: number;
  /** Give it as `after` for the next part; absent after the last. */
  readonly next?: string;
}

/** Operator's settings of a site. A field left out keeps its value. */
export interface SiteSettings {
  /** True: nothing is claimed until resumed. Expiry goes on. */
  readonly suspended?: boolean;
  /** Nothing is claimed for this long; 0 ends every pause, also those for unreachable or throttled. */
  readonly pauseMs?: number;
  /** Why, for people. */
  readonly note?: string;
  /** Overrides of the store's limits; `null` or `{}` returns to these. */
  readonly limits?: Partial<SiteLimits> | null;
}

/**
 * Takes messages in.
 *
 * `Transaction` is what {@link Intake.accept} joins: a synchronous SQLite connection, a `pg` client; `never` for a
 * store that cannot.
 */
export interface Intake<Transaction = never> {
  /** The largest message that it takes, in octets; absent: it does not say. */
  readonly maxMessageBytes?: number;

  /**
   * Stores content ahead of its message, in constant memory.
   * @throws {BrokerError} MB_BROKER_MESSAGE_TOO_LARGE
   */
  stage(
    chunks: AsyncIterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<StagedContent>;
  /**
   * Deletes staged content that is not going to be accepted; does nothing for content that was accepted or is gone.
   * `stage` does so by itself when it fails.
   */
  discard(content: StagedContent): Promise<void>;
  /**
   * Accepts a message: resolves when it is durable, or, with `transaction`, when its rows are in that
   * transaction, so that the message exists if and only if the transaction commits. With a synchronous driver
   * the rows are there when the call returns.
   * @throws {BrokerError} MB_BROKER_IDEMPOTENCY_CONFLICT, MB_BROKER_STAGED_UNKNOWN, MB_BROKER_MESSAGE_TOO_LARGE,
   *   MB_BROKER_TRANSACTION_UNSUPPORTED, MB_BROKER_OPTION
   */
  accept(message: NewMessage, options?: { readonly transaction?: Transaction }): Promise<Accepted>;
}

/** Hands recipients out to workers, and writes down what became of them. */
export interface WorkQueue {
  /**
   * Due recipients whose site is not known yet, at most `max`, tenants in turn; the next call does not give them again for
   * `holdMs`. It is neither a claim nor an attempt, and is logged nowhere.
   */
  unrouted(request: { readonly max: number; readonly holdMs: number }): Promise<readonly UnroutedRecipient[]>;
  /**
   * Names the sites of unrouted recipients, and of domains from now on, in one transaction and without an event.
   * Recipients that are not unrouted any more are skipped; those whose domain has settings of its own go to the site of
   * their domain, and such a domain gets no alias.
   */
  assignSites(recipients: readonly RoutedRecipient[], aliases?: readonly Alias[]): Promise<void>;
  /** Takes due recipients of the site whose turn it is; null when nothing may be attempted now. */
  claim(request: ClaimRequest): Promise<Claim | null>;
  /**
   * Makes up to `most` claims in one transaction, for the sites whose turn it is; a site may appear once for each
   * connection that it allows. Fewer than `most` when nothing else may be attempted now.
   */
  claimSites(request: ClaimRequest, most: number): Promise<readonly Claim[]>;
  /** Takes more recipients of the lease's site, for the same connection; empty when there are none or the lease is lost. */
  claimMore(leaseId: LeaseId, max: number): Promise<readonly ClaimedMessage[]>;
  /** Takes waiting recipients whose lifetime is over or whose delay notice is due, whatever their sites allow. */
  claimOverdue(request: ClaimRequest): Promise<Claim | null>;
  /** Writes down what became of claimed recipients. */
  settle(settlement: Settlement): Promise<Settled>;
  /** Prolongs leases; returns those that are still the worker's. */
  heartbeat(leaseIds: readonly LeaseId[], leaseMs: number): Promise<readonly LeaseId[]>;
  /**
   * Returns the recipients of expired leases to the queue (or to what the message's {@link UnknownPolicy} says),
   * later each time it happens to the same one; returns how many recipients.
   */
  reap(): Promise<number>;
  /**
   * Milliseconds until `unrouted`, `claim`, `claimOverdue` or `reap` may find something, perhaps too few; null when nothing waits.
   * @param slowest  As in {@link ClaimRequest}.
   */
  nextDueMs(slowest?: SiteSpeed): Promise<number | null>;

  /** Names the site of a domain for recipients accepted during the next `ttlMs`. */
  alias(domain: string, site: SiteKey, ttlMs: number): Promise<void>;

  /**
   * The octets of a message, in constant memory, verified chunk by chunk. They are there until the last outcome, and
   * {@link StoreOptions.keepContentMs} longer.
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_MESSAGE_CORRUPT
   */
  content(messageId: MessageId): AsyncIterable<Uint8Array>;
}

/** What operators do, while workers run. */
export interface Operations {
  /**
   * Changes a site's settings; the site need not exist yet.
   *
   * A domain that is suspended, paused by hand or given limits is a site of its own while that holds: the store forgets
   * its {@link QueueStore.alias}, and says so of each of its recipients that is claimed ({@link ClaimedRecipient.ownSite}).
   */
  setSite(site: SiteKey, settings: SiteSettings): Promise<void>;

  /**
   * Each of these four throws MB_BROKER_SELECTOR for an empty selector, an unknown key and an empty value, and then
   * changes nothing; `{ all: true }` selects the whole queue.
   *
   * Queued or unknown → held; recipients in flight follow unless delivered or failed. Returns how many.
   */
  hold(selector: Selector): Promise<number>;
  /** Held or unknown → queued, due now. Returns how many. */
  release(selector: Selector): Promise<number>;
  /** Queued, held or unknown → cancelled; recipients in flight follow unless delivered or failed. Returns how many. */
  cancel(selector: Selector): Promise<number>;
  /** Makes queued recipients due `afterMs` from now. Returns how many. */
  reschedule(selector: Selector, afterMs: number): Promise<number>;
  /**
   * Recipients that the selector fits, a page at a time; `{}` fits all.
   * @throws {BrokerError} MB_BROKER_SELECTOR, MB_BROKER_OPTION
   */
  list(selector: ListSelector, page?: PageRequest): Promise<Page<RecipientView>>;
  /**
   * How many recipients the selector fits among those after `after`, in a bounded part of the queue: while `next` is
   * there, the sum of further calls is the whole number.
   * @throws {BrokerError} MB_BROKER_SELECTOR, MB_BROKER_OPTION
   */
  count(selector: ListSelector, after?: string): Promise<RecipientCount>;
  /**
   * Messages that the filter fits, the latest accepted first. A call looks at a bounded part of the queue: a page may be
   * short, even empty, while `next` says that there is more.
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  listMessages(filter?: MessageFilter, page?: PageRequest): Promise<Page<MessageSummary>>;
  /** Null when there is no such message. */
  inspect(messageId: MessageId): Promise<MessageView | null>;
  /** How much waits, and since when. */
  stats(): Promise<QueueStats>;
  /**
   * One destination as {@link Operations.stats} shows it, by the name that it has there, without a look at the others;
   * null when nothing is known of it.
   */
  inspectSite(site: SiteKey): Promise<SiteView | null>;

  /** Deletes what `retention` no longer keeps, a bounded batch a call; call again while `more`. */
  purge(retention?: RetentionOptions): Promise<PurgeResult>;
}

/** What happened. */
export interface EventLog {
  /** Events after `cursor`, oldest first; from the start of the log when absent. At most `limit` (default 500). */
  events(cursor?: EventCursor, limit?: number): Promise<EventPage>;
  /**
   * Events of one message, oldest first. A call looks at a bounded part of the log: a page may be empty while `next` says
   * that there is more. Empty and last when there is no such message.
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  messageEvents(messageId: MessageId, page?: PageRequest): Promise<Page<QueueEvent>>;
  /** The end of the log: reading after it gives only what is yet to happen. */
  eventsEnd(): Promise<EventCursor>;
  /** Logs what came in from outside, and suppresses addresses in the same transaction. Unknown recipients are skipped. */
  report(events: readonly ReportedEvent[], suppress?: readonly NewSuppression[]): Promise<void>;
}

/** The addresses that get no mail. */
export interface Suppressions {
  /** Adds addresses to the suppression list; a known address keeps its first entry. */
  suppress(entries: readonly NewSuppression[]): Promise<void>;
  /** Those of `addresses` that are suppressed for the tenant. */
  suppressed(addresses: readonly string[], tenant?: string): Promise<readonly Suppression[]>;
  /** Takes addresses off the list; returns how many were on it. */
  unsuppress(addresses: readonly string[], tenant?: string): Promise<number>;
  /** Addresses that are not sent to, a page at a time. */
  listSuppressed(page?: PageRequest & { readonly tenant?: string | undefined }): Promise<Page<Suppression>>;
}

/**
 * Keeps the queue: the parts above and {@link Records}, with one life. Each part has its own section of the store
 * conformance.
 */
export interface QueueStore<Transaction = never>
  extends Intake<Transaction>,
    WorkQueue,
    Operations,
    EventLog,
    Suppressions {
  /** Small documents that all workers share: settings that change at run time. */
  readonly records: Records;

  /** Prepares the store; called once before any other method. Migrates unless told not to. */
  open(): Promise<void>;
  /** Lets running writes end, then frees everything and wakes the listeners: `events` of a closed store ends them. */
  close(): Promise<void>;

  /** Calls `listener` after something may have become due or was logged; returns what ends it. */
  onWake(listener: () => void): () => void;
  /**
   * Calls `listener` with the failures of the store's own timers and connections, which go on; returns what ends it.
   * Absent: the store does nothing in the background.
   */
  onBackgroundError?(listener: (error: unknown) => void): () => void;
}

/** Options that all stores share. */
export interface StoreOptions {
  /** Limits of sites that have none of their own. */
  readonly limits?: SiteLimitOptions | undefined;
  /** Most octets of one message; default 64 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** Events to log; default all. */
  readonly eventTypes?: readonly QueueEventType[] | undefined;
  /**
   * How long the octets of a message are kept after its last outcome, in milliseconds, so that it can be read and sent
   * again; at most as long as the message itself ({@link RetentionOptions}). Default 0: they are deleted with the last
   * outcome. Kept mail takes up space, and everyone who can read the store can read it.
   *
   * `purge` deletes what is kept longer than its own store says: give all processes that work on a queue the same time.
   */
  readonly keepContentMs?: number | undefined;
}

/** What `StoreOptions` accepts; stores add rows of their own. */
export const storeOptions = {
  limits: group<SiteLimitOptions>(siteLimitOptions),
  maxMessageBytes: integer(1, 2 ** 40, { unit: 'octets' }),
  eventTypes: list<QueueEventType>(word(queueEventTypes)),
  keepContentMs: integer(0, 9e12, { unit: 'ms' }),
} satisfies OptionTable<StoreOptions>;

/** Most recipients of one message. */
export const maxRecipients = 65_536;
/** Content up to this many octets comes with the claim. */
export const inlineContentBytes = 64 * 1024;
/** Longer `detail` is replaced by a note of its size. */
export const maxDetailBytes = 16 * 1024;

const day = 86_400_000;
/** How long a message is tried, in milliseconds: five days (RFC 5321 §4.5.4.1). */
export const defaultExpireAfterMs = 5 * day;
/** When a delay is reported to the sender, in milliseconds after acceptance: four hours. */
export const defaultDelayNoticeAfterMs = 4 * 3_600_000;
/** The largest message that a store takes, in octets: 64 MiB. */
export const defaultMaxMessageBytes = 64 * 1024 * 1024;
