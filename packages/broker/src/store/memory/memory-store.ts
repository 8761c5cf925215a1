// Long because it has one method for each method of the port; most of them only call another module.

import { BrokerError } from '../../errors.ts';
import { MonotonicClock } from '../../monotonic-clock.ts';
import { type OptionTable, readOptions, withMethods } from '../../option-table.ts';
import { contentGone } from '../content-gone.ts';
import type { SiteSpeed } from '../learned.ts';
import { checkMessageFilter, type MessageFilter, type MessageSummary } from '../message-filter.ts';
import type { MessageRecord } from '../new-message.ts';
import {
  checkDelay,
  checkDelays,
  checkIdempotency,
  checkSize,
  detailText,
  messageRecord,
  messageTimes,
} from '../new-message.ts';
import { resolveSiteLimits } from '../pacing.ts';
import { cursorNumber, pageLimit } from '../page.ts';
import * as port from '../port.ts';
import { defaultMaxMessageBytes, parseRecipientId } from '../port.ts';
import type { EventCursor, EventPage, QueueEvent, QueueEventType, ReportedEvent } from '../queue-event.ts';
import { isFinal, shownState } from '../recipient-state.ts';
import type { Command, RecipientChange } from '../recipient-transition.ts';
import {
  changeByCommand,
  changeByLostLease,
  changeByOutcome,
  changeByRelease,
} from '../recipient-transition.ts';
import { type PurgeResult, type RetentionOptions, resolveRetention } from '../retention.ts';
import {
  type CheckedSelector,
  checkListSelector,
  checkSelector,
  type ListSelector,
  type Selector,
} from '../selector.ts';
import type { NewSuppression, Suppression } from '../suppression.ts';
import { WakeList } from '../wake-list.ts';
import { MemoryEventLog } from './event-log.ts';
import { MemoryQueue } from './queue.ts';
import { MemoryRecords } from './record-area.ts';
import type { Lane, Lease, MessageRow, RecipientRow, Site } from './records.ts';
import { MemorySuppressionList } from './suppression-list.ts';
import {
  claimedMessages,
  fits,
  messageSummary,
  messageView,
  recipientView,
  siteOfRow,
  unroutedRecipient,
} from './views.ts';

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions extends port.StoreOptions {
  /** Default: the system's. */
  readonly clock?: { now(): number } | undefined;
}

/** What `MemoryStoreOptions` accepts. */
export const memoryStoreOptions = {
  ...port.storeOptions,
  clock: withMethods<{ now(): number }>('now'),
} satisfies OptionTable<MemoryStoreOptions>;

/**
 * A queue in memory, which is lost with the process: for tests, simulations, and mail that may be lost.
 *
 * Every method completes in the turn of the event loop in which it is called, so calls do not interleave.
 *
 * @example
 * const broker = new MailBroker({ hostname: 'mail.example.com', store: new MemoryStore() });
 */
export class MemoryStore implements port.QueueStore {
  readonly #clock: MonotonicClock;
  readonly #maxMessageBytes: number;
  readonly #keepContentMs: number;
  readonly #wake = new WakeList();
  readonly #log: MemoryEventLog;
  readonly #suppressions = new MemorySuppressionList();
  readonly records = new MemoryRecords({
    now: () => this.#clock.now(),
    check: () => this.#check(),
    changed: () => this.#wake.notify(),
  });
  readonly #messages = new Map<number, MessageRow>();
  readonly #staged = new Map<number, { chunks: Uint8Array[]; at: number }>();
  readonly #idempotency = new Map<string, MessageRow>();
  readonly #queue: MemoryQueue;
  readonly #aliases = new Map<string, { site: string; until: number }>();
  #ids = 0;
  #closed = false;

  /** @throws {BrokerError} MB_BROKER_OPTION */
  constructor(given: MemoryStoreOptions = {}) {
    const options = readOptions<MemoryStoreOptions, typeof memoryStoreOptions>(
      given,
      memoryStoreOptions,
      'MemoryStore: options',
    );
    this.#clock = new MonotonicClock(options.clock ?? Date);
    this.#queue = new MemoryQueue(resolveSiteLimits(options.limits));
    this.#maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes;
    this.#keepContentMs = options.keepContentMs ?? 0;
    this.#log = new MemoryEventLog(options.eventTypes);
  }

  get maxMessageBytes(): number {
    return this.#maxMessageBytes;
  }

  async open(): Promise<void> {
    this.#check();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake.notify();
  }

  /** As {@link MemoryStore.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async stage(chunks: AsyncIterable<Uint8Array>, options: { readonly signal?: AbortSignal } = {}) {
    const stored: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of chunks) {
      options.signal?.throwIfAborted();
      size += chunk.byteLength;
      checkSize(size, this.#maxMessageBytes);
      stored.push(new Uint8Array(chunk));
    }
    this.#check();
    const id = ++this.#ids;
    this.#staged.set(id, { chunks: stored, at: this.#clock.now() });
    return { stagedId: String(id), size };
  }

  async discard({ stagedId }: port.StagedContent): Promise<void> {
    this.#check();
    this.#staged.delete(Number(stagedId));
  }

  async accept(
    message: port.NewMessage,
    options: { readonly transaction?: never } = {},
  ): Promise<port.Accepted> {
    this.#check();
    if (options.transaction !== undefined) {
      throw new BrokerError(
        'MB_BROKER_TRANSACTION_UNSUPPORTED',
        'api-misuse',
        'The memory store has no transactions to join. Use @mb/broker/sqlite or @mb/queue-postgres.',
      );
    }
    const record = messageRecord(message, this.#maxMessageBytes);
    this.#checkStaged(record);
    return this.#accept(record);
  }

  async unrouted({ max, holdMs }: { readonly max: number; readonly holdMs: number }) {
    this.#check();
    const now = this.#clock.now();
    return this.#queue.takeUnrouted(max, now, now + holdMs).map(unroutedRecipient);
  }

  async assignSites(
    recipients: readonly port.RoutedRecipient[],
    aliases: readonly port.Alias[] = [],
  ): Promise<void> {
    this.#check();
    const now = this.#clock.now();
    for (const { domain, site, ttlMs } of aliases) {
      if (!this.#queue.isOwnSite(domain, now)) this.#aliases.set(domain, { site, until: now + ttlMs });
    }
    for (const { recipientId, site } of recipients) {
      const row = this.#find(recipientId);
      if (row?.lane.site.key !== port.unrouted) continue;
      const own = this.#queue.isOwnSite(row.domain, now);
      this.#queue.move(row, this.#queue.lane(own ? row.domain : site, row.message.record));
    }
    this.#wake.notify();
  }

  async claim(request: port.ClaimRequest): Promise<port.Claim | null> {
    const [claim] = await this.claimSites(request, 1);
    return claim ?? null;
  }

  async claimSites(request: port.ClaimRequest, most: number): Promise<readonly port.Claim[]> {
    this.#check();
    const now = this.#clock.now();
    const claims: port.Claim[] = [];
    while (claims.length < most) {
      const site = this.#queue.nextSite(now, request.slowest);
      if (!site) break;
      const lease = this.#queue.begin(request, site, now);
      const messages = this.#take(lease, site, request.max, now);
      claims.push({ leaseId: lease.id, kind: 'attempt', site: site.key, messages, learned: site.learned });
    }
    return claims;
  }

  async claimMore(leaseId: port.LeaseId, max: number): Promise<readonly port.ClaimedMessage[]> {
    this.#check();
    const lease = this.#queue.lease(leaseId);
    const now = this.#clock.now();
    if (!lease?.site || lease.site.suspended || lease.site.pacing.pausedUntil > now) return [];
    return this.#take(lease, lease.site, max, now);
  }

  async claimOverdue(request: port.ClaimRequest): Promise<port.Claim | null> {
    this.#check();
    const now = this.#clock.now();
    const taken = this.#queue.takeOverdue(request, now);
    if (!taken) return null;
    const messages = claimedMessages(taken.rows, now, (domain) => this.#queue.isOwnSite(domain, now));
    return { leaseId: taken.lease.id, kind: 'overdue', site: '', messages };
  }

  async settle(settlement: port.Settlement): Promise<port.Settled> {
    this.#check();
    // All that can throw comes before the first change.
    checkDelays(settlement.outcomes);
    const bounces = (settlement.bounces ?? []).map((bounce) =>
      messageRecord(bounce.message, this.#maxMessageBytes),
    );
    for (const record of bounces) this.#checkStaged(record);
    const now = this.#clock.now();
    const lease = this.#queue.lease(settlement.leaseId);
    const refused: string[] = [];
    let returned = 0;
    for (const outcome of settlement.outcomes) {
      const row = this.#find(outcome.recipientId);
      const reporter = lease && row?.lease === lease ? kindOf(lease) : 'stale';
      const change = row && changeByOutcome(row, outcome, reporter);
      if (!row || !change) {
        refused.push(outcome.recipientId);
        continue;
      }
      if (outcome.status === 'rerouted') row.lane = this.#queue.lane(outcome.site, row.message.record);
      if (outcome.status === 'delayed') row.deadline = row.message.expiresAt;
      if (change.events[0] === 'returned') returned++;
      this.#apply(row, change, now, detailText(outcome.detail));
    }
    const bounceIds = (settlement.bounces ?? []).map(({ recipients }, i) => {
      const reported = recipients.filter((id) => !refused.includes(id));
      return reported.length === 0 ? undefined : this.#bounce(bounces[i]!, reported, now);
    });
    this.#suppressions.add(settlement.suppress ?? [], now);
    if (lease?.site && settlement.feedback)
      this.#queue.applySiteFeedback(lease.site, settlement.feedback, now);
    if (lease?.site && settlement.learned) this.#queue.learn(lease.site, settlement.learned);
    if (lease && settlement.release) {
      for (const row of [...lease.recipients]) {
        const change = changeByRelease(row, kindOf(lease));
        if (change.events[0] === 'returned') returned++;
        this.#apply(row, change, now, null);
      }
      this.#queue.end(lease);
    }
    if (lease?.site) this.#queue.giveBack(lease.site, returned);
    this.#wake.notify();
    return { refused, bounceIds };
  }

  async heartbeat(leaseIds: readonly port.LeaseId[], leaseMs: number): Promise<readonly port.LeaseId[]> {
    this.#check();
    const now = this.#clock.now();
    return leaseIds.filter((id) => {
      const lease = this.#queue.lease(id);
      if (lease) lease.expiresAt = now + leaseMs;
      return lease !== undefined;
    });
  }

  async reap(): Promise<number> {
    this.#check();
    const now = this.#clock.now();
    let count = 0;
    for (const lease of this.#queue.expired(now)) {
      for (const row of [...lease.recipients]) {
        const change = changeByLostLease(row, row.message.record.onUnknown, kindOf(lease));
        this.#apply(row, change, now, JSON.stringify({ reason: 'lease-lost', worker: lease.worker }));
        count++;
      }
      this.#queue.end(lease);
    }
    if (count > 0) this.#wake.notify();
    return count;
  }

  async nextDueMs(slowest?: SiteSpeed): Promise<number | null> {
    this.#check();
    const now = this.#clock.now();
    const next = this.#queue.nextDueAt(now, slowest);
    return next === undefined ? null : Math.max(0, next - now);
  }

  onWake(listener: () => void): () => void {
    return this.#wake.add(listener);
  }

  async *content(messageId: port.MessageId): AsyncGenerator<Uint8Array> {
    this.#check();
    const content = this.#messages.get(Number(messageId))?.content;
    if (!content) throw contentGone();
    yield* content;
  }

  async alias(domain: string, site: port.SiteKey, ttlMs: number): Promise<void> {
    this.#check();
    this.#aliases.set(domain, { site, until: this.#clock.now() + ttlMs });
  }

  async setSite(key: port.SiteKey, settings: port.SiteSettings): Promise<void> {
    this.#check();
    this.#aliases.delete(key);
    this.#queue.change(key, settings, this.#clock.now());
    this.#wake.notify();
  }

  hold(selector: Selector): Promise<number> {
    return this.#command(selector, 'hold');
  }

  release(selector: Selector): Promise<number> {
    return this.#command(selector, 'release');
  }

  cancel(selector: Selector): Promise<number> {
    return this.#command(selector, 'cancel');
  }

  async reschedule(selector: Selector, afterMs: number): Promise<number> {
    this.#check();
    const checked = checkSelector(selector);
    const due = this.#clock.now() + checkDelay('afterMs', afterMs);
    let count = 0;
    for (const row of this.#select(checked)) {
      if (row.state !== 'queued') continue;
      this.#queue.remove(row);
      row.due = due;
      this.#queue.add(row);
      count++;
    }
    this.#wake.notify();
    return count;
  }

  async list(selector: ListSelector, page: port.PageRequest = {}): Promise<port.Page<port.RecipientView>> {
    this.#check();
    const checked = checkListSelector(selector);
    const limit = pageLimit(page.limit);
    const skip = cursorNumber(page.after);
    const rows: port.RecipientView[] = [];
    let place = 0;
    for (const row of this.#select(checked)) {
      place = row.message.id * 65_536 + row.position;
      if (place <= skip) continue;
      if (rows.length === limit) return { rows, next: lastPlace(rows) };
      rows.push(recipientView(row));
    }
    return { rows };
  }

  async count(selector: ListSelector, after?: string): Promise<port.RecipientCount> {
    this.#check();
    const skip = cursorNumber(after);
    let count = 0;
    for (const { message, position } of this.#select(checkListSelector(selector))) {
      if (message.id * 65_536 + position > skip) count++;
    }
    return { count };
  }

  async listMessages(
    filter: MessageFilter = {},
    page: port.PageRequest = {},
  ): Promise<port.Page<MessageSummary>> {
    this.#check();
    const checked = checkMessageFilter(filter);
    const limit = pageLimit(page.limit);
    const below = page.after === undefined ? Number.POSITIVE_INFINITY : cursorNumber(page.after);
    const rows: MessageSummary[] = [];
    for (const message of [...this.#messages.values()].reverse()) {
      if (message.id >= below || !fits(message, checked)) continue;
      if (rows.length === limit) return { rows, next: rows.at(-1)!.messageId };
      rows.push(messageSummary(message));
    }
    return { rows };
  }

  async inspect(messageId: port.MessageId): Promise<port.MessageView | null> {
    this.#check();
    const message = this.#messages.get(Number(messageId));
    return message ? messageView(message) : null;
  }

  async stats(): Promise<port.QueueStats> {
    this.#check();
    const count = { queued: 0, 'in-flight': 0, held: 0, unknown: 0 };
    for (const message of this.#messages.values()) {
      if (message.finishedAt !== undefined) continue;
      for (const { state } of message.recipients) if (state in count) count[state as keyof typeof count]++;
    }
    const sites = this.#queue.views(this.#clock.now());
    const due = sites.flatMap((site) => site.oldestDueAt ?? []);
    return {
      queued: count.queued,
      inFlight: count['in-flight'],
      held: count.held,
      unknown: count.unknown,
      ...(due.length > 0 && { oldestDueAt: due.reduce((a, b) => Math.min(a, b)) }),
      sites: sites.slice(0, 1000),
    };
  }

  async inspectSite(site: port.SiteKey): Promise<port.SiteView | null> {
    this.#check();
    return this.#queue.view(site, this.#clock.now()) ?? null;
  }

  async events(cursor?: EventCursor, limit = 500): Promise<EventPage> {
    this.#check();
    return this.#log.read(cursor, pageLimit(limit));
  }

  async messageEvents(
    messageId: port.MessageId,
    page: port.PageRequest = {},
  ): Promise<port.Page<QueueEvent>> {
    this.#check();
    return this.#log.ofMessage(messageId, page.after, pageLimit(page.limit));
  }

  async eventsEnd(): Promise<EventCursor> {
    this.#check();
    return this.#log.end;
  }

  async report(events: readonly ReportedEvent[], suppress: readonly NewSuppression[] = []): Promise<void> {
    this.#check();
    const now = this.#clock.now();
    for (const event of events) {
      const row = this.#find(event.recipientId);
      if (row) this.#logRecipient(event.type, row, now, detailText(event.detail));
    }
    this.#suppressions.add(suppress, now);
    this.#wake.notify();
  }

  async suppress(entries: readonly NewSuppression[]): Promise<void> {
    this.#check();
    this.#suppressions.add(entries, this.#clock.now());
  }

  async suppressed(addresses: readonly string[], tenant = ''): Promise<readonly Suppression[]> {
    this.#check();
    return this.#suppressions.find(addresses, tenant);
  }

  async unsuppress(addresses: readonly string[], tenant = ''): Promise<number> {
    this.#check();
    return this.#suppressions.delete(addresses, tenant);
  }

  async listSuppressed(
    page: port.PageRequest & { readonly tenant?: string } = {},
  ): Promise<port.Page<Suppression>> {
    this.#check();
    return this.#suppressions.list(page.tenant, page.after, pageLimit(page.limit));
  }

  async purge(retention?: RetentionOptions): Promise<PurgeResult> {
    this.#check();
    const keep = resolveRetention(retention);
    const now = this.#clock.now();
    let contents = 0;
    for (const message of this.#messages.values()) {
      const { finishedAt, content } = message;
      if (finishedAt === undefined || finishedAt > now - this.#keepContentMs || !content) continue;
      if (contents === keep.batch) break;
      message.content = undefined;
      contents++;
    }
    let messages = 0;
    for (const [id, { finishedAt, failed, record }] of this.#messages) {
      if (finishedAt === undefined || finishedAt > now - (failed ? keep.failedMs : keep.deliveredMs))
        continue;
      if (messages === keep.batch) break;
      this.#messages.delete(id);
      if (record.idempotencyKey !== null) this.#idempotency.delete(idempotencyName(record));
      messages++;
    }
    const events = this.#log.purge(now - keep.eventsMs, keep.batch);
    let staged = 0;
    for (const [id, { at }] of this.#staged) {
      if (at > now - keep.stagedMs || staged === keep.batch) continue;
      this.#staged.delete(id);
      staged++;
    }
    this.records.purge(now);
    for (const [domain, { until }] of this.#aliases) if (until <= now) this.#aliases.delete(domain);
    const more = Math.max(messages, events, staged, contents) === keep.batch;
    return { messages, events, staged, contents, more };
  }

  #check(): void {
    if (!this.#closed) return;
    throw new BrokerError('MB_BROKER_STORE_CLOSED', 'api-misuse', 'The store is closed; make a new one.');
  }

  #checkStaged({ content }: MessageRecord): void {
    if (content instanceof Uint8Array || this.#staged.has(Number(content.stagedId))) return;
    throw new BrokerError(
      'MB_BROKER_STAGED_UNKNOWN',
      'api-misuse',
      'This staged content was accepted already, or purged. Stage it again.',
    );
  }

  #accept(record: MessageRecord): port.Accepted {
    const known = record.idempotencyKey === null ? undefined : this.#idempotency.get(idempotencyName(record));
    if (known) {
      checkIdempotency(known.record.idempotencyDigest, record.idempotencyDigest);
      return { messageId: String(known.id), duplicate: true };
    }
    const now = this.#clock.now();
    const { dueAt, expiresAt, deadline } = messageTimes(record, now);
    const { content } = record;
    const isStaged = !(content instanceof Uint8Array);
    const id = isStaged ? Number(content.stagedId) : ++this.#ids;
    const message: MessageRow = {
      id,
      // The octets are kept only once, in `content` below.
      record: { ...record, content: new Uint8Array() },
      content: isStaged ? this.#staged.get(id)!.chunks : [new Uint8Array(content)],
      acceptedAt: now,
      expiresAt,
      recipients: [],
      open: record.recipients.length,
      failed: false,
      finishedAt: undefined,
    };
    this.#staged.delete(id);
    this.#messages.set(id, message);
    if (record.idempotencyKey !== null) this.#idempotency.set(idempotencyName(record), message);
    for (const [position, { address, domain, site, options }] of record.recipients.entries()) {
      const row: RecipientRow = {
        message,
        position,
        address,
        domain,
        options,
        lane: this.#laneOf(domain, site, record, now),
        state: 'queued',
        intent: null,
        attempts: 0,
        abandoned: 0,
        due: dueAt,
        deadline,
        lease: undefined,
        finishedAt: undefined,
        detail: null,
      };
      message.recipients.push(row);
      this.#queue.add(row);
    }
    this.#log.add({ type: 'accepted', at: now, message, attempt: 0 });
    this.#wake.notify();
    return { messageId: String(id), duplicate: false };
  }

  #bounce(record: MessageRecord, recipients: readonly string[], now: number): string {
    const { messageId } = this.#accept(record);
    for (const id of recipients) {
      this.#logRecipient('bounced', this.#find(id)!, now, JSON.stringify({ bounceMessageId: messageId }));
    }
    return messageId;
  }

  #laneOf(domain: string, site: string | null, record: MessageRecord, now: number): Lane {
    if (site !== null && site !== port.unrouted) return this.#queue.lane(site, record);
    const alias = this.#aliases.get(domain);
    const known = alias && alias.until > now ? alias.site : (site ?? domain);
    return this.#queue.laneFor(domain, known, record, now);
  }

  #take(lease: Lease, site: Site, max: number, now: number): readonly port.ClaimedMessage[] {
    const rows = this.#queue.take(lease, site, max, now);
    for (const row of rows) {
      row.attempts++;
      if (row.message.expiresAt > now) this.#logRecipient('attempted', row, now, null);
    }
    return claimedMessages(rows, now, (domain) => this.#queue.isOwnSite(domain, now));
  }

  #apply(row: RecipientRow, change: RecipientChange, now: number, detail: string | null): void {
    row.lease?.recipients.delete(row);
    row.lease = undefined;
    if (row.state === 'queued') this.#queue.remove(row);
    row.state = change.state;
    row.intent = null;
    row.attempts = change.attempts;
    row.abandoned = change.abandoned;
    if (detail !== null) row.detail = detail;
    if (change.dueInMs !== undefined) row.due = now + change.dueInMs;
    if (row.state === 'queued') this.#queue.add(row);
    if (isFinal(row.state)) this.#finish(row, now);
    for (const [i, type] of change.events.entries())
      this.#logRecipient(type, row, now, i === 0 ? detail : null);
  }

  #finish(row: RecipientRow, now: number): void {
    row.finishedAt = now;
    const { message } = row;
    if (row.state !== 'delivered') message.failed = true;
    if (--message.open > 0) return;
    message.finishedAt = now;
    if (this.#keepContentMs === 0) message.content = undefined;
  }

  #logRecipient(type: QueueEventType, row: RecipientRow, now: number, detail: string | null): void {
    const next = type === 'deferred' && row.state === 'queued' ? row.due : undefined;
    this.#log.add({ type, at: now, message: row.message, row, attempt: row.attempts, next, detail });
  }

  #find(recipientId: string): RecipientRow | undefined {
    const parsed = parseRecipientId(recipientId);
    return parsed && this.#messages.get(Number(parsed.messageId))?.recipients[parsed.position];
  }

  *#select(selector: CheckedSelector): Generator<RecipientRow> {
    const { messageId, tenant, tag, site, domain, state } = selector;
    const messages =
      messageId === undefined ? this.#messages.values() : [this.#messages.get(Number(messageId))];
    for (const message of messages) {
      if (!message) continue;
      if (tenant !== undefined && message.record.tenant !== tenant) continue;
      if (tag !== undefined && message.record.tag !== tag) continue;
      for (const row of message.recipients) {
        if (site !== undefined && siteOfRow(row) !== site) continue;
        if (domain !== undefined && row.domain !== domain) continue;
        const shown = shownState(row.state);
        if (state === undefined || shown === state) yield row;
      }
    }
  }

  async #command(selector: Selector, command: Command): Promise<number> {
    this.#check();
    const now = this.#clock.now();
    let count = 0;
    for (const row of this.#select(checkSelector(selector))) {
      const change = changeByCommand(row, command);
      if (!change) continue;
      count++;
      if ('intent' in change) {
        row.intent = change.intent;
        continue;
      }
      const { attempts } = row;
      const due = change.state === 'queued' ? { dueInMs: 0 } : {};
      this.#apply(
        row,
        { state: change.state, attempts, abandoned: 0, ...due, events: [change.event] },
        now,
        null,
      );
    }
    this.#wake.notify();
    return count;
  }
}

function kindOf(lease: Lease): 'attempt' | 'overdue' {
  return lease.site ? 'attempt' : 'overdue';
}

function idempotencyName({ tenant, idempotencyKey }: MessageRecord): string {
  return `${tenant}\n${idempotencyKey}`;
}

function lastPlace(rows: readonly port.RecipientView[]): string {
  const { messageId, position } = parseRecipientId(rows.at(-1)!.recipientId)!;
  return String(Number(messageId) * 65_536 + position);
}
