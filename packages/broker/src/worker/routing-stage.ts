import type { Clock } from '../clock.ts';
import { profiledMessage } from '../message/profiled-message.ts';
import { isCallersFault } from '../store/error-listeners.ts';
import type { Alias, QueueStore, RecipientId, RoutedRecipient, UnroutedRecipient } from '../store/port.ts';
import { wait } from '../wait.ts';
import type { FoundSite, SiteOf } from './lease-run.ts';
import { StoreBackoff } from './store-backoff.ts';

/** Options of {@link RoutingStage}. */
export interface RoutingStageOptions {
  readonly store: Pick<QueueStore, 'unrouted' | 'assignSites'>;
  /** Default: the domain is the site. */
  readonly siteOf?: SiteOf | undefined;
  readonly clock: Clock;
  /** How long recipients that are being routed are withheld from other workers, in milliseconds. */
  readonly holdMs: number;
  readonly report: (error: unknown) => void;
}

/** Maximum number of new recipients in one round. */
const roundSize = 200;
/** After this time the sites found so far in a round are written together, so that slow lookups do not delay them. */
const gatherMs = 500;
/** Maximum number of rounds under way. */
const mostRounds = 4;

/**
 * Finds the sites of new mail, many domains in parallel, and writes those of a round in one transaction. It runs before
 * delivery: it claims nothing, and causes no attempt and no event.
 *
 * A domain whose route is not available becomes its own site: the attempt there reports what is wrong.
 */
export class RoutingStage {
  readonly #options: RoutingStageOptions;
  readonly #rounds = new Set<Promise<void>>();
  /** Recipients whose sites are being looked up or written. */
  readonly #underWay = new Set<RecipientId>();
  #abort = new AbortController();
  /** A round is asking the store for recipients. */
  #asking = false;
  /** `look()` was called meanwhile. */
  #again = false;

  constructor(options: RoutingStageOptions) {
    this.#options = options;
  }

  /** Enables {@link RoutingStage.look}. */
  start(): void {
    this.#abort = new AbortController();
  }

  /** Starts to route unrouted recipients, in the background. */
  look(): void {
    if (this.#abort.signal.aborted) return;
    if (this.#asking || this.#rounds.size >= mostRounds) {
      this.#again = true;
      return;
    }
    this.#again = false;
    const { report } = this.#options;
    const round: Promise<void> = this.#route()
      .catch((error) => report(error))
      .finally(() => {
        this.#rounds.delete(round);
        if (this.#again) this.look();
      });
    this.#rounds.add(round);
  }

  /** Ends all lookups; resolves when none is under way. The next worker routes what was not routed. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#rounds);
  }

  async #route(): Promise<void> {
    const { store, holdMs } = this.#options;
    this.#asking = true;
    // New mail ends the hold of its lane, so the store may return recipients under way again, the oldest first: ask for
    // as many more, so that they do not keep new mail waiting.
    const max = roundSize + this.#underWay.size;
    let rows: readonly UnroutedRecipient[];
    try {
      rows = await store.unrouted({ max, holdMs });
    } finally {
      this.#asking = false;
    }
    if (rows.length === max) this.#again = true;
    const fresh = rows.filter(({ recipientId }) => !this.#underWay.has(recipientId));
    for (const { recipientId } of fresh) this.#underWay.add(recipientId);
    try {
      await this.#routeAll(fresh);
    } finally {
      for (const { recipientId } of fresh) this.#underWay.delete(recipientId);
    }
  }

  async #routeAll(rows: readonly UnroutedRecipient[]): Promise<void> {
    const { signal } = this.#abort;
    const lookups = this.#lookUp(rows, signal);
    while (lookups.size > 0 && !signal.aborted) {
      await this.#gather(lookups, signal);
      const found = [...lookups].filter(({ site }) => site !== undefined);
      for (const one of found) lookups.delete(one);
      if (found.length > 0 && !signal.aborted) await this.#write(found, signal);
    }
  }

  /** Looks up the sites of recipients, once for those with the same domain and sender. */
  #lookUp(rows: readonly UnroutedRecipient[], signal: AbortSignal): Set<Lookup> {
    const { siteOf, report } = this.#options;
    const lookups = new Map<string, Lookup>();
    for (const row of rows) {
      const { domain } = row;
      const message = profiledMessage(row);
      const key = JSON.stringify([domain, message]);
      let lookup = lookups.get(key);
      if (!lookup) {
        const ended = siteOf
          ? siteOf(domain, message, signal).catch((error): undefined => {
              if (!signal.aborted) report(error);
            })
          : Promise.resolve(undefined);
        const made: Lookup = {
          domain,
          recipients: [],
          site: undefined,
          // A domain without a route is its own site.
          ended: ended.then((site) => {
            made.site = site ?? { site: domain, ttlMs: 0, forAll: false };
          }),
        };
        lookup = made;
        lookups.set(key, lookup);
      }
      lookup.recipients.push(row.recipientId);
    }
    return new Set(lookups.values());
  }

  /**
   * Resolves when all lookups have ended, when at least one has ended after {@link gatherMs}, or when the worker stops.
   */
  async #gather(lookups: ReadonlySet<Lookup>, signal: AbortSignal): Promise<void> {
    const ends = [...lookups].map(({ ended }) => ended);
    await wait<unknown, 'resolve'>(
      (resolve, reject) => {
        Promise.all(ends).then(resolve, reject);
        return this.#options.clock.setTimer(() => Promise.race(ends).then(resolve, reject), gatherMs);
      },
      signal,
      'resolve',
    );
  }

  async #write(lookups: readonly Lookup[], signal: AbortSignal): Promise<void> {
    const recipients: RoutedRecipient[] = [];
    const aliases: Alias[] = [];
    for (const { domain, site: found, recipients: ids } of lookups) {
      const { site, ttlMs, forAll } = found!;
      recipients.push(...ids.map((recipientId) => ({ recipientId, site })));
      if (forAll) aliases.push({ domain, site, ttlMs });
    }
    await this.#assign(recipients, aliases, signal);
  }

  /**
   * Writes sites, and retries while the store fails, until the hold ends: before that no worker gets these recipients,
   * so giving up would delay their mail.
   */
  async #assign(
    recipients: readonly RoutedRecipient[],
    aliases: readonly Alias[],
    signal: AbortSignal,
  ): Promise<void> {
    const { store, clock, holdMs, report } = this.#options;
    const backoff = new StoreBackoff(clock);
    const heldUntil = clock.now() + holdMs;
    for (;;) {
      try {
        return await store.assignSites(recipients, aliases);
      } catch (error) {
        if (isCallersFault(error) || signal.aborted || clock.now() >= heldUntil) throw error;
        report(error);
        await backoff.wait(signal);
      }
    }
  }
}

interface Lookup {
  readonly domain: string;
  readonly recipients: string[];
  site: FoundSite | undefined;
  readonly ended: Promise<void>;
}
