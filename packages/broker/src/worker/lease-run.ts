// Long because all that can happen to a claim changes one state.

import { profiledMessage } from '../message/profiled-message.ts';
import type { ProfiledMessage } from '../sending-profile.ts';
import { defaultSchedule, type RetrySchedule, retryDelayMs, type ScheduleOptions } from '../store/backoff.ts';
import type { Learned, SiteSpeed } from '../store/learned.ts';
import type { SiteFeedback } from '../store/pacing.ts';
import type {
  Bounce,
  Claim,
  ClaimedMessage,
  ClaimedRecipient,
  LeaseId,
  Outcome,
  QueueStore,
  RecipientId,
  Settlement,
  SiteKey,
} from '../store/port.ts';
import type { NewSuppression } from '../store/suppression.ts';
import { readLastAttempt } from './last-attempt.ts';

/**
 * An {@link Outcome} as an attempt reports it; the worker adds when the recipient is due again.
 *
 * - `unknown`: the message's `onUnknown` policy decides.
 * - `deferred`: due again by the schedule; `serverDelayMs` is the delay that the host named.
 * - `unattempted`: uses up no attempt. The cause is a limit of our own, the resolver, the disk, a shutdown, or a site
 *   that could not be reached. `retryAfterMs` defaults to 0 when `feedback` paces the site or the worker stops, else to
 *   the first delay of the schedule, at most a minute.
 */
export type AttemptOutcome =
  | Extract<Outcome, { readonly status: 'delivered' | 'failed' | 'held' | 'unknown' }>
  | (Omit<Extract<Outcome, { readonly status: 'deferred' }>, 'retryAfterMs'> & {
      readonly serverDelayMs?: number;
    })
  | (Omit<Extract<Outcome, { readonly status: 'unattempted' }>, 'retryAfterMs'> & {
      readonly retryAfterMs?: number;
    });

/** What an attempt reports at its end. Recipients of the claim that no report named count as unattempted. */
export interface AttemptReport {
  readonly outcomes: readonly AttemptOutcome[];
  readonly feedback?: SiteFeedback;
  /** Facts about hosts of the site that changed, by host name. */
  readonly hosts?: Learned['hosts'];
}

/** What an attempt may use while it runs. */
export interface AttemptContext {
  /** Aborted when the attempt must end at once. */
  readonly signal: AbortSignal;
  /** Aborted when no new transaction may begin: the worker stops, or the lease is lost. */
  readonly stopping: AbortSignal;
  /** Writes the outcomes that are known so far; once it resolves, a crash does not repeat those attempts. */
  settle(report: AttemptReport): Promise<void>;
  /** Claims more recipients of the same site, for the same connection; empty when there are none. */
  more(max: number): Promise<readonly ClaimedMessage[]>;
}

/** Tries to deliver to the recipients of a claim. It should not throw: an error defers all that it has not reported. */
export type Attempt = (claim: Claim, context: AttemptContext) => Promise<AttemptReport>;

/** What follows from final outcomes, written in the same transaction. */
export interface FollowUp {
  readonly bounces?: readonly Bounce[];
  readonly suppress?: readonly NewSuppression[];
}

/**
 * Decides what follows when recipients of a message failed, expired or are delayed, or were delivered by a host that
 * sends no reports of its own.
 */
export type OnFinalOutcomes = (message: ClaimedMessage, outcomes: readonly Outcome[]) => Promise<FollowUp>;

/** Finds the site of a domain for a message; undefined when it cannot be determined now. */
export type SiteOf = (
  domain: string,
  message: ProfiledMessage,
  signal: AbortSignal,
) => Promise<FoundSite | undefined>;

/** The site of a domain. */
export interface FoundSite {
  readonly site: SiteKey;
  /** How long the site may be used without another lookup, in milliseconds. */
  readonly ttlMs: number;
  /** True when the site is the same for the messages of all senders. */
  readonly forAll: boolean;
}

/** What a run needs of its worker. */
export interface LeaseRunOptions {
  readonly store: Pick<QueueStore, 'alias'>;
  readonly attempt: Attempt;
  /** The worker's time when the claim was made. */
  readonly claimedAt: number;
  readonly random: () => number;
  readonly onFinalOutcomes?: OnFinalOutcomes | undefined;
  readonly siteOf?: SiteOf | undefined;
  readonly schedule?: ScheduleOptions | undefined;
  settle(settlement: Settlement): Promise<void>;
  more(max: number): Promise<readonly ClaimedMessage[]>;
  report(error: unknown): void;
  /** The worker's time. */
  now(): number;
  /** Called when the site turns out to be faster or slower than assumed. */
  onSpeed?(before: SiteSpeed, after: SiteSpeed): void;
  /** Called when the attempt has ended and only its outcomes remain to be written. */
  onAttempted?(): void;
}

/** A run that makes no progress for this long is slow. */
const slowAfterMs = 10_000;

/** Maximum delay after trouble of our own; the first delay of the schedule is used if it is shorter. */
const localTroubleMs = 60_000;

/** Outcomes that a report to the sender may follow. */
const reportedStatuses: readonly Outcome['status'][] = ['failed', 'expired', 'delayed'];

function mayBeReported({ status, detail }: Outcome): boolean {
  return (
    reportedStatuses.includes(status) ||
    (status === 'delivered' && detail !== undefined && 'ownReport' in detail)
  );
}

interface Held {
  readonly message: ClaimedMessage;
  readonly recipient: ClaimedRecipient;
}

/** One claim, from the answer of the store to the release of the lease. */
export class LeaseRun {
  readonly leaseId: LeaseId;
  /** When the store last confirmed the lease; milliseconds on the worker's clock. */
  confirmedAt: number;
  readonly #claim: Claim;
  readonly #options: LeaseRunOptions;
  readonly #stopping = new AbortController();
  readonly #abort = new AbortController();
  /** Recipients whose outcome is not settled yet. */
  readonly #open = new Map<RecipientId, Held>();
  #abandoned = false;
  #attempted = false;
  #speed: SiteSpeed;
  /** When the latest outcome was reported, or the run began. */
  #progressedAt: number;

  constructor(claim: Claim, options: LeaseRunOptions) {
    this.leaseId = claim.leaseId;
    this.confirmedAt = options.claimedAt;
    this.#claim = claim;
    this.#options = options;
    // Overdue recipients need no connection, and hold no slot for long.
    this.#speed = claim.kind === 'overdue' ? 'fast' : (claim.learned?.speed ?? 'new');
    this.#progressedAt = options.claimedAt;
    this.#hold(claim.messages);
  }

  /** How fast the site answers, as far as this run knows. */
  get speed(): SiteSpeed {
    return this.#speed;
  }

  /** Marks the site as slow when the run has made no progress for {@link slowAfterMs}, and tells the store at once. */
  checkProgress(now: number): void {
    if (this.#attempted || this.#speed === 'slow' || now - this.#progressedAt < slowAfterMs) return;
    this.#becomes('slow');
    const { leaseId } = this;
    this.#options
      .settle({ leaseId, outcomes: [], release: false, learned: { speed: 'slow' } })
      .catch((error) => this.#options.report(error));
  }

  #becomes(speed: SiteSpeed): void {
    const before = this.#speed;
    if (before === speed) return;
    this.#speed = speed;
    if (!this.#attempted) this.#options.onSpeed?.(before, speed);
  }

  /**
   * a report that took {@link slowAfterMs} shows a slow site; an earlier one shows a fast site if a host
   * answered.
   */
  #progress(report: AttemptReport): void {
    if (report.outcomes.length === 0 && !report.feedback) return;
    const now = this.#options.now();
    const gap = now - this.#progressedAt;
    this.#progressedAt = now;
    const answered =
      report.feedback?.kind === 'succeeded' ||
      report.outcomes.some(({ status }) => status === 'delivered' || status === 'failed');
    if (gap >= slowAfterMs) this.#becomes('slow');
    else if (answered && this.#claim.kind === 'attempt') this.#becomes('fast');
  }

  /** True when the attempt has ended and no connection is in use. */
  get attempted(): boolean {
    return this.#attempted;
  }

  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** Prevents new transactions. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Ends what is under way at once. */
  abort(): void {
    this.#stopping.abort();
    this.#abort.abort();
  }

  /** Aborts the run. The worker no longer waits for it, and a failing store is not asked again. */
  abandon(): void {
    this.#abandoned = true;
    this.abort();
  }

  /** Resolves when the lease is settled and released. */
  async execute(): Promise<void> {
    await this.#settle(this.#overdue(this.#claim.messages), undefined, false);
    if (this.#claim.kind === 'attempt') {
      await this.#settle(this.#ownSites(this.#claim.messages), undefined, false);
      await this.#settle(await this.#rerouted(), undefined, false);
    }
    if (this.#open.size === 0 || this.#claim.kind === 'overdue') return this.#settle([], undefined, true);
    const report = await this.#attempt();
    this.#progress(report);
    this.#attempted = true;
    this.#options.onAttempted?.();
    const outcomes = this.#outcomes(this.#completed(report));
    await this.#settle(outcomes, report.feedback, true, this.#learned(report));
  }

  /** Outcomes of recipients that need no attempt: their lifetime is over, or their delay notice is due. */
  #overdue(messages: readonly ClaimedMessage[]): Outcome[] {
    const outcomes: Outcome[] = [];
    for (const { recipientId, expired, lastDetail } of messages.flatMap(({ recipients }) => recipients)) {
      if (!expired && this.#claim.kind !== 'overdue') continue;
      // RFC 3464 §2.3: the report is about the last attempt, not about the end of the lifetime.
      const detail = readLastAttempt(lastDetail);
      outcomes.push({ recipientId, status: expired ? 'expired' : 'delayed', ...(detail && { detail }) });
    }
    return outcomes;
  }

  /** SITE-05: moves recipients whose domain has settings of its own to the site of their domain. */
  #ownSites(messages: readonly ClaimedMessage[]): Outcome[] {
    return this.#stillOpen(messages)
      .flatMap(({ recipients }) => recipients)
      .filter(({ ownSite, domain }) => ownSite && domain !== this.#claim.site)
      .map(({ recipientId, domain }) => ({ recipientId, status: 'rerouted', site: domain }));
  }

  /** Moves recipients that are queued under their domain, because their site was not known, to their site. */
  async #rerouted(): Promise<Outcome[]> {
    const { siteOf, store } = this.#options;
    const { site: current } = this.#claim;
    if (!siteOf) return [];
    const outcomes: Outcome[] = [];
    let route: FoundSite | undefined;
    try {
      for (const message of this.#stillOpen(this.#claim.messages)) {
        const unrouted = message.recipients.filter(({ domain, ownSite }) => domain === current && !ownSite);
        if (unrouted.length === 0) continue;
        if (!route?.forAll) {
          route = await siteOf(current, profiledMessage(message), this.#abort.signal);
          if (route?.forAll && route.site !== current) await store.alias(current, route.site, route.ttlMs);
        }
        if (!route || route.site === current) continue;
        const { site } = route;
        outcomes.push(
          ...unrouted.map(({ recipientId }) => ({ recipientId, status: 'rerouted' as const, site })),
        );
      }
    } catch (error) {
      // Without a site the recipients are attempted under their domain.
      this.#options.report(error);
    }
    return outcomes;
  }

  async #attempt(): Promise<AttemptReport> {
    const context: AttemptContext = {
      signal: this.#abort.signal,
      stopping: this.#stopping.signal,
      settle: (report) => {
        this.#progress(report);
        return this.#settle(this.#outcomes(report), report.feedback, false);
      },
      more: (max) => this.#more(max),
    };
    try {
      return await this.#options.attempt(
        { ...this.#claim, messages: this.#stillOpen(this.#claim.messages) },
        context,
      );
    } catch (error) {
      this.#options.report(error);
      const detail = { reason: 'internal-error' };
      const open = [...this.#open.keys()];
      return { outcomes: open.map((recipientId) => ({ recipientId, status: 'deferred', detail })) };
    }
  }

  /** What the run has learnt and the store does not know yet. */
  #learned({ hosts }: AttemptReport): Partial<Learned> | undefined {
    const known = this.#claim.learned?.speed ?? 'new';
    if (this.#speed === known && !hosts) return undefined;
    return { ...(this.#speed !== known && { speed: this.#speed }), ...(hosts && { hosts }) };
  }

  async #more(max: number): Promise<readonly ClaimedMessage[]> {
    if (this.#stopping.signal.aborted) return [];
    const messages = await this.#options.more(max);
    this.#hold(messages);
    await this.#settle(this.#overdue(messages), undefined, false);
    await this.#settle(this.#ownSites(messages), undefined, false);
    return this.#stillOpen(messages);
  }

  /** The report, with the recipients that the attempt never named added as unattempted. */
  #completed({ outcomes, feedback }: AttemptReport): AttemptReport {
    const named = new Set(outcomes.map(({ recipientId }) => recipientId));
    const silent = [...this.#open.keys()].filter((recipientId) => !named.has(recipientId));
    const unattempted = silent.map((recipientId) => ({ recipientId, status: 'unattempted' as const }));
    return { outcomes: [...outcomes, ...unattempted], ...(feedback && { feedback }) };
  }

  /** Converts the outcomes of an attempt to those of the store. */
  #outcomes({ outcomes, feedback }: AttemptReport): Outcome[] {
    const paced = feedback !== undefined && feedback.kind !== 'succeeded' && feedback.kind !== 'answered';
    const atOnce = paced || this.#stopping.signal.aborted;
    return outcomes.map((outcome): Outcome => {
      const { recipientId } = outcome;
      switch (outcome.status) {
        case 'unattempted':
          return {
            ...outcome,
            retryAfterMs: outcome.retryAfterMs ?? (atOnce ? 0 : this.#localDelay(recipientId)),
          };
        case 'deferred': {
          const { serverDelayMs, ...rest } = outcome;
          return { ...rest, retryAfterMs: this.#delay(recipientId, serverDelayMs) };
        }
        case 'unknown':
          return this.#unknown(outcome);
        default:
          return outcome;
      }
    });
  }

  #unknown(outcome: Extract<AttemptOutcome, { readonly status: 'unknown' }>): Outcome {
    const { recipientId } = outcome;
    switch (this.#open.get(recipientId)?.message.onUnknown) {
      case 'hold':
        return { ...outcome, status: 'held' };
      case 'report':
        return outcome;
      default:
        return { ...outcome, status: 'deferred', retryAfterMs: this.#delay(recipientId, undefined) };
    }
  }

  /** The delay after trouble of our own. */
  #localDelay(recipientId: RecipientId): number {
    return Math.min(localTroubleMs, this.#schedule(recipientId).firstMs);
  }

  #schedule(recipientId: RecipientId): RetrySchedule {
    const own = this.#open.get(recipientId)?.message.schedule;
    const given = this.#options.schedule as Partial<RetrySchedule> | undefined;
    return { ...defaultSchedule, ...given, ...own };
  }

  #delay(recipientId: RecipientId, serverDelayMs: number | undefined): number {
    const held = this.#open.get(recipientId);
    const schedule = this.#schedule(recipientId);
    return retryDelayMs(schedule, held?.recipient.attempt ?? 1, this.#options.random, serverDelayMs);
  }

  async #settle(
    outcomes: readonly Outcome[],
    feedback: SiteFeedback | undefined,
    release: boolean,
    learned?: Partial<Learned>,
  ): Promise<void> {
    if (outcomes.length === 0 && !feedback && !release) return;
    const followUp = outcomes.some(mayBeReported) ? await this.#followUp(outcomes) : {};
    await this.#options.settle({
      leaseId: this.leaseId,
      outcomes,
      release,
      ...(feedback && { feedback }),
      ...(learned && { learned }),
      ...followUp,
    });
    for (const { recipientId } of outcomes) this.#open.delete(recipientId);
  }

  async #followUp(outcomes: readonly Outcome[]): Promise<FollowUp> {
    const { onFinalOutcomes } = this.#options;
    const byMessage = new Map<ClaimedMessage, Outcome[]>();
    for (const outcome of outcomes) {
      const message = this.#open.get(outcome.recipientId)?.message;
      if (!message || !mayBeReported(outcome)) continue;
      byMessage.set(message, [...(byMessage.get(message) ?? []), outcome]);
    }
    const bounces: Bounce[] = [];
    const suppress: NewSuppression[] = [];
    for (const [message, finished] of onFinalOutcomes ? byMessage : []) {
      try {
        const followUp = await onFinalOutcomes!(message, finished);
        bounces.push(...(followUp.bounces ?? []));
        suppress.push(...(followUp.suppress ?? []));
      } catch (error) {
        // The outcome is written even when no report can be composed.
        this.#options.report(error);
      }
    }
    return { ...(bounces.length > 0 && { bounces }), ...(suppress.length > 0 && { suppress }) };
  }

  #hold(messages: readonly ClaimedMessage[]): void {
    for (const message of messages) {
      for (const recipient of message.recipients)
        this.#open.set(recipient.recipientId, { message, recipient });
    }
  }

  /** The messages, each with the recipients whose outcome is not settled yet. */
  #stillOpen(messages: readonly ClaimedMessage[]): ClaimedMessage[] {
    return messages.flatMap((message) => {
      const recipients = message.recipients.filter(({ recipientId }) => this.#open.has(recipientId));
      return recipients.length === 0 ? [] : { ...message, recipients };
    });
  }
}
