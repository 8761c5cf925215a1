import type { Clock } from '../clock.ts';
import { profiledMessage } from '../message/profiled-message.ts';
import { isCallersFault } from '../store/error-listeners.ts';
import type { Alias, QueueStore, RecipientId, RoutedRecipient, UnroutedRecipient } from '../store/port.ts';
import { wait } from '../wait.ts';
import type { FoundSite, SiteOf } from './lease-run.ts';
import { StoreBackoff } from './store-backoff.ts';

/** What routing takes of its worker. */
export interface RoutingStageOptions {
  readonly store: Pick<QueueStore, 'unrouted' | 'assignSites'>;
  /** Default: the domain is the site. */
  readonly siteOf?: SiteOf | undefined;
  readonly clock: Clock;
  /** How long other workers leave alone what this one looks up, in milliseconds. */
  readonly holdMs: number;
  readonly report: (error: unknown) => void;
}

/** Recipients that one round takes. */
const roundSize = 200;
/** Sites of a round that are known by then are written down together; slow lookups do not delay them. */
const gatherMs = 500;
/** Rounds under way at once. */
const mostRounds = 4;

/**
 * Finds out which sites new mail belongs to, for many domains side by side, and writes down those of a round in one
 * transaction. It is a stage before delivery: nothing is claimed for it, and no attempt and no event comes of it.
 *
 * A domain whose route is not available now is its own site: the attempt there says what is wrong with it.
 */
export class RoutingStage {
  readonly #options: RoutingStageOptions;
  readonly #rounds = new Set<Promise<void>>();
  /** Recipients whose lookups have not ended, or are not written down. */
  readonly #underWay = new Set<RecipientId>();
  #abort = new AbortController();
  /** A round asks the store for recipients. */
  #asking = false;
  /** Another look was asked for meanwhile. */
  #again = false;

  constructor(options: RoutingStageOptions) {
    this.#options = options;
  }

  /** Lets {@link RoutingStage.look} work. */
  start(): void {
    this.#abort = new AbortController();
  }

  /** Routes what waits for it, in the background. */
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
    // New mail makes the store give again what is under way, the oldest first: it must not keep the new mail waiting.
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

  /** Looks up the sites of recipients, once for those that have the same. */
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
          // Under its own name a domain is as deliverable.
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

  /** Resolves when all lookups have ended, or some after a while, or the worker stops. */
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
   * Writes sites down, also when the store works again only after a while: until the hold ends no worker looks at these
   * recipients, so that giving up would delay their mail by as much.
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
