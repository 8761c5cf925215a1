import {
  type BrokerOptions,
  type Claim,
  type ClaimedMessage,
  type ClaimRequest,
  MailBroker,
  MemoryStore,
  type Outcome,
  readOutcomeDetail,
  type Settled,
  type Settlement,
} from '@mb/broker';
import type { MergedRow } from './merged-message.ts';
import type { RowSender, WriteResult } from './row-sender.ts';

/** A row in progress. */
interface OpenRow {
  readonly row: number;
  readonly address: string;
  messageId?: string;
  /** The worker has asked for its content, so that a host may have got it. */
  started?: true;
  /** Resolves the promise of `expect`. */
  readonly end: () => void;
}

/** Rows per claim. Small, because all rows of a claim are offered together and unknown if the process is killed. */
const CLAIM_ROWS = 4;
const SWEEP_MS = 1000;
const GRACE_MS = 30_000;

/**
 * Delivers rows now, with one attempt each, by a worker of the broker: it reuses connections, gives each destination as
 * many as it accepts, and pauses a destination whose host asks for less.
 */
export class PacedSender implements RowSender {
  readonly #broker: MailBroker;
  readonly #store: RowStore;
  readonly #requireTls: boolean;
  readonly #tenant: string | undefined;
  readonly #sweep: NodeJS.Timeout;

  /** @param write  Awaited before an attempt begins, and for its result. */
  constructor(options: BrokerOptions, paced: PacedOptions) {
    const { concurrency, requireTls, tenant, write, onError, onPause } = paced;
    this.#tenant = tenant;
    this.#store = new RowStore(write, onPause);
    this.#requireTls = requireTls;
    this.#broker = new MailBroker({
      ...options,
      store: this.#store,
      // The results file replaces bounce messages.
      queue: {
        ...options.queue,
        bounces: false,
        suppress: false,
        retention: null,
        onError,
        ...(concurrency !== undefined && { concurrency }),
      },
    });
    this.#broker.start();
    this.#sweep = setInterval(() => this.#store.sweep().catch(onError), SWEEP_MS);
  }

  async send({ row, address, message }: MergedRow): Promise<void> {
    const ended = this.#store.expect(row, address);
    const delivery = { requireTls: this.#requireTls, onUnknown: 'report' } as const;
    try {
      await this.#broker.enqueue(message, { tag: String(row), tenant: this.#tenant, delivery });
    } catch (error) {
      this.#store.drop(row);
      throw error;
    }
    return ended;
  }

  async stop(): Promise<void> {
    this.#store.stopping = true;
    clearInterval(this.#sweep);
    await this.#broker.stop({ graceMs: GRACE_MS });
    await this.#store.giveBack();
  }
}

/** What {@link PacedSender} takes. */
export interface PacedOptions {
  /** Maximum number of concurrent connections. Default: that of the broker. */
  readonly concurrency?: number;
  readonly requireTls: boolean;
  /** The tenant of the mail; domains of the configuration may be for some tenants only. */
  readonly tenant: string | undefined;
  readonly write: WriteResult;
  /** Called with errors that the worker survives. */
  readonly onError: (error: unknown) => void;
  /** Called when a destination has asked for less and is paused until then, in epoch milliseconds. */
  readonly onPause: (site: string, until: number) => void;
}

/** A queue in memory that writes results as the worker claims and settles; every row has one attempt. */
class RowStore extends MemoryStore {
  readonly #write: WriteResult;
  /** By number of the row, which is the tag of its message. */
  readonly #open = new Map<string, OpenRow>();
  /** By the id of the message in this queue, once it is claimed. */
  readonly #claimed = new Map<string, OpenRow>();
  readonly #onPause: PacedOptions['onPause'];
  /** Pauses that were reported, by destination. */
  readonly #reportedPauses = new Map<string, number>();
  stopping = false;

  constructor(write: WriteResult, onPause: PacedOptions['onPause']) {
    super({ eventTypes: [] });
    this.#write = write;
    this.#onPause = onPause;
  }

  /** Resolves when the row has its result. */
  expect(row: number, address: string): Promise<void> {
    return new Promise((end) => this.#open.set(String(row), { row, address, end }));
  }

  drop(row: number): void {
    this.#open.delete(String(row));
  }

  override async claimSites(request: ClaimRequest, most: number): Promise<readonly Claim[]> {
    const claims = await super.claimSites({ ...request, max: Math.min(request.max, CLAIM_ROWS) }, most);
    return claims.map((claim) => ({ ...claim, messages: this.#register(claim.messages) }));
  }

  override async claimMore(leaseId: string, max: number): Promise<readonly ClaimedMessage[]> {
    return this.#register(await super.claimMore(leaseId, Math.min(max, CLAIM_ROWS)));
  }

  /** Writes `started` before the content is read, so that a killed run knows which rows a host may have got. */
  override async *content(messageId: string): AsyncGenerator<Uint8Array> {
    const open = this.#claimed.get(messageId);
    if (open && !open.started) {
      open.started = true;
      const { row, address, messageId: id } = open;
      await this.#write({ row, address, status: 'started', ...(id && { messageId: id }) });
    }
    yield* super.content(messageId);
  }

  override async settle(settlement: Settlement): Promise<Settled> {
    const outcomes = await Promise.all(settlement.outcomes.map((outcome) => this.#finish(outcome)));
    return super.settle({ ...settlement, outcomes });
  }

  /** Reports paused destinations, defers rows whose hosts cannot be reached, and forgets rows that have ended. */
  async sweep(): Promise<void> {
    const { sites } = await this.stats();
    for (const { site, queued, pausedUntil = 0, pauseReason } of sites) {
      if (queued === 0 || pausedUntil <= Date.now()) continue;
      if (pauseReason === 'unreachable') await this.#defer(site);
      else if (this.#reportedPauses.get(site) !== pausedUntil) this.#onPause(site, pausedUntil);
      this.#reportedPauses.set(site, pausedUntil);
    }
    let more = true;
    while (more) ({ more } = await this.purge({ deliveredMs: 0, failedMs: 0, eventsMs: 0, batch: 1000 }));
  }

  /** Ends rows for unreachable hosts as deferred, instead of waiting for the next probe. */
  async #defer(site: string): Promise<void> {
    const { rows } = await this.list({ site, state: 'queued' }, { limit: 1000 });
    for (const { messageId, tag } of rows) {
      const open = this.#open.get(tag ?? '');
      if (!open || (await this.cancel({ messageId })) === 0) continue;
      const reason = `No host of ${site} can be reached now; not attempted.`;
      await this.#end(open, { status: 'deferred', reason });
    }
  }

  /** Marks rows that were started but not attempted as waiting, so that they do not count as unknown. */
  async giveBack(): Promise<void> {
    for (const [id, open] of [...this.#claimed]) {
      const [recipient] = (await this.inspect(id))?.recipients ?? [];
      if (recipient?.state === 'queued' && !recipient.inFlight) await this.#return(open);
    }
  }

  /** Maps message ids to rows, and removes the inline content so that `content` is called for it. */
  #register(messages: readonly ClaimedMessage[]): readonly ClaimedMessage[] {
    return messages.map(({ content: _, ...message }) => {
      const open = this.#open.get(message.tag ?? '');
      if (open) this.#claimed.set(message.messageId, open);
      const { messageId } = (message.envelope ?? {}) as { readonly messageId?: string };
      if (open && messageId) open.messageId = messageId;
      return message;
    });
  }

  /** Writes the result of a row, and ends the row in this queue whatever its outcome. */
  async #finish(outcome: Outcome): Promise<Outcome> {
    const { recipientId, status, detail } = outcome;
    const [id = ''] = recipientId.split('.');
    const open = this.#claimed.get(id);
    // The row will be claimed again.
    if (!open || status === 'rerouted' || status === 'delayed') return outcome;
    if (status === 'unattempted' && !detail) {
      if (this.stopping) await this.#return(open);
      return outcome;
    }
    this.#claimed.delete(id);
    const ended = status === 'delivered' || status === 'failed' || status === 'unknown';
    await this.#end(open, { status: ended ? status : 'deferred', ...resultOf(detail) });
    return ended ? outcome : { recipientId, status: 'failed', ...(detail && { detail }) };
  }

  /** Marks a row as waiting: it was not attempted, and will not be in this run. */
  async #return(open: OpenRow): Promise<void> {
    if (!open.started) return;
    delete open.started;
    await this.#end(open, { status: 'waiting' });
  }

  async #end(open: OpenRow, result: Omit<Parameters<WriteResult>[0], 'row' | 'address'>): Promise<void> {
    const { row, address, messageId, end } = open;
    await this.#write({ row, address, ...(messageId && { messageId }), ...result });
    this.#open.delete(String(row));
    end();
  }
}

/** The part of an outcome that the results file keeps. */
function resultOf(detail: object | undefined) {
  const { host, reply, category, enhanced, reason } = readOutcomeDetail(detail);
  return {
    ...(host && { host }),
    ...(reply && { reply: `${reply.code} ${reply.lines.join(' ')}` }),
    ...(category && { category }),
    ...(enhanced && { enhanced }),
    ...(reason && { reason }),
  };
}
