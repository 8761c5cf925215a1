// Long because it has one method for each method of the port; most of them only call another module.

import { statSync } from 'node:fs';
import process from 'node:process';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { type Clock, systemClock } from '../../clock.ts';
import { BrokerError, optionError } from '../../errors.ts';
import { MonotonicClock } from '../../monotonic-clock.ts';
import { flag, integer, type OptionTable, readOptions, withMethods } from '../../option-table.ts';
import { rechunk } from '../content-chunks.ts';
import { contentGone } from '../content-gone.ts';
import { ErrorListeners } from '../error-listeners.ts';
import type { SiteSpeed } from '../learned.ts';
import { checkMessageFilter, type MessageFilter, type MessageSummary } from '../message-filter.ts';
import { checkDelay, checkDelays, detailText, type MessageRecord, messageRecord } from '../new-message.ts';
import { resolveSiteLimits, type SiteLimits } from '../pacing.ts';
import { cursorNumber, pageLimit, unknownCursor } from '../page.ts';
import * as port from '../port.ts';
import { defaultMaxMessageBytes } from '../port.ts';
import type { EventCursor, EventPage, QueueEvent, QueueEventType, ReportedEvent } from '../queue-event.ts';
import type { Command } from '../recipient-transition.ts';
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
import { acceptMessage, beginStaging, continueStaging, discardStaged, endStaging } from './accept.ts';
import { claimMore, claimOverdue, claimSites, hasMore, readySite, siteIsReady } from './claim.ts';
import { never } from './codes.ts';
import { command, countWindow, reschedule, selectWindow } from './command.ts';
import { Sql, type SqliteConnection } from './connection.ts';
import {
  chunkBytes,
  chunkCount,
  hasUnusedContent,
  insertChunk,
  readChunk,
  storedSize,
  sweepContent,
} from './content.ts';
import { EventBatch } from './event-batch.ts';
import { latestEvent, readEvents, readMessageEvents, skipEventNumbers } from './event-log.ts';
import { FilePlace } from './file-place.ts';
import { FinishedRecipients } from './finished-recipients.ts';
import { type Gathered, GroupCommit, type WriteOptions } from './group-commit.ts';
import { listMessages } from './message-list.ts';
import { OwnSites } from './own-sites.ts';
import { purge } from './purge.ts';
import { rebaseTime } from './rebase.ts';
import { RecentMessages } from './recent-messages.ts';
import { RecipientCounts } from './recipient-counts.ts';
import { logRecipient, readRecipient } from './recipients.ts';
import { SqliteRecords } from './record-area.ts';
import { assignSites, hasUnrouted, setAlias, takeUnrouted, unroutedReady } from './routing.ts';
import { checkSchema, migrateSchema } from './schema.ts';
import { heartbeat, leaseNumber, reap, settle } from './settle.ts';
import { changeSite } from './sites.ts';
import { queueStats, siteStats } from './stats.ts';
import { StatsCache } from './stats-cache.ts';
import { storeError } from './store-error.ts';
import {
  addSuppressions,
  deleteSuppressions,
  findSuppressions,
  listSuppressions,
} from './suppression-list.ts';
import { inspectMessage, listRecipients } from './views.ts';
import { WriteAheadLog } from './write-ahead-log.ts';
import type { WriteContext } from './write-context.ts';

// Not imported: an older Node without the module would fail here, before the version check can say what is needed.
const sqlite = process.getBuiltinModule('node:sqlite');

export type { SqliteConnection, SqliteStatement, SqlValue } from './connection.ts';
export { schemaSql, schemaVersion } from './schema.ts';

/** Options of {@link SqliteStore}. */
export interface SqliteStoreOptions extends port.StoreOptions {
  /** Default: the system's, also for timers. */
  readonly clock?: (Pick<Clock, 'now'> & Partial<Clock>) | undefined;
  /** False: refuse to open a file whose tables are older than this code, instead of migrating them. Default true. */
  readonly migrate?: boolean | undefined;
  /**
   * True: read only. Nothing is written, not even when the store is opened, so the file or its file system may be
   * read-only. Default false.
   */
  readonly readOnly?: boolean | undefined;
  /**
   * How often to look for writes of other processes and of the application's own transactions, in milliseconds; 0:
   * never. Default 250.
   */
  readonly pollMs?: number | undefined;
}

/** What `SqliteStoreOptions` accepts. @internal */
export const sqliteStoreOptions = {
  ...port.storeOptions,
  clock: withMethods<Pick<Clock, 'now'> & Partial<Clock>>('now'),
  migrate: flag(),
  readOnly: flag(),
  pollMs: integer(0, 86_400_000, { unit: 'ms' }),
} satisfies OptionTable<SqliteStoreOptions>;

/** State of an open store. */
interface Open {
  readonly db: DatabaseSync;
  readonly sql: Sql;
  /** Events of the current transaction. */
  readonly log: EventBatch;
  /** Recipients that the current transaction has finished. */
  readonly finished: FinishedRecipients;
  /** Changes of the current transaction to the counts of recipients. */
  readonly counts: RecipientCounts;
  /** Sites with settings of their own, as the current transaction sees them. */
  readonly own: OwnSites;
  readonly stats: StatsCache;
  readonly commits: GroupCommit;
  /** Undefined for a read-only file, and in memory. */
  readonly wal: WriteAheadLog | undefined;
}

/** Maximum time between two polls while the file cannot be read. */
const longestPollMs = 30_000;
/** Large enough for the indices of a queue to thousands of destinations beside the content that passes through. */
const cacheKib = 16_384;
/** For writes whose loss in a power cut only returns recipients to the queue. */
const relaxed = { durable: false };
const durable = { durable: true };
/** For writes that only the worker waits for. */
const unhurried = { durable: true, patient: true };

/**
 * A queue in one SQLite file, which may be the application's own: the names of all tables begin with `mb_`.
 *
 * When `accept` or `settle` resolves, its change is on the disk: the write-ahead log is flushed after the commit, in
 * the thread pool, once for all writes that came during the previous flush. One process delivers from the queue; others
 * may accept, list and change recipients at the same time. The file must be on a local disk, because SQLite's locks do
 * not work on network file systems.
 *
 * @example
 * const store = new SqliteStore('queue.db');
 * const broker = new MailBroker({ hostname: 'mail.example.com', store });
 */
export class SqliteStore implements port.QueueStore<SqliteConnection> {
  readonly #path: string;
  readonly #options: SqliteStoreOptions;
  readonly #clock: MonotonicClock;
  readonly #limits: SiteLimits;
  readonly #maxMessageBytes: number;
  readonly #keepContentMs: number;
  readonly #eventTypes: ReadonlySet<QueueEventType> | undefined;
  readonly #wake = new WakeList();
  readonly #errors = new ErrorListeners();
  readonly #recent = new RecentMessages();
  readonly records = new SqliteRecords({
    read: (work) => this.#reading(({ sql }) => work(sql)),
    write: async (work) => {
      const result = await this.#write(({ sql, now }) => work(sql, now), durable);
      this.#wake.notify();
      return result;
    },
  });
  /** Prepared statements of the application's own connections. */
  readonly #foreign = new WeakMap<SqliteConnection, Sql>();
  #open: Open | undefined;
  #stopPolling: (() => void) | undefined;
  #foundSchema: number | undefined;
  #sweeping = false;

  /**
   * @param path  Path of the file, which is created when it does not exist.
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  constructor(path: string, given: SqliteStoreOptions = {}) {
    if (typeof path !== 'string' || path === '') {
      throw optionError("SqliteStore: the path must be the name of a file: new SqliteStore('queue.db').");
    }
    if (/^file:|^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
      throw optionError(
        'SqliteStore: give the path of the file, not a URL: what SQLite opens must be what is checked.',
      );
    }
    const options: SqliteStoreOptions = readOptions(given, sqliteStoreOptions, 'SqliteStore: options');
    this.#path = path;
    this.#options = options;
    this.#clock = new MonotonicClock(options.clock ?? Date);
    this.#limits = resolveSiteLimits(options.limits);
    this.#maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes;
    this.#keepContentMs = options.keepContentMs ?? 0;
    this.#eventTypes = options.eventTypes && new Set(options.eventTypes);
  }

  get maxMessageBytes(): number {
    return this.#maxMessageBytes;
  }

  /**
   * Opens the file and migrates its tables.
   * @throws {BrokerError} MB_BROKER_STORE_SCHEMA, MB_BROKER_STORE_FAILED, MB_BROKER_STORE_BUSY
   */
  async open(): Promise<void> {
    if (this.#open) return;
    if (this.#options.readOnly) return this.#openToRead();
    let db: DatabaseSync | undefined;
    const place = new FilePlace(this.#path);
    try {
      place.prepare(true);
      db = new sqlite.DatabaseSync(this.#path, { timeout: 5000 });
      const migrate = this.#options.migrate ?? true;
      // Before the first write, so that a file that is refused stays as it is.
      checkSchema(db, migrate);
      // Savepoints keep copies of pages, in memory rather than in a temporary file.
      db.exec('PRAGMA temp_store = MEMORY');
      // auto_vacuum takes effect only before the first table.
      db.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL');
      const { journal_mode: journal } = db.prepare('PRAGMA journal_mode = WAL').get()!;
      this.#foundSchema = migrateSchema(db, migrate);
      const sql = new Sql(db);
      db.exec('BEGIN IMMEDIATE');
      skipEventNumbers(sql);
      rebaseTime(sql, this.#clock.now());
      db.exec('COMMIT');
      // From here on, waiting for the transaction of another process does not block the event loop.
      db.exec('PRAGMA busy_timeout = 0');
      db.exec(`PRAGMA cache_size = -${cacheKib}`);
      const { clock } = this.#options;
      const setTimer = clock?.setTimer?.bind(clock) ?? systemClock.setTimer;
      const log = new EventBatch(this.#eventTypes);
      const finished = this.#finishedRecipients();
      const stats = new StatsCache();
      const counts = new RecipientCounts((lane) => stats.laneChanged(lane));
      const own = new OwnSites();
      const forgotten = { mark: () => 0, reset: () => own.forget(), write: () => {} };
      const gathered = [forgotten, gatheredBy(finished, sql), gatheredBy(counts, sql), gatheredBy(log, sql)];
      place.remember();
      const report = (error: unknown) => this.#errors.report(storeError(error));
      // A file in memory has no log.
      const wal = journal === 'wal' ? new WriteAheadLog(db, this.#path, report) : undefined;
      const commits = new GroupCommit(db, { setTimer, gathered, checkPlace: () => place.check(), log: wal });
      this.#open = { db, sql, log, finished, counts, own, stats, commits, wal };
      this.#startPolling(db);
    } catch (error) {
      db?.close();
      throw storeError(error);
    }
  }

  /** Opens the file without writing to it. */
  #openToRead(): void {
    let db: DatabaseSync | undefined;
    try {
      new FilePlace(this.#path).prepare(false);
      db = openReadOnly(this.#path);
      this.#foundSchema = checkSchema(db, false);
      const sql = new Sql(db);
      const log = new EventBatch(this.#eventTypes);
      const finished = this.#finishedRecipients();
      const stats = new StatsCache();
      const counts = new RecipientCounts();
      const own = new OwnSites();
      const commits = new GroupCommit(db, { setTimer: systemClock.setTimer });
      this.#open = { db, sql, log, finished, counts, own, stats, commits, wal: undefined };
      this.#startPolling(db);
    } catch (error) {
      db?.close();
      throw storeError(error);
    }
  }

  /** The version of the tables that `open()` found, before it migrated them; 0 when there were none. */
  get foundSchema(): number | undefined {
    return this.#foundSchema;
  }

  async close(): Promise<void> {
    const open = this.#open;
    if (!open) return;
    this.#stopPolling?.();
    await open.commits.idle();
    this.#open = undefined;
    await open.wal?.close();
    this.#recent.clear();
    open.db.close();
    this.#wake.notify();
  }

  /** As {@link SqliteStore.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async stage(
    chunks: AsyncIterable<Uint8Array>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<port.StagedContent> {
    const id = await this.#write(beginStaging, relaxed);
    const stagedId = String(id);
    let size = 0;
    let n = 0;
    try {
      for await (const piece of rechunk(chunks, chunkBytes, this.#maxMessageBytes)) {
        options.signal?.throwIfAborted();
        const place = n++;
        size += piece.byteLength;
        await this.#write((context) => {
          continueStaging(context, id);
          insertChunk(context.sql, id, place, piece);
        }, relaxed);
      }
      // Not durable: the commit of the message that uses the content waits for the disk.
      await this.#write((context) => endStaging(context, id, size), relaxed);
    } catch (error) {
      // If this fails too, the content is purged later.
      await this.discard({ stagedId, size }).catch(() => {});
      throw error;
    }
    return { stagedId, size };
  }

  discard({ stagedId }: port.StagedContent): Promise<void> {
    return this.#write((context) => discardStaged(context, stagedId), relaxed);
  }

  async accept(
    message: port.NewMessage,
    options: { readonly transaction?: SqliteConnection } = {},
  ): Promise<port.Accepted> {
    const record = messageRecord(message, this.#maxMessageBytes);
    if (options.transaction) return this.#acceptWithin(options.transaction, record);
    // The caller may change its buffer before the transaction begins.
    const { content } = record;
    const kept = content instanceof Uint8Array ? { ...record, content: new Uint8Array(content) } : record;
    const { accepted } = await this.#write(
      (context) => ({ accepted: acceptMessage(context, kept), now: context.now }),
      { ...durable, accepts: true },
      // At the commit, because a claim may read the message before it is flushed.
      ({ accepted: { messageId, duplicate }, now }) => {
        if (!duplicate) this.#recent.add(Number(messageId), kept, now);
      },
    );
    this.#wake.notify();
    return accepted;
  }

  async unrouted({ max, holdMs }: { readonly max: number; readonly holdMs: number }) {
    return this.#reading(hasUnrouted)
      ? this.#write((context) => takeUnrouted(context, max, holdMs), relaxed)
      : [];
  }

  async assignSites(
    recipients: readonly port.RoutedRecipient[],
    aliases: readonly port.Alias[] = [],
  ): Promise<void> {
    await this.#write((context) => assignSites(context, recipients, aliases), relaxed);
    this.#wake.notify();
  }

  async claim(request: port.ClaimRequest): Promise<port.Claim | null> {
    const [claim] = await this.claimSites(request, 1);
    return claim ?? null;
  }

  async claimSites(request: port.ClaimRequest, most: number): Promise<readonly port.Claim[]> {
    // A read costs less than a transaction. Not patient: a free connection should not wait for other writes.
    return this.#reading((context) => siteIsReady(context, request.slowest))
      ? this.#write((context) => claimSites(context, request, most), relaxed)
      : [];
  }

  async claimMore(leaseId: port.LeaseId, max: number): Promise<readonly port.ClaimedMessage[]> {
    const id = leaseNumber(leaseId);
    // Most destinations get one message, and a read is enough to find that there are no others.
    return this.#reading((context) => hasMore(context, id))
      ? this.#write((context) => claimMore(context, id, max), { ...relaxed, patient: true })
      : [];
  }

  async claimOverdue(request: port.ClaimRequest): Promise<port.Claim | null> {
    const overdue = this.#reading(({ sql, now }) =>
      sql.get('SELECT 1 FROM mb_recipient WHERE state = 0 AND deadline <= ? LIMIT 1', now),
    );
    return overdue ? this.#write((context) => claimOverdue(context, request), relaxed) : null;
  }

  async settle(settlement: port.Settlement): Promise<port.Settled> {
    checkDelays(settlement.outcomes);
    const bounces = (settlement.bounces ?? []).map(({ message }) =>
      messageRecord(message, this.#maxMessageBytes),
    );
    const settled = await this.#write((context) => settle(context, settlement, bounces), unhurried);
    this.#wake.notify();
    return settled;
  }

  heartbeat(leaseIds: readonly port.LeaseId[], leaseMs: number): Promise<readonly port.LeaseId[]> {
    return this.#write((context) => heartbeat(context, leaseIds, leaseMs), relaxed);
  }

  async reap(): Promise<number> {
    const lost = this.#reading(({ sql, now }) =>
      sql.get('SELECT 1 FROM mb_lease WHERE expires <= ? LIMIT 1', now),
    );
    if (!lost) return 0;
    const count = await this.#write(reap, relaxed);
    if (count > 0) this.#wake.notify();
    return count;
  }

  async nextDueMs(slowest?: SiteSpeed): Promise<number | null> {
    return this.#reading((context) => {
      const { sql, now } = context;
      const site = readySite(context, Number.MAX_SAFE_INTEGER, slowest);
      const row = sql.get<{ deadline: number | null; expires: number | null }>(
        `SELECT (SELECT deadline FROM mb_recipient WHERE state = 0 ORDER BY deadline LIMIT 1) AS deadline,
                (SELECT expires FROM mb_lease ORDER BY expires LIMIT 1) AS expires`,
      )!;
      const ready = Math.floor(Math.min(site?.ready ?? never, unroutedReady(context)) / 1000);
      const times = [ready < Math.floor(never / 1000) ? ready : null, row.deadline, row.expires].filter(
        (time) => time !== null,
      );
      return times.length === 0 ? null : Math.max(0, Math.min(...times) - now);
    });
  }

  onWake(listener: () => void): () => void {
    return this.#wake.add(listener);
  }

  onBackgroundError(listener: (error: unknown) => void): () => void {
    return this.#errors.add(listener);
  }

  async *content(messageId: port.MessageId): AsyncGenerator<Uint8Array> {
    const id = /^\d{1,11}$/.test(messageId) ? Number(messageId) : -1;
    const size = this.#reading(({ sql }) => storedSize(sql, id));
    if (size === undefined) throw contentGone();
    for (let n = 0; n < chunkCount(size); n++) {
      yield this.#reading(({ sql }) => readChunk(sql, id, n, size));
    }
  }

  async alias(domain: string, site: port.SiteKey, ttlMs: number): Promise<void> {
    await this.#write((context) => setAlias(context, domain, site, ttlMs), relaxed);
  }

  async setSite(site: port.SiteKey, settings: port.SiteSettings): Promise<void> {
    await this.#write((context) => changeSite(context, site, settings), durable);
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
    const delay = checkDelay('afterMs', afterMs);
    return this.#windows(checkSelector(selector), (context, ids) => reschedule(context, ids, delay));
  }

  async list(selector: ListSelector, page: port.PageRequest = {}): Promise<port.Page<port.RecipientView>> {
    const checked = checkListSelector(selector);
    const [after, limit] = [cursorNumber(page.after), pageLimit(page.limit)];
    return this.#reading((context) => listRecipients(context, checked, after, limit));
  }

  async count(selector: ListSelector, after?: string): Promise<port.RecipientCount> {
    const checked = checkListSelector(selector);
    const place = cursorNumber(after);
    return this.#reading((context) => countWindow(context, checked, place));
  }

  async listMessages(
    filter: MessageFilter = {},
    page: port.PageRequest = {},
  ): Promise<port.Page<MessageSummary>> {
    const checked = checkMessageFilter(filter);
    const below = page.after === undefined ? Number.MAX_SAFE_INTEGER : cursorNumber(page.after);
    const limit = pageLimit(page.limit);
    return this.#reading(({ sql }) => listMessages(sql, checked, below, limit));
  }

  async inspect(messageId: port.MessageId): Promise<port.MessageView | null> {
    return this.#reading((context) => inspectMessage(context, messageId));
  }

  async messageEvents(
    messageId: port.MessageId,
    page: port.PageRequest = {},
  ): Promise<port.Page<QueueEvent>> {
    const limit = pageLimit(page.limit);
    const after = page.after === undefined ? undefined : cursorNumber(page.after);
    return this.#reading(({ sql }) => readMessageEvents(sql, messageId, after, limit));
  }

  stats(): Promise<port.QueueStats> {
    return queueStats((read) => this.#reading(read));
  }

  async inspectSite(site: port.SiteKey): Promise<port.SiteView | null> {
    return this.#reading((context) => siteStats(context, site));
  }

  async events(cursor?: EventCursor, limit = 500): Promise<EventPage> {
    const [after, most] = [cursorNumber(cursor), pageLimit(limit)];
    return this.#reading(({ sql }) => readEvents(sql, after, most));
  }

  async eventsEnd(): Promise<EventCursor> {
    return this.#reading(({ sql }) => String(latestEvent(sql)));
  }

  async report(events: readonly ReportedEvent[], suppress: readonly NewSuppression[] = []): Promise<void> {
    await this.#write((context) => {
      for (const { type, recipientId, detail } of events) {
        const recipient = readRecipient(context, recipientId);
        if (recipient) logRecipient(context, type, recipient, recipient.attempts, detailText(detail));
      }
      addSuppressions(context.sql, suppress, context.now);
    }, durable);
    this.#wake.notify();
  }

  suppress(entries: readonly NewSuppression[]): Promise<void> {
    return this.#write(({ sql, now }) => addSuppressions(sql, entries, now), durable);
  }

  async suppressed(addresses: readonly string[], tenant = ''): Promise<readonly Suppression[]> {
    return this.#reading(({ sql }) => findSuppressions(sql, addresses, tenant));
  }

  unsuppress(addresses: readonly string[], tenant = ''): Promise<number> {
    return this.#write(({ sql }) => deleteSuppressions(sql, addresses, tenant), durable);
  }

  async listSuppressed(
    page: port.PageRequest & { readonly tenant?: string } = {},
  ): Promise<port.Page<Suppression>> {
    const [after, limit] = [suppressionCursor(page.after), pageLimit(page.limit)];
    return this.#reading(({ sql }) => listSuppressions(sql, page.tenant, after, limit));
  }

  async purge(retention?: RetentionOptions): Promise<PurgeResult> {
    const keep = resolveRetention(retention);
    const purged = await this.#write((context) => purge(context, keep, this.#keepContentMs), relaxed);
    await this.#sweep();
    // Returns pages to the file system, a few at a time; the others are used again.
    if (purged.messages + purged.staged + purged.contents > 0) {
      const { db } = this.#opened();
      this.#reading(() => db.exec('PRAGMA incremental_vacuum(1000)'));
    }
    return purged;
  }

  #finishedRecipients(): FinishedRecipients {
    return new FinishedRecipients({ keepsContent: this.#keepContentMs > 0 });
  }

  /** Deletes unused content in the background, including that of processes that have ended. */
  #sweepLater(): void {
    if (this.#sweeping || this.#options.readOnly) return;
    this.#sweeping = true;
    this.#sweep()
      .catch((error) => {
        // If the store was closed meanwhile, the next one deletes the rest.
        if (this.#open) this.#errors.report(error);
      })
      .finally(() => {
        this.#sweeping = false;
      });
  }

  /** Deletes the content of large messages that no longer exist, a few chunks in each turn of the event loop. */
  async #sweep(): Promise<void> {
    while (this.#reading(({ sql }) => hasUnusedContent(sql)))
      await this.#write(({ sql }) => sweepContent(sql), relaxed);
  }

  #opened() {
    if (this.#open) return this.#open;
    throw closed();
  }

  #writeContext(open: Pick<Open, 'sql' | 'log' | 'finished' | 'counts' | 'own' | 'stats'>): WriteContext {
    const { sql, log, finished, counts, own, stats } = open;
    const [now, limits, recent] = [this.#clock.now(), this.#limits, this.#recent];
    return { sql, now, limits, log, finished, counts, own, recent, stats };
  }

  /** Reads outside of a transaction. @throws {BrokerError} also for a file that is damaged or missing. */
  #reading<Result>(read: (context: WriteContext) => Result): Result {
    const context = this.#writeContext(this.#opened());
    try {
      return read(context);
    } catch (error) {
      throw storeError(error);
    }
  }

  #write<Result>(
    work: (context: WriteContext) => Result,
    options: WriteOptions,
    committed?: (result: Result) => void,
  ): Promise<Result> {
    const open = this.#open;
    if (!open) return Promise.reject(closed());
    return open.commits.write(() => work(this.#writeContext(open)), options, committed);
  }

  /** Accepts a message at once, in the open transaction of the application's own connection to the file. */
  #acceptWithin(connection: SqliteConnection, record: MessageRecord): port.Accepted {
    this.#opened();
    if (connection.isTransaction === false || connection.inTransaction === false) {
      throw optionError(
        'The connection has no open transaction. Begin one, or leave out the transaction option.',
      );
    }
    let sql = this.#foreign.get(connection);
    if (!sql) {
      sql = new Sql(connection);
      this.#foreign.set(connection, sql);
    }
    try {
      sql.run('SAVEPOINT mb_accept');
      try {
        const log = new EventBatch(this.#eventTypes);
        const finished = this.#finishedRecipients();
        const counts = new RecipientCounts();
        const own = new OwnSites();
        // What it changes shows in the file's data version once it is committed.
        const stats = new StatsCache();
        const accepted = acceptMessage(
          this.#writeContext({ sql, log, finished, counts, own, stats }),
          record,
        );
        counts.write(sql);
        log.write(sql);
        return accepted;
      } catch (error) {
        sql.run('ROLLBACK TO mb_accept');
        throw error;
      } finally {
        sql.run('RELEASE mb_accept');
      }
    } catch (error) {
      throw storeError(error);
    }
  }

  async #command(selector: Selector, name: Command): Promise<number> {
    return this.#windows(checkSelector(selector), (context, ids) => command(context, ids, name));
  }

  /** Applies `work` to all recipients that the selector matches, in bounded transactions. */
  async #windows(
    selector: CheckedSelector,
    work: (context: WriteContext, ids: readonly number[]) => number,
  ): Promise<number> {
    let count = 0;
    for (let after: number | undefined = 0; after !== undefined; ) {
      const start: number = after;
      const done = await this.#write((context) => {
        const { ids, next } = selectWindow(context, selector, start);
        return { changed: work(context, ids), next };
      }, durable);
      count += done.changed;
      after = done.next;
    }
    this.#wake.notify();
    return count;
  }

  /** Polls the data version of the file, which changes when another connection commits. */
  #startPolling(db: DatabaseSync): void {
    const { pollMs = 250 } = this.#options;
    if (pollMs <= 0) return;
    const version = db.prepare('PRAGMA data_version');
    let seen = version.get()?.data_version;
    let failures = 0;
    let timer: NodeJS.Timeout | undefined;
    const later = (delayMs: number) => {
      timer = setTimeout(look, delayMs);
      timer.unref();
    };
    const look = () => {
      try {
        const now = version.get()?.data_version;
        if (now !== seen) this.#wake.notify();
        seen = now;
        this.#sweepLater();
        failures = 0;
      } catch (error) {
        // A disk that failed may work again: poll after longer and longer times.
        failures++;
        this.#errors.report(storeError(error));
      }
      later(Math.min(pollMs * 2 ** failures, Math.max(pollMs, longestPollMs)));
    };
    later(pollMs);
    this.#stopPolling = () => clearTimeout(timer);
  }
}

function closed(): BrokerError {
  return new BrokerError('MB_BROKER_STORE_CLOSED', 'api-misuse', 'The store is not open; call open() first.');
}

/** A connection that writes nothing, even in a folder where SQLite cannot create its shared files. */
function openReadOnly(path: string): DatabaseSync {
  const db = new sqlite.DatabaseSync(path, { timeout: 5000, readOnly: true });
  try {
    db.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get();
    return db;
  } catch (error) {
    db.close();
    // If the log is missing or empty, the file alone has all data.
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
    if (log && log.size > 0) throw error;
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    return new sqlite.DatabaseSync(url, { readOnly: true });
  }
}

/** A batch, written by the statements of one connection. */
function gatheredBy(batch: EventBatch | FinishedRecipients | RecipientCounts, sql: Sql): Gathered {
  return {
    mark: () => batch.mark(),
    reset: (mark) => batch.reset(mark),
    write: () => batch.write(sql),
  };
}

function suppressionCursor(after: string | undefined): readonly [string, string] {
  if (after === undefined) return ['', ''];
  try {
    const [tenant, address] = JSON.parse(after) as unknown[];
    if (typeof tenant === 'string' && typeof address === 'string') return [tenant, address];
  } catch {
    // Falls through to the error below.
  }
  throw unknownCursor();
}
