import { crc32 } from 'node:zlib';
import {
  type Accepted,
  BrokerError,
  type Claim,
  type ClaimedMessage,
  type ClaimRequest,
  type Command,
  checkDelay,
  checkDelays,
  checkIdempotency,
  checkSize,
  defaultMaxMessageBytes,
  defaultRetention,
  defaultSiteLimits,
  detailText,
  type EventCursor,
  type EventPage,
  inlineContentBytes,
  type LeaseId,
  type MessageId,
  type MessageRecord,
  type MessageView,
  messageRecord,
  type NewMessage,
  type NewSuppression,
  type Outcome,
  type Page,
  type PageRequest,
  type PurgeResult,
  pageLimit,
  type QueueStats,
  type QueueStore,
  type RecipientView,
  type ReportedEvent,
  type Retention,
  type Selector,
  type Settled,
  type Settlement,
  type SiteKey,
  type SiteLimits,
  type SiteSettings,
  type StagedContent,
  type StoreOptions,
  type Suppression,
  WakeList,
} from '@mb/broker/store';
import { Pool, type PoolConfig } from 'pg';
import { type ClaimedMessages, type ClaimedRow, claimedMessages } from './claimed-rows.ts';
import { Database, databaseError, type Queryable } from './database.ts';
import { eventsEnd, readEvents } from './event-rows.ts';
import { purge } from './purge.ts';
import { inspectMessage, messageRowId, recipientRowId, selectWindow } from './recipient-rows.ts';
import { checkSchemaName, migrateSchema } from './schema/migrate.ts';
import { queueStats } from './site-rows.ts';
import {
  addSuppressions,
  deleteSuppressions,
  findSuppressions,
  listSuppressions,
} from './suppression-rows.ts';
import { WakeChannel } from './wake-channel.ts';

/** Options of {@link PostgresStore}. */
export interface PostgresStoreOptions extends StoreOptions {
  /** How to connect, in the words of `pg`; default: the environment (`PGHOST`, …), at most 10 connections. */
  readonly connection?: PoolConfig;
  /** The PostgreSQL schema that holds the tables; default `mb`. */
  readonly schema?: string;
  /** False: refuse to open a schema that is older than this code, rather than bring it up to date. Default true. */
  readonly migrate?: boolean;
  /**
   * False: no connection that listens for wake-ups, as behind PgBouncer in transaction mode, which cannot carry it;
   * what other processes accept is then found by polling. Default true.
   */
  readonly listen?: boolean;
  /** How often to look for what no wake-up told of, in milliseconds; default 1,000. */
  readonly pollMs?: number;
  /** Instead of the database's clock, for tests. Workers that share a queue must share it. */
  readonly clock?: { now(): number };
}

const optionNames = [
  'connection',
  'schema',
  'migrate',
  'listen',
  'pollMs',
  'clock',
  'limits',
  'maxMessageBytes',
  'eventTypes',
];

/** Content is stored in pieces of this many octets: one is all that a reader or writer has in memory. */
const chunkBytes = 256 * 1024;
/** Messages that one call of the router takes. */
const routeBatch = 200;
/** Leases that one call of `reap` looks at. */
const reapBatch = 500;

/**
 * A queue in PostgreSQL, shared by workers on any number of machines, and open to the application's transactions.
 *
 * Times are the database's. What `accept` and `settle` resolve to is committed as durably as the server is
 * configured to; what only puts recipients back when it is lost (claims, heartbeats) does not wait for the disk.
 *
 * @example
 * const store = new PostgresStore({ connection: { connectionString: process.env.DATABASE_URL } });
 * const broker = new MailBroker({ hostname: 'mail.example.com', store });
 */
export class PostgresStore implements QueueStore<Queryable> {
  readonly #options: PostgresStoreOptions;
  readonly #schema: string;
  readonly #limits: SiteLimits;
  readonly #maxMessageBytes: number;
  readonly #log: readonly string[] | null;
  readonly #wake = new WakeList();
  #db: Database | undefined;
  #channel: WakeChannel | undefined;
  #poll: NodeJS.Timeout | undefined;
  #routing: Promise<void> | undefined;
  #routeAgain = false;

  /** @throws {BrokerError} MB_BROKER_OPTION */
  constructor(options: PostgresStoreOptions = {}) {
    const unknown = Object.keys(options).find((key) => !optionNames.includes(key));
    if (unknown)
      throw misuse(`PostgresStore has no option "${unknown}". Known options: ${optionNames.join(', ')}.`);
    this.#options = options;
    this.#schema = checkSchemaName(options.schema ?? 'mb');
    this.#limits = { ...defaultSiteLimits, ...options.limits };
    this.#maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes;
    this.#log = options.eventTypes ?? null;
  }

  /**
   * Connects and brings the schema up to date; safe when several start at once.
   * @throws {BrokerError} MB_BROKER_STORE_SCHEMA, MB_BROKER_STORE_FAILED
   */
  async open(): Promise<void> {
    if (this.#db) return;
    const { connection = {}, listen = true, migrate = true, pollMs = 1000 } = this.#options;
    const pool = new Pool({ max: 10, connectionTimeoutMillis: 10_000, keepAlive: true, ...connection });
    // A connection that breaks while idle is replaced by the next query; without a listener it would end the process.
    pool.on('error', () => {});
    const db = new Database(pool);
    try {
      const client = await pool.connect();
      try {
        await migrateSchema(client, this.#schema, migrate);
      } finally {
        client.release();
      }
    } catch (error) {
      await pool.end();
      throw databaseError(error);
    }
    this.#db = db;
    if (listen) await this.#listen(db, connection);
    this.#poll = setInterval(() => this.#woken(), pollMs);
    this.#poll.unref();
  }

  async close(): Promise<void> {
    const db = this.#db;
    if (!db) return;
    clearInterval(this.#poll);
    await this.#channel?.close();
    this.#channel = undefined;
    this.#routeAgain = false;
    await this.#routing;
    this.#db = undefined;
    await db.pool.end();
  }

  async stage(
    chunks: AsyncIterable<Uint8Array>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<StagedContent> {
    let id: string | null = null;
    let n = 0;
    let size = 0;
    for await (const piece of rechunk(chunks, this.#maxMessageBytes)) {
      options.signal?.throwIfAborted();
      id = await this.#stageChunk(id, n++, piece);
      size += piece.byteLength;
    }
    id ??= await this.#stageChunk(null, 0, null);
    await this.#sql(`UPDATE ${this.#schema}.message SET staged = 2, size = $2 WHERE id = $1`, [id, size]);
    return { stagedId: id, size };
  }

  async accept(message: NewMessage, options: { readonly transaction?: Queryable } = {}): Promise<Accepted> {
    const record = messageRecord(message, this.#maxMessageBytes);
    const { transaction } = options;
    // The caller may change its buffer before the driver sends it.
    const { content } = record;
    const kept = content instanceof Uint8Array ? { ...record, content: new Uint8Array(content) } : record;
    try {
      const accepted = await this.#accept(transaction ?? this.#opened(), kept);
      // With the caller's transaction there is nothing to find before it commits; the poll will.
      if (!transaction) this.#spread();
      return accepted;
    } catch (error) {
      throw databaseError(error);
    }
  }

  async claim(request: ClaimRequest): Promise<Claim | null> {
    const claim = await this.#claim(request);
    if (claim) return claim;
    // Perhaps all that is due was just accepted.
    await this.route();
    return this.#claim(request);
  }

  /**
   * Makes what was accepted so far claimable. The store does this by itself, soon after each acceptance that it
   * hears of; call it only where soon is not enough.
   */
  async route(): Promise<void> {
    await this.#routeNow();
  }

  async claimMore(leaseId: LeaseId, max: number): Promise<readonly ClaimedMessage[]> {
    const rows = await this.#call<ClaimedRow>('claim_more_v1', [
      leaseNumber(leaseId),
      max,
      inlineContentBytes,
      this.#limitsJson(),
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
      const refused = await this.#settle(this.#opened(), settlement);
      this.#spread();
      return { refused, bounceIds: [] };
    }
    const staged = await Promise.all(records.map((record) => this.#stageLarge(record)));
    const settled = await this.#opened().transaction(async (client) => {
      const refused = await this.#settle(client, settlement);
      const bounceIds: (MessageId | undefined)[] = [];
      for (const [i, { recipients }] of bounces.entries()) {
        const reported = recipients.filter((id) => !refused.includes(id));
        bounceIds.push(reported.length === 0 ? undefined : await this.#bounce(client, staged[i]!, reported));
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
        this.#limitsJson(),
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

  async nextDueMs(): Promise<number | null> {
    const s = this.#schema;
    const [row] = await this.#sql<{ delay: string | null }>(
      `SELECT least(
          (SELECT ready / 1000 FROM ${s}.site WHERE NOT suspended AND ready < 9007199254740991 ORDER BY ready LIMIT 1),
          (SELECT deadline FROM ${s}.recipient WHERE state = 0 ORDER BY deadline LIMIT 1),
          (SELECT expires FROM ${s}.lease ORDER BY expires LIMIT 1),
          (SELECT 0::bigint FROM ${s}.intake LIMIT 1)
        ) - ${s}.time_v1($1) AS delay`,
      [this.#now()],
    );
    return row!.delay === null ? null : Math.max(0, Number(row!.delay));
  }

  onWake(listener: () => void): () => void {
    return this.#wake.add(listener);
  }

  async *content(messageId: MessageId): AsyncGenerator<Uint8Array> {
    const id = messageRowId(messageId);
    const [message] = await this.#sql<{ size: string }>(
      `SELECT size FROM ${this.#schema}.message WHERE id = $1 AND staged = 0 AND finished IS NULL`,
      [id],
    );
    if (!message) {
      throw new BrokerError(
        'MB_BROKER_NOT_FOUND',
        'api-misuse',
        'There is no content of this message any more.',
      );
    }
    const size = Number(message.size);
    for (let n = 0; n * chunkBytes < size; n++) {
      const [chunk] = await this.#sql<{ crc: string; bytes: Buffer }>(
        `SELECT crc, bytes FROM ${this.#schema}.content WHERE message = $1 AND n = $2`,
        [id, n],
      );
      const expected = Math.min(chunkBytes, size - n * chunkBytes);
      if (chunk?.bytes.byteLength !== expected || crc32(chunk.bytes) !== Number(chunk.crc)) throw corrupt();
      yield chunk.bytes;
    }
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
      this.#limitsJson(),
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
    return this.#windows(selector, async (ids) => {
      const [row] = await this.#call<{ reschedule_v1: number }>('reschedule_v1', [ids, delay, this.#now()]);
      return row!.reschedule_v1;
    });
  }

  async list(selector: Selector, page: PageRequest = {}): Promise<Page<RecipientView>> {
    const limit = pageLimit(page.limit);
    const after = page.after ?? '0';
    if (!/^\d{1,18}$/.test(after)) throw misuse('This cursor was not given by this store.');
    const window = await selectWindow(this.#opened(), this.#schema, selector, after);
    const rows = window.rows.slice(0, limit);
    const next = rows.length < window.rows.length ? rows.at(-1)!.rowId : window.next;
    return { rows: rows.map(({ rowId: _, ...view }) => view), ...(next !== undefined && { next }) };
  }

  inspect(messageId: MessageId): Promise<MessageView | null> {
    return inspectMessage(this.#opened(), this.#schema, messageId);
  }

  stats(): Promise<QueueStats> {
    return queueStats(this.#opened(), this.#schema, this.#limits, this.#now());
  }

  events(cursor?: EventCursor, limit = 500): Promise<EventPage> {
    return readEvents(this.#opened(), this.#schema, cursor, pageLimit(limit));
  }

  eventsEnd(): Promise<EventCursor> {
    return eventsEnd(this.#opened());
  }

  async report(events: readonly ReportedEvent[], suppress: readonly NewSuppression[] = []): Promise<void> {
    await this.#opened().transaction(async (client) => {
      for (const { type, recipientId, detail } of events) {
        await this.#logEvent(client, type, [recipientId], detailText(detail));
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

  purge(retention: Partial<Retention> = {}): Promise<PurgeResult> {
    return purge(this.#opened(), this.#schema, { ...defaultRetention, ...retention }, this.#now());
  }

  #opened(): Database {
    if (this.#db) return this.#db;
    throw new BrokerError(
      'MB_BROKER_STORE_CLOSED',
      'api-misuse',
      'The store is not open; call open() first.',
    );
  }

  /** null: the database's own clock. */
  #now(): number | null {
    return this.#options.clock ? Math.floor(this.#options.clock.now()) : null;
  }

  #limitsJson(): string {
    return JSON.stringify(this.#limits);
  }

  async #sql<Found extends object>(text: string, values: readonly unknown[]): Promise<Found[]> {
    return this.#opened().query<Found & Record<string, unknown>>(text, values);
  }

  #call<Found extends object>(name: string, values: readonly unknown[]): Promise<Found[]> {
    return this.#sql<Found>(callOf(this.#schema, name, values), values);
  }

  async #listen(db: Database, connection: PoolConfig): Promise<void> {
    const channel = `${this.#schema}_wake`;
    this.#channel = new WakeChannel({
      connection,
      channel,
      notify: () => db.query('SELECT pg_notify($1, $2)', [channel, '']),
      onWake: () => this.#woken(),
    });
    await this.#channel.open();
  }

  /** Something changed here: this process knows now, the others soon. */
  #spread(): void {
    this.#channel?.send();
    this.#woken();
  }

  #woken(): void {
    this.#wake.notify();
    this.#routeSoon();
  }

  /** Routes in the background, so that new mail does not wait for a worker to run out of old. */
  #routeSoon(): void {
    this.#routeNow().catch(() => {
      // A database that does not answer is asked again at the next wake-up; claims report the trouble.
    });
  }

  /** Resolves when all that was taken in before the call has its lanes, or another process is at it. */
  #routeNow(): Promise<void> {
    if (!this.#db) return Promise.resolve();
    // The pass that runs may have begun before the latest acceptance.
    this.#routeAgain = true;
    this.#routing ??= this.#route();
    return this.#routing;
  }

  async #route(): Promise<void> {
    try {
      while (this.#routeAgain && this.#db) {
        this.#routeAgain = false;
        const [row] = await this.#sql<{ n: number }>(
          `SELECT CASE WHEN EXISTS (SELECT FROM ${this.#schema}.intake)
             THEN ${this.#schema}.route_v1($1, $2) ELSE 0 END AS n`,
          [routeBatch, this.#now()],
        );
        if (row!.n > 0) this.#wake.notify();
        if (row!.n === routeBatch) this.#routeAgain = true;
      }
    } finally {
      // In the turn of the loop's last look, so that no wish falls in between.
      this.#routing = undefined;
    }
  }

  async #claim(request: ClaimRequest): Promise<Claim | null> {
    const rows = await this.#call<ClaimedRow>('claim_v1', [
      request.worker,
      request.max,
      request.leaseMs,
      inlineContentBytes,
      this.#limitsJson(),
      this.#log,
      this.#now(),
    ]);
    // A claim of which everything was damaged is settled, and the next one tried.
    return rows.length === 0 ? null : ((await this.#claimOf(rows, 'attempt')) ?? this.#claim(request));
  }

  async #claimOf(rows: readonly ClaimedRow[], kind: Claim['kind']): Promise<Claim | null> {
    const [first] = rows;
    if (!first) return null;
    const leaseId = first.claim_lease;
    const { messages } = await this.#sound(leaseId, rows);
    if (messages.length > 0) return { leaseId, kind, site: first.claim_site, messages };
    await this.#settle(this.#opened(), { leaseId, outcomes: [], release: true });
    return null;
  }

  /** The messages that can be read; the others are held. */
  async #sound(leaseId: LeaseId, rows: readonly ClaimedRow[]): Promise<ClaimedMessages> {
    const claimed = claimedMessages(rows, inlineContentBytes);
    if (claimed.damaged.length > 0) {
      const detail = { reason: 'corrupt' };
      const outcomes = claimed.damaged.map((recipientId) => ({ recipientId, kind: 'held' as const, detail }));
      await this.#settle(this.#opened(), { leaseId, outcomes, release: false });
    }
    return claimed;
  }

  /** Returns the recipients whose outcomes were refused. */
  async #settle(db: Queryable | Database, settlement: Settlement): Promise<string[]> {
    const { leaseId, outcomes, release, feedback } = settlement;
    // In the order of their ids, as all lock recipients and messages.
    const known = outcomes
      .flatMap((outcome) => {
        const id = recipientRowId(outcome.recipientId);
        return id === undefined ? [] : [{ id: BigInt(id), outcome }];
      })
      .sort((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));
    const values = [
      leaseNumber(leaseId),
      known.map(({ id }) => String(id)),
      known.map(({ outcome }) => outcome.kind),
      known.map(({ outcome }) => delayOf(outcome)),
      known.map(({ outcome }) => (outcome.kind === 'rerouted' ? outcome.site : null)),
      known.map(({ outcome }) => detailText(outcome.detail)),
      release,
      feedback ? JSON.stringify(feedback) : null,
      this.#limitsJson(),
      this.#log,
      this.#now(),
    ];
    const text = callOf(this.#schema, 'settle_v1', values);
    const rows = db instanceof Database ? await db.query(text, values) : (await db.query(text, values)).rows;
    // One entry a refusal, so that of two outcomes of one recipient the second can be refused alone.
    const refused = new Map<string, number>();
    for (const id of (rows[0] as { settle_v1: string[] }).settle_v1)
      refused.set(id, (refused.get(id) ?? 0) + 1);
    return [...outcomes]
      .reverse()
      .flatMap(({ recipientId }) => {
        const id = recipientRowId(recipientId);
        if (id === undefined) return [recipientId];
        const left = refused.get(id) ?? 0;
        if (left === 0) return [];
        refused.set(id, left - 1);
        return [recipientId];
      })
      .reverse();
  }

  async #bounce(client: Queryable, record: MessageRecord, recipients: readonly string[]): Promise<MessageId> {
    const { messageId } = await this.#accept(client, record);
    await this.#logEvent(client, 'bounced', recipients, JSON.stringify({ bounceMessageId: messageId }));
    return messageId;
  }

  async #logEvent(client: Queryable, type: string, recipients: readonly string[], detail: string | null) {
    if (this.#log && !this.#log.includes(type)) return;
    const s = this.#schema;
    await client.query(
      `INSERT INTO ${s}.event (at, type, message, position, tenant, tag, address, attempt, detail)
       SELECT ${s}.time_v1($4), $1, m.id, r.id & 65535, m.tenant, m.tag, r.address, r.attempts, $3
       FROM unnest($2::bigint[]) WITH ORDINALITY AS u(id, n)
       JOIN ${s}.recipient r ON r.id = u.id JOIN ${s}.message m ON m.id = u.id >> 16 ORDER BY u.n`,
      [type, recipients.flatMap((id) => recipientRowId(id) ?? []), detail, this.#now()],
    );
  }

  /** Content that does not fit into one row is stored ahead, outside of any transaction. */
  async #stageLarge(record: MessageRecord): Promise<MessageRecord> {
    const { content } = record;
    if (!(content instanceof Uint8Array) || content.byteLength <= chunkBytes) return record;
    async function* once() {
      yield content as Uint8Array;
    }
    return { ...record, content: await this.stage(once()) };
  }

  async #accept(db: Queryable | Database, given: MessageRecord): Promise<Accepted> {
    const record = await this.#stageLarge(given);
    const { content, recipients } = record;
    const bytes = content instanceof Uint8Array && content.byteLength > 0 ? content : null;
    const values = [
      content instanceof Uint8Array ? null : messageRowId(content.stagedId),
      record.tenant,
      record.tag,
      record.idempotencyKey,
      record.idempotencyDigest,
      record.sender,
      record.notBefore,
      record.expireAfterMs,
      record.delayNoticeAfterMs,
      record.onUnknown,
      record.envelope,
      record.schedule,
      record.size,
      bytes && crc32(bytes),
      bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      recipients.map(({ address }) => address),
      recipients.map(({ domain }) => domain),
      recipients.map(({ site }) => site),
      recipients.map(({ options }) => options),
      this.#log,
      this.#now(),
    ];
    const text = callOf(this.#schema, 'accept_v1', values);
    const rows = db instanceof Database ? await db.query(text, values) : (await db.query(text, values)).rows;
    const row = rows[0] as { id: string | null; duplicate: boolean; known_digest: string | null };
    if (row.id === null) throw stagedUnknown();
    if (row.duplicate) checkIdempotency(row.known_digest, record.idempotencyDigest);
    return { messageId: row.id, duplicate: row.duplicate };
  }

  async #stageChunk(id: string | null, n: number, bytes: Uint8Array | null): Promise<string> {
    const values = [id, n, bytes && crc32(bytes), bytes && Buffer.from(bytes), this.#now()];
    const [row] = await this.#call<{ stage_v1: string }>('stage_v1', values);
    return row!.stage_v1;
  }

  #command(selector: Selector, name: Command): Promise<number> {
    return this.#windows(selector, async (ids) => {
      const [row] = await this.#call<{ command_v1: number }>('command_v1', [
        ids,
        name,
        this.#log,
        this.#now(),
      ]);
      return row!.command_v1;
    });
  }

  /** Works through all that the selector chooses, a bounded transaction at a time. */
  async #windows(selector: Selector, work: (ids: readonly string[]) => Promise<number>): Promise<number> {
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

function callOf(schema: string, name: string, values: readonly unknown[]): string {
  return `SELECT * FROM ${schema}.${name}(${values.map((_, i) => `$${i + 1}`).join(', ')})`;
}

/** The number of a lease; one that no lease has when the id was not given by this store. */
function leaseNumber(id: LeaseId): string {
  return /^\d{1,18}$/.test(id) ? id : '-1';
}

function delayOf(outcome: Outcome): number | null {
  if (outcome.kind !== 'deferred' && outcome.kind !== 'unattempted') return null;
  return Math.floor(outcome.retryAfterMs);
}

/** Pieces of {@link chunkBytes}, whatever the pieces that come in. */
async function* rechunk(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(chunkBytes);
  let used = 0;
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    checkSize(total, maxBytes);
    for (let at = 0; at < chunk.byteLength; ) {
      const part = chunk.subarray(at, at + chunkBytes - used);
      piece.set(part, used);
      used += part.byteLength;
      at += part.byteLength;
      if (used < chunkBytes) continue;
      yield piece;
      piece = new Uint8Array(chunkBytes);
      used = 0;
    }
  }
  if (used > 0) yield piece.subarray(0, used);
}

function misuse(message: string): BrokerError {
  return new BrokerError('MB_BROKER_OPTION', 'api-misuse', message);
}

function stagedUnknown(): BrokerError {
  return new BrokerError(
    'MB_BROKER_STAGED_UNKNOWN',
    'api-misuse',
    'This staged content was accepted already, or purged. Stage it again.',
  );
}

function corrupt(): BrokerError {
  return new BrokerError(
    'MB_BROKER_MESSAGE_CORRUPT',
    'internal',
    'The stored content of this message is damaged. It was not sent; cancel it and send it anew.',
  );
}
