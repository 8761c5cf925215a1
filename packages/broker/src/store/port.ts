/**
 * The interface between the broker and the store of its queue.
 *
 * A store keeps messages, their recipients, the destinations ("sites") of these, and a log of events.
 * `@mb/broker/store-conformance` checks the rules that each store obeys:
 *
 * - A method that changes something resolves when the change is durable; if it throws, nothing changed.
 * - At most one lease holds a recipient. The id of a lease is its fencing token: a report under a lost lease is
 *   refused, except that mail was delivered.
 * - An event is written in the transaction of the change that it reports.
 * - Delays are passed as durations and added to the store's own clock, so workers need not agree on the time.
 *
 * Long because each method documents all that a store must do.
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

/** What follows for a recipient whose attempt ended without a reply: try again, hold, or leave it `unknown`. */
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
   * Default: the site that {@link QueueStore.alias} named for the domain, else the domain. With {@link unrouted}, a
   * recipient without an alias waits in {@link QueueStore.unrouted} until its site is assigned, unless its domain has
   * settings of its own.
   */
  readonly site?: SiteKey | typeof unrouted;
  /** What the broker needs at delivery (NOTIFY, ORCPT); JSON. */
  readonly options?: object;
}

/** In place of a site that is not known yet. No claim takes such a recipient. */
export const unrouted = '';

/** A recipient whose site is not known yet, with the facts that its route depends on. */
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

/** A message to be accepted, with its content. */
export interface NewMessage {
  /** The reverse-path's mailbox; empty for the null reverse-path. */
  readonly sender: string;
  /** 1 to {@link maxRecipients}; their order is kept. */
  readonly recipients: readonly NewRecipient[];
  /** Octets as they will be sent; large ones are staged first. */
  readonly content: Uint8Array | StagedContent;
  /** Tenants take turns at each site; default `''`. */
  readonly tenant?: string;
  /** A label by which messages can be selected later. */
  readonly tag?: string;
  /** Default `normal`. */
  readonly priority?: Priority;
  /** A known key within a tenant returns the known message; with another digest it is refused. */
  readonly idempotency?: { readonly key: string; readonly digest: string };
  /** Epoch milliseconds before which nothing is attempted. */
  readonly notBefore?: number;
  /** Lifetime in milliseconds, from now or from `notBefore`; default 5 days (RFC 5321 §4.5.4.1). */
  readonly expireAfterMs?: number;
  /** When the delay notice is due, in milliseconds from the same time; default 4 hours; `null`: never. */
  readonly delayNoticeAfterMs?: number | null;
  /** Default `retry`. */
  readonly onUnknown?: UnknownPolicy;
  /** Overrides of the worker's retry schedule. */
  readonly schedule?: Partial<RetrySchedule>;
  /** What the broker needs at delivery (ENVID, RET, REQUIRETLS, …); JSON. */
  readonly envelope?: object;
}

/**
 * Content that was stored before its message. Content that no message uses is discarded, or purged after some minutes.
 */
export interface StagedContent {
  readonly stagedId: string;
  /** Octets. */
  readonly size: number;
}

/** The result of {@link Intake.accept}. */
export interface Accepted {
  readonly messageId: MessageId;
  /** True when the idempotency key was known: nothing was stored. */
  readonly duplicate: boolean;
}

/** A recipient that a claim holds. */
export interface ClaimedRecipient {
  readonly recipientId: RecipientId;
  readonly address: string;
  readonly domain: string;
  /** Number of this attempt, 1 for the first; it is durable. */
  readonly attempt: number;
  /** True when its lifetime is over: it must be reported as `expired`, not attempted. */
  readonly expired: boolean;
  /** True when its domain has settings of its own, so that it belongs to the site of its domain. Default false. */
  readonly ownSite?: boolean;
  readonly options?: object;
  /** Detail of the latest outcome; absent before the first. */
  readonly lastDetail?: object;
}

/** A message, with the recipients of it that one claim holds. */
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
  /** The verified octets of a message up to {@link inlineContentBytes}; otherwise read {@link QueueStore.content}. */
  readonly content?: Uint8Array;
  readonly recipients: readonly ClaimedRecipient[];
}

/** Recipients of one site, held until the lease ends. A claim counts as one connection. */
export interface Claim {
  readonly leaseId: LeaseId;
  /**
   * `attempt`: try to deliver. `overdue`: the lifetime is over, or the delay notice is due; there is no connection, no
   * attempt is counted, and the recipients may belong to several sites.
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
  /** Name of the worker in lists and in the log. */
  readonly worker: string;
  /** Maximum number of recipients in a claim; at least 1. */
  readonly max: number;
  /** How long the lease lasts without a heartbeat, in milliseconds. */
  readonly leaseMs: number;
  /** Sites slower than this are left out; default `slow`: no site is. `claimOverdue` ignores it. */
  readonly slowest?: SiteSpeed;
}

/**
 * The outcome of one claimed recipient, distinguished by `status`: the values of `RecipientOutcome`, whose evidence is
 * in `detail`, and those of the queue. `detail` is JSON of at most {@link maxDetailBytes} octets.
 */
export type Outcome = { readonly recipientId: RecipientId; readonly detail?: object } & (
  | { readonly status: 'delivered' | 'failed' | 'held' }
  /** It may or may not have been delivered, and the message's {@link UnknownPolicy} is `report`. */
  | { readonly status: 'unknown' }
  /** Its lifetime is over. */
  | { readonly status: 'expired' }
  /** Try again after `retryAfterMs`. */
  | { readonly status: 'deferred'; readonly retryAfterMs: number }
  /** The attempt did not begin and is not counted. */
  | { readonly status: 'unattempted'; readonly retryAfterMs: number }
  /** The attempt did not begin and is not counted; the recipient belongs to another site. */
  | { readonly status: 'rerouted'; readonly site: SiteKey }
  /** The delay notice was given (`overdue` claims); otherwise unchanged, the recipient returns to the queue. */
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
  /** True ends the lease; recipients that no outcome named return to the queue, and their attempts are not counted. */
  readonly release: boolean;
  /** What the connection showed about the site. */
  readonly feedback?: SiteFeedback;
  /** What was learnt about the site and its hosts; see `mergeLearned`. */
  readonly learned?: Partial<Learned>;
  readonly bounces?: readonly Bounce[];
  readonly suppress?: readonly NewSuppression[];
}

/** The result of {@link WorkQueue.settle}. */
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
  /** The domain, while the site is not known. */
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
  /** Whether {@link WorkQueue.content} returns its octets; see {@link StoreOptions.keepContentMs}. */
  readonly hasContent: boolean;
  readonly recipients: readonly RecipientView[];
}

/** A destination as `health()` shows it. */
export interface SiteView {
  readonly site: SiteKey;
  /** Number of recipients that wait. */
  readonly queued: number;
  /** Number of leases, and so of connections. */
  readonly connections: number;
  /** Number of connections allowed now. */
  readonly concurrency: number;
  /** Epoch milliseconds until which nothing is claimed; `pauseReason` says why. */
  readonly pausedUntil?: number;
  readonly pauseReason?: PauseReason;
  readonly suspended: boolean;
  /** The operator's note. */
  readonly note?: string;
  readonly limits: SiteLimits;
  readonly learned: Learned;
  /** Epoch milliseconds at which the first waiting recipient is or was due. */
  readonly oldestDueAt?: number;
}

/** A summary of the queue. */
export interface QueueStats {
  readonly queued: number;
  readonly inFlight: number;
  readonly held: number;
  readonly unknown: number;
  /** Epoch milliseconds at which the first waiting recipient of the queue is or was due. */
  readonly oldestDueAt?: number;
  /**
   * Sites that have waiting recipients or open connections, or are suspended; those with most recipients first, at most
   * 1,000. Recipients without a site are shown under their domain.
   */
  readonly sites: readonly SiteView[];
}

/** How many recipients were found in a part of the queue. */
export interface RecipientCount {
  readonly count: number;
  /** The `after` of the next call; absent after the last part. */
  readonly next?: string;
}

/** An operator's settings of a site. An absent field keeps its value. */
export interface SiteSettings {
  /** True: nothing is claimed until it is resumed. Recipients still expire. */
  readonly suspended?: boolean;
  /** How long nothing is claimed, in milliseconds; 0 ends every pause, whatever its reason. */
  readonly pauseMs?: number;
  /** A note for operators. */
  readonly note?: string;
  /** Overrides of the store's limits; `null` or `{}` removes them. */
  readonly limits?: Partial<SiteLimits> | null;
}

/**
 * Accepts messages.
 *
 * `Transaction` is the type of transaction that {@link Intake.accept} can join: a synchronous SQLite connection or a
 * `pg` client; `never` for a store that cannot join one.
 */
export interface Intake<Transaction = never> {
  /** Maximum size of a message, in octets; absent when it is not known. */
  readonly maxMessageBytes?: number;

  /**
   * Stores content before its message, in constant memory.
   * @throws {BrokerError} MB_BROKER_MESSAGE_TOO_LARGE
   */
  stage(
    chunks: AsyncIterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<StagedContent>;
  /**
   * Deletes staged content that will not be accepted; does nothing for content that was accepted or no longer exists.
   * `stage` calls it when it fails.
   */
  discard(content: StagedContent): Promise<void>;
  /**
   * Accepts a message. Resolves when it is durable or, with `transaction`, when its rows are written in that
   * transaction: the message then exists if and only if the transaction commits. With a synchronous driver the rows are
   * written when the call returns.
   * @throws {BrokerError} MB_BROKER_IDEMPOTENCY_CONFLICT, MB_BROKER_STAGED_UNKNOWN, MB_BROKER_MESSAGE_TOO_LARGE,
   *   MB_BROKER_TRANSACTION_UNSUPPORTED, MB_BROKER_OPTION
   */
  accept(message: NewMessage, options?: { readonly transaction?: Transaction }): Promise<Accepted>;
}

/** Gives recipients to workers, and records their outcomes. */
export interface WorkQueue {
  /**
   * Returns due recipients whose site is not known yet, at most `max`, tenants in turn, and does not return them again
   * for `holdMs`. This is neither a claim nor an attempt, and is not logged.
   */
  unrouted(request: { readonly max: number; readonly holdMs: number }): Promise<readonly UnroutedRecipient[]>;
  /**
   * Assigns sites to unrouted recipients, and aliases to domains, in one transaction and without an event. Recipients
   * that are no longer unrouted are skipped. Those whose domain has settings of its own go to the site of their domain,
   * and such a domain gets no alias.
   */
  assignSites(recipients: readonly RoutedRecipient[], aliases?: readonly Alias[]): Promise<void>;
  /** Claims due recipients of the site whose turn it is; null when nothing may be attempted now. */
  claim(request: ClaimRequest): Promise<Claim | null>;
  /**
   * Makes up to `most` claims in one transaction, for the sites whose turn it is; a site can have one for each
   * connection that it allows. Returns fewer than `most` when nothing else may be attempted now.
   */
  claimSites(request: ClaimRequest, most: number): Promise<readonly Claim[]>;
  /**
   * Claims more recipients of the lease's site, for the same connection; empty when there are none or the lease is
   * lost.
   */
  claimMore(leaseId: LeaseId, max: number): Promise<readonly ClaimedMessage[]>;
  /** Claims waiting recipients whose lifetime is over or whose delay notice is due, whatever their sites allow. */
  claimOverdue(request: ClaimRequest): Promise<Claim | null>;
  /** Records the outcomes of claimed recipients. */
  settle(settlement: Settlement): Promise<Settled>;
  /** Extends leases; returns those that are not lost. */
  heartbeat(leaseIds: readonly LeaseId[], leaseMs: number): Promise<readonly LeaseId[]>;
  /**
   * Returns the recipients of expired leases to the queue, or to the state that the message's {@link UnknownPolicy}
   * says. A recipient to which it happens again is due later each time. Returns how many recipients there were.
   */
  reap(): Promise<number>;
  /**
   * Milliseconds until `unrouted`, `claim`, `claimOverdue` or `reap` may find something; it may be too short. Null when
   * nothing waits.
   * @param slowest  As in {@link ClaimRequest}.
   */
  nextDueMs(slowest?: SiteSpeed): Promise<number | null>;

  /** Names the site of a domain for recipients accepted during the next `ttlMs`. */
  alias(domain: string, site: SiteKey, ttlMs: number): Promise<void>;

  /**
   * Reads the octets of a message, in constant memory, verified chunk by chunk. They are kept until the last outcome,
   * and for {@link StoreOptions.keepContentMs} after it.
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_MESSAGE_CORRUPT
   */
  content(messageId: MessageId): AsyncIterable<Uint8Array>;
}

/** Operations on the queue, while workers run. */
export interface Operations {
  /**
   * Changes a site's settings; the site need not exist yet.
   *
   * While a domain is suspended, paused by hand or has limits, it is a site of its own: the store drops its
   * {@link QueueStore.alias}, and marks each of its recipients that is claimed ({@link ClaimedRecipient.ownSite}).
   */
  setSite(site: SiteKey, settings: SiteSettings): Promise<void>;

  /**
   * Holds recipients: queued or unknown → held. Recipients in flight follow unless they are delivered or fail. Returns
   * how many.
   *
   * `hold`, `release`, `cancel` and `reschedule` throw MB_BROKER_SELECTOR for an empty selector, an unknown key and an
   * empty value, and then change nothing; `{ all: true }` selects the whole queue.
   */
  hold(selector: Selector): Promise<number>;
  /** Held or unknown → queued, due now. Returns how many. */
  release(selector: Selector): Promise<number>;
  /**
   * Queued, held or unknown → cancelled. Recipients in flight follow unless they are delivered or fail. Returns how
   * many.
   */
  cancel(selector: Selector): Promise<number>;
  /** Makes queued recipients due `afterMs` from now. Returns how many. */
  reschedule(selector: Selector, afterMs: number): Promise<number>;
  /**
   * Lists the recipients that match a selector, a page at a time; `{}` matches all.
   * @throws {BrokerError} MB_BROKER_SELECTOR, MB_BROKER_OPTION
   */
  list(selector: ListSelector, page?: PageRequest): Promise<Page<RecipientView>>;
  /**
   * Counts the recipients after `after` that match a selector, in a bounded part of the queue. While the result has
   * `next`, the counts of further calls must be added.
   * @throws {BrokerError} MB_BROKER_SELECTOR, MB_BROKER_OPTION
   */
  count(selector: ListSelector, after?: string): Promise<RecipientCount>;
  /**
   * Lists the messages that match a filter, the latest accepted first. A call reads a bounded part of the queue, so a
   * page may be short, even empty, although `next` says that there is more.
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  listMessages(filter?: MessageFilter, page?: PageRequest): Promise<Page<MessageSummary>>;
  /** Returns a message with all its recipients; null when there is no such message. */
  inspect(messageId: MessageId): Promise<MessageView | null>;
  /** Returns how many recipients wait, where, and since when. */
  stats(): Promise<QueueStats>;
  /**
   * Returns one destination as {@link Operations.stats} shows it, by its name there, without reading the others; null
   * when nothing is known of it.
   */
  inspectSite(site: SiteKey): Promise<SiteView | null>;

  /** Deletes a batch of what `retention` no longer keeps; call again while `more` is true. */
  purge(retention?: RetentionOptions): Promise<PurgeResult>;
}

/** The log of events. */
export interface EventLog {
  /**
   * Returns events after `cursor`, oldest first; from the start of the log when absent. At most `limit` (default 500).
   */
  events(cursor?: EventCursor, limit?: number): Promise<EventPage>;
  /**
   * Lists the events of one message, oldest first. A call reads a bounded part of the log, so a page may be empty
   * although `next` says that there is more. Empty and without `next` when there is no such message.
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  messageEvents(messageId: MessageId, page?: PageRequest): Promise<Page<QueueEvent>>;
  /** Returns the end of the log: reading after it returns only future events. */
  eventsEnd(): Promise<EventCursor>;
  /** Logs reported events, and suppresses addresses in the same transaction. Unknown recipients are skipped. */
  report(events: readonly ReportedEvent[], suppress?: readonly NewSuppression[]): Promise<void>;
}

/** The suppression list: addresses that get no mail. */
export interface Suppressions {
  /** Adds addresses to the suppression list; a known address keeps its first entry. */
  suppress(entries: readonly NewSuppression[]): Promise<void>;
  /** Returns the entries of those `addresses` that are suppressed for the tenant. */
  suppressed(addresses: readonly string[], tenant?: string): Promise<readonly Suppression[]>;
  /** Removes addresses from the list; returns how many were on it. */
  unsuppress(addresses: readonly string[], tenant?: string): Promise<number>;
  /** Lists suppressed addresses, a page at a time. */
  listSuppressed(page?: PageRequest & { readonly tenant?: string | undefined }): Promise<Page<Suppression>>;
}

/**
 * Keeps the queue: the parts above and {@link Records}, opened and closed together. Each part has its own section in
 * the store conformance.
 */
export interface QueueStore<Transaction = never>
  extends Intake<Transaction>,
    WorkQueue,
    Operations,
    EventLog,
    Suppressions {
  /** Small documents that all workers share: settings that change at run time. */
  readonly records: Records;

  /** Opens the store; called once, before any other method. Migrates the schema unless told not to. */
  open(): Promise<void>;
  /** Waits for writes under way, closes the store, and wakes the listeners, whose streams then end. */
  close(): Promise<void>;

  /** Calls `listener` when something may have become due or was logged; returns the function that ends it. */
  onWake(listener: () => void): () => void;
  /**
   * Calls `listener` with each failure of background work, which continues; returns the function that ends it. Absent
   * when the store does nothing in the background.
   */
  onBackgroundError?(listener: (error: unknown) => void): () => void;
}

/** Options that all stores share. */
export interface StoreOptions {
  /** Default limits of sites. */
  readonly limits?: SiteLimitOptions | undefined;
  /** Maximum size of a message, in octets; default 64 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** Events to log; default all. */
  readonly eventTypes?: readonly QueueEventType[] | undefined;
  /**
   * How long the octets of a message are kept after its last outcome, in milliseconds, so that it can be read and sent
   * again; at most as long as the message itself ({@link RetentionOptions}). Default 0: they are deleted with the last
   * outcome. Kept mail takes up space, and can be read by everyone who can read the store.
   *
   * `purge` deletes by the setting of its own store: use the same time in all processes that work on a queue.
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

/** Maximum number of recipients of one message. */
export const maxRecipients = 65_536;
/** Content up to this many octets is returned with the claim. */
export const inlineContentBytes = 64 * 1024;
/** Maximum size of `detail`, in octets of JSON; a longer one is replaced by a note of its size. */
export const maxDetailBytes = 16 * 1024;

const day = 86_400_000;
/** Default lifetime of a message, in milliseconds: five days (RFC 5321 §4.5.4.1). */
export const defaultExpireAfterMs = 5 * day;
/** Default time until the delay notice, in milliseconds after acceptance: four hours. */
export const defaultDelayNoticeAfterMs = 4 * 3_600_000;
/** Default maximum size of a message, in octets: 64 MiB. */
export const defaultMaxMessageBytes = 64 * 1024 * 1024;
