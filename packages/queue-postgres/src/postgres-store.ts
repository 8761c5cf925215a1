// Long because it has one method for each method of the port; most of them only call another module.

import {
  type Accepted,
  type Alias,
  BrokerError,
  type CheckedSelector,
  type Claim,
  type ClaimedMessage,
  type ClaimRequest,
  type Command,
  checkDelay,
  checkDelays,
  checkListSelector,
  checkMessageFilter,
  checkSelector,
  defaultMaxMessageBytes,
  detailText,
  ErrorListeners,
  type EventCursor,
  type EventPage,
  inlineContentBytes,
  type LeaseId,
  type ListSelector,
  type MessageFilter,
  type MessageId,
  type MessageRecord,
  type MessageSummary,
  type MessageView,
  messageRecord,
  type NewMessage,
  type NewSuppression,
  type Page,
  type PageRequest,
  type PurgeResult,
  pageLimit,
  type QueueEvent,
  type QueueStats,
  type QueueStore,
  type RecipientCount,
  type RecipientView,
  type ReportedEvent,
  type RetentionOptions,
  type RoutedRecipient,
  resolveRetention,
  resolveSiteLimits,
  type Selector,
  type Settled,
  type Settlement,
  type SiteKey,
  type SiteLimits,
  type SiteSettings,
  type SiteSpeed,
  type SiteView,
  type StagedContent,
  type StoreOptions,
  type Suppression,
  storeOptions,
  unknownCursor,
  WakeList,
} from '@mb/broker/store';
import { Client, type ClientBase, Pool, type PoolConfig, types } from 'pg';
import { acceptBounce, acceptMessage, logRecipients } from './accept-rows.ts';
import { ClaimGroup, mostClaims } from './claim-group.ts';
import { type ClaimedMessages, type ClaimedRow, claimedMessages, learnedOf } from './claimed-rows.ts';
import { chunkBytes, discardContent, readContent, stageContent } from './content-rows.ts';
import { Database, databaseError, type Queryable } from './database.ts';
import { DeliveredGroup } from './delivered-group.ts';
import { eventsEnd, readEvents, readMessageEvents } from './event-rows.ts';
import { listMessages } from './message-list.ts';
import { flag, integer, matching, type OptionTable, readOptions, text, withMethods } from './option-table.ts';
import { purge } from './purge.ts';
import {
  countWindow,
  inspectMessage,
  recipientRowId,
  selectWindow,
  type UnroutedRow,
  unroutedRecipient,
} from './recipient-rows.ts';
import { PostgresRecords } from './record-rows.ts';
import { Router } from './router.ts';
import { ScanFloor } from './scan-floor.ts';
import { checkSchemaName, migrateSchema } from './schema/migrate.ts';
import { leaseNumber, settle } from './settle-rows.ts';
import { queueStats, siteStats } from './site-rows.ts';
import { callFunction, type StoreContext } from './statement.ts';
import {
  addSuppressions,
  deleteSuppressions,
  findSuppressions,
  listSuppressions,
} from './suppression-rows.ts';
import { TallySum } from './tally-sum.ts';
import { WakeChannel } from './wake-channel.ts';

/** Options of {@link PostgresStore}. */
export interface PostgresStoreOptions extends StoreOptions {
  /**
   * Options of `pg`'s pool. Default: the environment (`PGHOST`, …), at most 10 connections, and `query_timeout` 30,000
   * ms: after that time without an answer the server is asked again on another connection.
   */
  readonly connection?: PoolConfig | undefined;
  /** The PostgreSQL schema that holds the tables; default `mb`. */
  readonly schema?: string | undefined;
  /** False: refuse to open a schema that is older than this code, instead of migrating it. Default true. */
  readonly migrate?: boolean | undefined;
  /**
   * False: no connection that listens for wake-ups, because PgBouncer in transaction mode does not support it; messages
   * that other processes accept are then found by polling. Default true.
   */
  readonly listen?: boolean | undefined;
  /** How often to look for work that no notification announced, in milliseconds; 0: never. Default 1,000. */
  readonly pollMs?: number | undefined;
  /** A clock instead of the database's, for tests. Workers that share a queue must share it. */
  readonly clock?: { now(): number } | undefined;
}

/** What `PostgresStoreOptions` accepts. */
export const postgresStoreOptions: OptionTable<PostgresStoreOptions> = {
  ...storeOptions,
  connection: matching<PoolConfig>(
    'an object as `pg` takes it',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ),
  schema: text(),
  migrate: flag(),
  listen: flag(),
  pollMs: integer(0, 86_400_000, { unit: 'ms' }),
  clock: withMethods<{ now(): number }>('now'),
};

/** The OID of bigint, which is read as text even if the application has set another parser in the driver. */
const bigintOid = 20;
const rowTypes: NonNullable<PoolConfig['types']> = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === bigintOid ? String : types.getTypeParser(oid, format),
};

/** Statements with a limit do far less than their costs say, and would be compiled each time, for 100 ms and more. */
async function compileNothing(client: ClientBase): Promise<void> {
  // A server that has no compiler need not know the setting.
  await client.query('SET jit = off').catch(() => {});
}

/** `nextDueMs` looks no further ahead. */
const horizonMs = 60_000;
/** Number of leases that one call of `reap` reads. */
const reapBatch = 500;

/**
 * A queue in PostgreSQL, shared by workers on any number of machines, and open to the application's transactions.
 *
 * All times are the database's. When `accept` or `settle` resolves, its change is as durable as the server is
 * configured to make it. Changes whose loss only returns recipients to the queue (claims, heartbeats) do not wait for
 * the disk.
 *
 * @example
 * const store = new PostgresStore({ connection: { connectionString: process.env.DATABASE_URL } });
 * const broker = new MailBroker({ hostname: 'mail.example.com', store });
 */
export class PostgresStore implements QueueStore<Queryable> {
  readonly #options: PostgresStoreOptions;
  readonly #schema: string;
  readonly #limits: SiteLimits;
  readonly #limitsJson: string;
  readonly #maxMessageBytes: number;
  readonly #keepContentMs: number;
  readonly #log: readonly string[] | null;
  readonly #wake = new WakeList();
  readonly #errors = new ErrorListeners();
  #db: Database | undefined;
  #channel: WakeChannel | undefined;
  #poll: NodeJS.Timeout | undefined;
  #foundSchema: number | undefined;
  #router: Router | undefined;
  #tally: TallySum | undefined;
  #claims: ClaimGroup | undefined;
  #delivered: DeliveredGroup | undefined;
  readonly #siteFloor = new ScanFloor();
  readonly records: PostgresRecords;

  /** @throws {BrokerError} MB_BROKER_OPTION */
  constructor(given: PostgresStoreOptions = {}) {
    const options: PostgresStoreOptions = readOptions(given, postgresStoreOptions, 'PostgresStore: options');
    this.#options = options;
    this.#schema = checkSchemaName(options.schema ?? 'mb');
    this.#limits = resolveSiteLimits(options.limits);
    this.#limitsJson = JSON.stringify(this.#limits);
    this.#maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes;
    this.#keepContentMs = options.keepContentMs ?? 0;
    this.#log = options.eventTypes ?? null;
    this.records = new PostgresRecords({
      schema: this.#schema,
      database: () => this.#opened(),
      now: () => this.#now(),
      changed: () => this.#spread(),
    });
  }

  get maxMessageBytes(): number {
    return this.#maxMessageBytes;
  }

  /**
   * Connects and migrates the schema; safe when several processes start at once.
   * @throws {BrokerError} MB_BROKER_STORE_SCHEMA, MB_BROKER_STORE_FAILED
   */
  async open(): Promise<void> {
    if (this.#db) return;
    const { connection = {}, listen = true, migrate = true, pollMs = 1000 } = this.#options;
    const reach = { connectionTimeoutMillis: 10_000, keepAlive: true };
    const pool = new Pool({
      max: 10,
      query_timeout: 30_000,
      ...reach,
      ...(listen && { onConnect: compileNothing }),
      ...connection,
      types: rowTypes,
    });
    // An idle connection that breaks is replaced at the next query. Without a listener the error would end the process.
    pool.on('error', (error) => this.#errors.report(databaseError(error)));
    // Without `listen` there may be PgBouncer, which gives each transaction another session of the server.
    const db = new Database(pool, listen);
    try {
      // Without a timeout: a migration may take long, and waits for that of another process.
      const client = new Client({ ...reach, ...connection, query_timeout: 0 });
      client.on('error', () => {});
      try {
        await client.connect();
        this.#foundSchema = await migrateSchema(client, this.#schema, migrate);
      } finally {
        await client.end();
      }
    } catch (error) {
      await pool.end();
      throw databaseError(error);
    }
    this.#db = db;
    this.#router = new Router(
      db,
      this.#schema,
      () => this.#now(),
      () => this.#wake.notify(),
      (error) => this.#errors.report(error),
    );
    this.#tally = new TallySum(db, this.#schema, (error) => this.#errors.report(error));
    this.#claims = new ClaimGroup(db, () => this.#context(), this.#siteFloor);
    this.#delivered = new DeliveredGroup(db, () => this.#context());
    if (listen) await this.#listen(db, connection);
    if (pollMs === 0) return;
    this.#poll = setInterval(() => this.#woken(), pollMs);
    this.#poll.unref();
  }

  /** The version of the schema that `open()` found, before it migrated it; 0 when there was none. */
  get foundSchema(): number | undefined {
    return this.#foundSchema;
  }

  async close(): Promise<void> {
    const db = this.#db;
    if (!db) return;
    clearInterval(this.#poll);
    await this.#channel?.close();
    this.#channel = undefined;
    await this.#router?.close();
    this.#router = undefined;
    await this.#tally?.close();
    this.#tally = undefined;
    this.#db = undefined;
    await db.pool.end();
    this.#wake.notify();
  }

  /** As {@link PostgresStore.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async stage(
    chunks: AsyncIterable<Uint8Array>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<StagedContent> {
    return stageContent(
      this.#opened(),
      this.#schema,
      chunks,
      this.#maxMessageBytes,
      this.#now(),
      options.signal,
    );
  }

  discard({ stagedId }: StagedContent): Promise<void> {
    return discardContent(this.#opened(), this.#schema, stagedId);
  }

  async accept(message: NewMessage, options: { readonly transaction?: Queryable } = {}): Promise<Accepted> {
    const record = messageRecord(message, this.#maxMessageBytes);
    const { transaction } = options;
    // The caller may change its buffer before the driver sends it.
    const { content } = record;
    const kept = content instanceof Uint8Array ? { ...record, content: new Uint8Array(content) } : record;
    let staged: MessageRecord | undefined;
    try {
      staged = await this.#stageLarge(kept);
      const accepted = await acceptMessage(transaction ?? this.#opened(), this.#context(), staged);
      if (accepted.duplicate) await this.#discardStaged([staged], [kept]);
      // With the caller's transaction there is nothing to find before it commits; then the poll finds it.
      if (!transaction) this.#spread();
      return accepted;
    } catch (error) {
      if (staged) await this.#discardStaged([staged], [kept]);
      throw databaseError(error);
    }
  }

  async unrouted(request: { readonly max: number; readonly holdMs: number }) {
    const found = this.#router?.found;
    const rows = await this.#unrouted(request);
    if (rows.length > 0) return rows;
    // Messages that were just accepted may not have their lanes yet.
    await this.#router?.runAgain();
    return this.#router?.found === found ? [] : this.#unrouted(request);
  }

  async #unrouted({ max, holdMs }: { readonly max: number; readonly holdMs: number }) {
    const rows = await this.#call<UnroutedRow>('unrouted_v1', [max, Math.ceil(holdMs), this.#now()]);
    return rows.map(unroutedRecipient);
  }

  async assignSites(recipients: readonly RoutedRecipient[], aliases: readonly Alias[] = []): Promise<void> {
    const rows = recipients.flatMap(({ recipientId, site }) => {
      const id = recipientRowId(recipientId);
      return id === undefined ? [] : [{ id, site }];
    });
    await this.#call('assign_sites_v1', [
      rows.map(({ id }) => id),
      rows.map(({ site }) => site),
      aliases.map(({ domain }) => domain),
      aliases.map(({ site }) => site),
      aliases.map(({ ttlMs }) => Math.floor(ttlMs)),
      this.#now(),
    ]);
    this.#channel?.send();
    this.#wake.notify();
  }

  async claim(request: ClaimRequest): Promise<Claim | null> {
    const [claim] = await this.claimSites(request, 1);
    return claim ?? null;
  }

  async claimSites(request: ClaimRequest, most: number): Promise<readonly Claim[]> {
    const found = this.#router?.found;
    const claims = await this.#claimSites(request, most);
    if (claims.length > 0) return claims;
    // Messages that were just accepted may not have their lanes yet.
    await this.#router?.runAgain();
    return this.#router?.found === found ? [] : this.#claimSites(request, most);
  }

  /** Claims made at the same time share a transaction. */
  async #claimSites(request: ClaimRequest, most: number): Promise<Claim[]> {
    const claims: Claim[] = [];
    for (let asked = 0; claims.length === asked && asked < most; ) {
      const group = Math.min(mostClaims, most - asked);
      const made = await Promise.all(Array.from({ length: group }, () => this.#claim(request)));
      claims.push(...made.filter((claim) => claim !== null));
      asked += group;
    }
    return claims;
  }

  /**
   * Makes all messages that were accepted so far claimable. The store does this soon after each acceptance; call it
   * only when that is not soon enough.
   */
  async route(): Promise<void> {
    await this.#router?.run();
  }

  async claimMore(leaseId: LeaseId, max: number): Promise<readonly ClaimedMessage[]> {
    const rows = await this.#call<ClaimedRow>('claim_more_v1', [
      leaseNumber(leaseId),
      max,
      inlineContentBytes,
      this.#limitsJson,
      this.#log,
      this.#now(),
    ]);
    return (await this.#sound(leaseId, rows)).messages;
  }

  async claimOverdue(request: ClaimRequest): Promise<Claim | null> {
    await this.route();
    const rows = await this.#call<ClaimedRow>('claim_overdue_v1', [
      request.worker,
      request.max,
      request.leaseMs,
      inlineContentBytes,
      this.#now(),
    ]);
    return this.#claimOf(rows, 'overdue');
  }

  async settle(settlement: Settlement): Promise<Settled> {
    const { bounces = [], suppress = [] } = settlement;
    checkDelays(settlement.outcomes);
    const records = bounces.map(({ message }) => messageRecord(message, this.#maxMessageBytes));
    if (bounces.length === 0 && suppress.length === 0) {
      const db = this.#opened();
      const refused = await (this.#delivered?.settle(settlement) ?? settle(db, this.#context(), settlement));
      // Another worker may be able to claim more now; there is nothing new to route.
      this.#channel?.send();
      this.#wake.notify();
      return { refused, bounceIds: [] };
    }
    const staged: MessageRecord[] = [];
    try {
      for (const record of records) staged.push(await this.#stageLarge(record));
      return await this.#settleWithReports(settlement, staged);
    } catch (error) {
      await this.#discardStaged(staged, records);
      throw error;
    }
  }

  async #settleWithReports(settlement: Settlement, staged: readonly MessageRecord[]): Promise<Settled> {
    const { bounces = [], suppress = [] } = settlement;
    const settled = await this.#opened().transaction(async (client) => {
      const refused = await settle(client, this.#context(), settlement);
      const bounceIds: (MessageId | undefined)[] = [];
      for (const [i, { recipients }] of bounces.entries()) {
        const reported = recipients.filter((id) => !refused.includes(id));
        bounceIds.push(
          reported.length === 0
            ? undefined
            : await acceptBounce(client, this.#context(), staged[i]!, reported),
        );
      }
      await addSuppressions(client, this.#schema, suppress, this.#now());
      return { refused, bounceIds };
    });
    this.#spread();
    return settled;
  }

  async heartbeat(leaseIds: readonly LeaseId[], leaseMs: number): Promise<readonly LeaseId[]> {
    const rows = await this.#call<{ heartbeat_v1: string }>('heartbeat_v1', [
      leaseIds.map(leaseNumber),
      leaseMs,
      this.#now(),
    ]);
    const held = new Set(rows.map((row) => row.heartbeat_v1));
    return leaseIds.filter((id) => held.has(id));
  }

  async reap(): Promise<number> {
    const [row] = await this.#sql<{ site: boolean | null; overdue: boolean | null }>(
      `SELECT bool_or(site IS NOT NULL) AS site, bool_or(site IS NULL) AS overdue
       FROM ${this.#schema}.lease WHERE expires <= ${this.#schema}.time_v1($1)`,
      [this.#now()],
    );
    let count = 0;
    if (row?.site) {
      const [reaped] = await this.#call<{ reap_v1: number }>('reap_v1', [
        reapBatch,
        this.#limitsJson,
        this.#log,
        this.#now(),
      ]);
      count += reaped!.reap_v1;
    }
    if (row?.overdue) {
      const [reaped] = await this.#call<{ reap_overdue_v1: number }>('reap_overdue_v1', [
        this.#log,
        this.#now(),
      ]);
      count += reaped!.reap_overdue_v1;
    }
    if (count > 0) this.#spread();
    return count;
  }

  async nextDueMs(slowest: SiteSpeed = 'slow'): Promise<number | null> {
    const s = this.#schema;
    const condition = { fast: ' AND speed = 0', new: ' AND speed < 2', slow: '' }[slowest];
    const [row] = await this.#sql<{ delay: string | null }>(
      `SELECT least(
          (SELECT ready / 1000 FROM ${s}.site
           WHERE NOT suspended${condition} AND ready >= $2 AND ready < 9007199254740991 ORDER BY ready LIMIT 1),
          (SELECT deadline FROM ${s}.recipient
           WHERE state = 0 AND deadline >= 0 AND deadline <= ${s}.time_v1($1) + $3
           ORDER BY deadline LIMIT 1),
          (SELECT expires FROM ${s}.lease WHERE expires >= ${s}.time_v1($1) - $3 ORDER BY expires LIMIT 1),
          (SELECT ready / 1000 FROM ${s}.lane
           WHERE site = '' AND ready < 9007199254740991 ORDER BY ready LIMIT 1),
          (SELECT 0::bigint FROM ${s}.intake WHERE message >= $4 LIMIT 1)
        ) - ${s}.time_v1($1) AS delay`,
      [this.#now(), this.#siteFloor.value, horizonMs, this.#router?.seenFrom ?? 0],
    );
    return row!.delay === null ? null : Math.max(0, Number(row!.delay));
  }

  onWake(listener: () => void): () => void {
    return this.#wake.add(listener);
  }

  onBackgroundError(listener: (error: unknown) => void): () => void {
    return this.#errors.add(listener);
  }

  async *content(messageId: MessageId): AsyncGenerator<Uint8Array> {
    yield* readContent(this.#opened(), this.#schema, messageId, this.#keepContentMs > 0);
  }

  async alias(domain: string, site: SiteKey, ttlMs: number): Promise<void> {
    await this.#sql(
      `INSERT INTO ${this.#schema}.alias (domain, site, expires) VALUES ($1, $2, ${this.#schema}.time_v1($4) + $3)
       ON CONFLICT (domain) DO UPDATE SET site = excluded.site, expires = excluded.expires`,
      [domain, site, Math.floor(ttlMs), this.#now()],
    );
  }

  async setSite(site: SiteKey, settings: SiteSettings): Promise<void> {
    const { suspended = null, note = null, pauseMs = null, limits } = settings;
    await this.#call('set_site_v1', [
      site,
      suspended,
      note,
      limits !== undefined,
      limits ? JSON.stringify(limits) : null,
      pauseMs === null ? null : Math.ceil(pauseMs),
      this.#limitsJson,
      this.#now(),
    ]);
    this.#spread();
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
    return this.#windows(checkSelector(selector), async (ids) => {
      const [row] = await this.#call<{ reschedule_v1: number }>('reschedule_v1', [ids, delay, this.#now()]);
      return row!.reschedule_v1;
    });
  }

  async list(selector: ListSelector, page: PageRequest = {}): Promise<Page<RecipientView>> {
    const checked = checkListSelector(selector);
    const limit = pageLimit(page.limit);
    const after = page.after ?? '0';
    if (!/^\d{1,18}$/.test(after)) throw unknownCursor();
    const window = await selectWindow(this.#opened(), this.#schema, checked, after);
    const rows = window.rows.slice(0, limit);
    const next = rows.length < window.rows.length ? rows.at(-1)!.rowId : window.next;
    return { rows: rows.map(({ rowId: _, ...view }) => view), ...(next !== undefined && { next }) };
  }

  async count(selector: ListSelector, after = '0'): Promise<RecipientCount> {
    const checked = checkListSelector(selector);
    if (!/^\d{1,18}$/.test(after)) throw unknownCursor();
    return countWindow(this.#opened(), this.#schema, checked, after);
  }

  async listMessages(filter: MessageFilter = {}, page: PageRequest = {}): Promise<Page<MessageSummary>> {
    const checked = checkMessageFilter(filter);
    const limit = pageLimit(page.limit);
    if (page.after !== undefined && !/^\d{1,18}$/.test(page.after)) throw unknownCursor();
    return listMessages(this.#opened(), this.#schema, checked, page.after, limit);
  }

  inspect(messageId: MessageId): Promise<MessageView | null> {
    return inspectMessage(this.#opened(), this.#schema, messageId, this.#keepContentMs > 0);
  }

  stats(): Promise<QueueStats> {
    return queueStats(this.#opened(), this.#schema, this.#limits, this.#now());
  }

  inspectSite(site: SiteKey): Promise<SiteView | null> {
    return siteStats(this.#opened(), this.#schema, site, this.#limits, this.#now());
  }

  events(cursor?: EventCursor, limit = 500): Promise<EventPage> {
    return readEvents(this.#opened(), this.#schema, cursor, pageLimit(limit));
  }

  async messageEvents(messageId: MessageId, page: PageRequest = {}): Promise<Page<QueueEvent>> {
    return readMessageEvents(this.#opened(), this.#schema, messageId, page.after, pageLimit(page.limit));
  }

  eventsEnd(): Promise<EventCursor> {
    return eventsEnd(this.#opened());
  }

  async report(events: readonly ReportedEvent[], suppress: readonly NewSuppression[] = []): Promise<void> {
    await this.#opened().transaction(async (client) => {
      for (const { type, recipientId, detail } of events) {
        await logRecipients(client, this.#context(), type, [recipientId], detailText(detail));
      }
      await addSuppressions(client, this.#schema, suppress, this.#now());
    });
    this.#spread();
  }

  async suppress(entries: readonly NewSuppression[]): Promise<void> {
    await this.#opened().transaction((client) => addSuppressions(client, this.#schema, entries, this.#now()));
  }

  suppressed(addresses: readonly string[], tenant = ''): Promise<readonly Suppression[]> {
    return findSuppressions(this.#opened(), this.#schema, addresses, tenant);
  }

  unsuppress(addresses: readonly string[], tenant = ''): Promise<number> {
    return deleteSuppressions(this.#opened(), this.#schema, addresses, tenant);
  }

  listSuppressed(page: PageRequest & { readonly tenant?: string } = {}): Promise<Page<Suppression>> {
    return listSuppressions(this.#opened(), this.#schema, page.tenant, page.after, pageLimit(page.limit));
  }

  async purge(retention?: RetentionOptions): Promise<PurgeResult> {
    const keep = resolveRetention(retention);
    return purge(this.#opened(), this.#schema, keep, this.#keepContentMs, this.#now());
  }

  #opened(): Database {
    if (this.#db) return this.#db;
    throw new BrokerError(
      'MB_BROKER_STORE_CLOSED',
      'api-misuse',
      'The store is not open; call open() first.',
    );
  }

  /** Epoch milliseconds; null for the database's clock. */
  #now(): number | null {
    return this.#options.clock ? Math.floor(this.#options.clock.now()) : null;
  }

  /** What all statements need. */
  #context(): StoreContext {
    return { schema: this.#schema, limits: this.#limitsJson, log: this.#log, now: this.#now() };
  }

  async #sql<Found extends object>(text: string, values: readonly unknown[]): Promise<Found[]> {
    return this.#opened().query<Found & Record<string, unknown>>(text, values);
  }

  #call<Found extends object>(name: string, values: readonly unknown[]): Promise<Found[]> {
    return callFunction<Found>(this.#opened(), this.#schema, name, values);
  }

  async #listen(db: Database, connection: PoolConfig): Promise<void> {
    const channel = `${this.#schema}_wake`;
    this.#channel = new WakeChannel({
      connection,
      channel,
      notify: () => db.query('SELECT pg_notify($1, $2)', [channel, '']),
      onWake: () => this.#woken(),
      onError: (error) => this.#errors.report(databaseError(error)),
    });
    await this.#channel.open();
  }

  /** Wakes this process now, and the others soon. */
  #spread(): void {
    this.#channel?.send();
    this.#woken();
  }

  #woken(): void {
    this.#wake.notify();
    this.#router?.runSoon();
    this.#tally?.runSoon();
  }

  async #claim(request: ClaimRequest): Promise<Claim | null> {
    this.#opened();
    const rows = await this.#claims!.claim(request);
    // If all messages of a claim are damaged, it is settled and the next one is tried.
    return rows.length === 0 ? null : ((await this.#claimOf(rows, 'attempt')) ?? this.#claim(request));
  }

  async #claimOf(rows: readonly ClaimedRow[], kind: Claim['kind']): Promise<Claim | null> {
    const [first] = rows;
    if (!first) return null;
    const leaseId = first.claim_lease;
    const { messages } = await this.#sound(leaseId, rows);
    if (messages.length > 0) {
      const { claim_site: site, claim_learned: hosts, claim_speed: speed } = first;
      const learned = hosts === null ? undefined : learnedOf(speed, hosts);
      return { leaseId, kind, site, messages, ...(learned && { learned }) };
    }
    await settle(this.#opened(), this.#context(), { leaseId, outcomes: [], release: true });
    return null;
  }

  /** Returns the messages that can be read, and holds the others. */
  async #sound(leaseId: LeaseId, rows: readonly ClaimedRow[]): Promise<ClaimedMessages> {
    const claimed = claimedMessages(rows, inlineContentBytes);
    if (claimed.damaged.length > 0) {
      const detail = { reason: 'corrupt' };
      const outcomes = claimed.damaged.map((recipientId) => ({
        recipientId,
        status: 'held' as const,
        detail,
      }));
      await settle(this.#opened(), this.#context(), { leaseId, outcomes, release: false });
    }
    return claimed;
  }

  /** Stages content that does not fit in one row, outside of any transaction. */
  async #stageLarge(record: MessageRecord): Promise<MessageRecord> {
    const { content } = record;
    if (!(content instanceof Uint8Array) || content.byteLength <= chunkBytes) return record;
    async function* once() {
      yield content as Uint8Array;
    }
    return { ...record, content: await this.stage(once()) };
  }

  /** Deletes content that `#stageLarge` has staged for messages that were not accepted. */
  async #discardStaged(staged: readonly MessageRecord[], given: readonly MessageRecord[]): Promise<void> {
    for (const [i, { content }] of staged.entries()) {
      if (content instanceof Uint8Array || content === given[i]?.content) continue;
      // Content that cannot be deleted now is purged later.
      await this.discard(content).catch(() => {});
    }
  }

  async #command(selector: Selector, name: Command): Promise<number> {
    return this.#windows(checkSelector(selector), async (ids) => {
      const [row] = await this.#call<{ command_v1: number }>('command_v1', [
        ids,
        name,
        this.#log,
        this.#now(),
      ]);
      // Each recipient that changed has added two rows.
      if (row!.command_v1 > 0) await this.#tally?.run();
      return row!.command_v1;
    });
  }

  /** Applies `work` to all recipients that the selector matches, in bounded transactions. */
  async #windows(
    selector: CheckedSelector,
    work: (ids: readonly string[]) => Promise<number>,
  ): Promise<number> {
    await this.route();
    let count = 0;
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const window: Awaited<ReturnType<typeof selectWindow>> = await selectWindow(
        this.#opened(),
        this.#schema,
        selector,
        after,
      );
      if (window.rows.length > 0) count += await work(window.rows.map(({ rowId }) => rowId));
      after = window.next;
    }
    this.#spread();
    return count;
  }
}
