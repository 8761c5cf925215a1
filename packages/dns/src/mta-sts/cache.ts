import { type Clock, clockRow, systemClock } from '../clock.ts';
import { normalizeDomain } from '../domain.ts';
import {
  callback,
  checkText,
  integer,
  type OptionTable,
  readOptions,
  required,
  withMethods,
} from '../option-table.ts';
import { escapeControls } from '../printable.ts';
import { checkResolver, type QueryOptions, queryOptions, type Resolver } from '../resolver.ts';
import type { MtaStsFetch } from './fetch.ts';
import type { MtaStsPolicy } from './policy.ts';
import { lookupMtaSts } from './record.ts';

/** A stored policy, as plain JSON. */
export interface StoredMtaStsPolicy {
  readonly domain: string;
  /** The id of the record under which it was fetched. */
  readonly id: string;
  readonly policy: MtaStsPolicy;
  /** Epoch milliseconds. */
  readonly fetchedAt: number;
}

/** A store for policies. */
export interface MtaStsStore {
  /** Returns the last entry that was stored for a domain. */
  get(domain: string): Promise<StoredMtaStsPolicy | undefined>;
  /** Stores an entry, and replaces an older one of its domain. */
  set(entry: StoredMtaStsPolicy): Promise<void>;
  /** Deletes the entry of a domain, if there is one. */
  delete(domain: string): Promise<void>;
}

/** The current policy of a domain. */
export type MtaStsOutcome =
  | {
      readonly status: 'policy';
      readonly domain: string;
      readonly policy: MtaStsPolicy;
      readonly id: string;
      /** `fetched` by this call, or `cached`. */
      readonly source: 'fetched' | 'cached';
      /** Why a newer policy could not be fetched or stored. */
      readonly problem?: string;
    }
  | { readonly status: 'none'; readonly domain: string; readonly problem?: string };

/** Options of `createMtaStsCache`. */
export interface MtaStsCacheOptions {
  /** Fetches a policy file: `(domain, signal) => fetchMtaStsPolicy(domain, resolver, { signal })`. */
  readonly fetchPolicy: (domain: string, signal: AbortSignal | undefined) => Promise<MtaStsFetch>;
  /** Default: in memory, at most 10,000 policies. */
  readonly store?: MtaStsStore | undefined;
  /** Source of time. Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
  /** Time after a failed fetch before the next one for the same domain, in milliseconds. Default 300,000. */
  readonly backoffMs?: number | undefined;
}

/** What {@link MtaStsCacheOptions} accepts. */
export const mtaStsCacheOptions = {
  fetchPolicy: required(callback<MtaStsCacheOptions['fetchPolicy']>()),
  store: withMethods<MtaStsStore>('get', 'set', 'delete'),
  clock: clockRow,
  backoffMs: integer(0, 86_400_000, { default: 300_000, unit: 'ms' }),
} satisfies OptionTable<MtaStsCacheOptions>;

/** A cache of policies, which fetches a policy when the record of its domain changes. */
export interface MtaStsCache {
  /**
   * Returns the policy of a domain. A policy that has not expired stays valid if DNS fails, the record is gone or the
   * policy host fails (RFC 8461 §5.1), so that an attacker on the network cannot disable it.
   *
   * @throws {DnsError} MB_DNS_ABORTED.
   */
  policyFor(domain: string, options?: QueryOptions): Promise<MtaStsOutcome>;
}

/** RFC 8461 §3.3: policies are renewed before they expire; the RFC suggests once a day. */
const renewAfterMs = 86_400_000;
const maxBackoffs = 10_000;

/**
 * Makes a cache of MTA-STS policies.
 *
 * @throws {DnsError} MB_DNS_OPTION.
 * @example
 * const cache = createMtaStsCache(resolver, {
 *   fetchPolicy: (domain, signal) => fetchMtaStsPolicy(domain, resolver, { signal }),
 *   store: createMtaStsFileStore('/var/lib/app/mta-sts'),
 * });
 * const outcome = await cache.policyFor('example.org');
 */
export function createMtaStsCache(resolver: Resolver, options: MtaStsCacheOptions): MtaStsCache {
  const read = readOptions(options, mtaStsCacheOptions, 'createMtaStsCache: options');
  checkResolver(resolver, 'createMtaStsCache');
  return new PolicyCache(resolver, read);
}

class PolicyCache implements MtaStsCache {
  readonly #resolver: Resolver;
  readonly #fetchPolicy: MtaStsCacheOptions['fetchPolicy'];
  readonly #store: MtaStsStore;
  readonly #clock: Clock;
  readonly #backoffMs: number;
  /** When the next fetch may be tried, in epoch milliseconds, by domain. */
  readonly #retryAt = new Map<string, { at: number; reason: string }>();

  constructor(resolver: Resolver, options: MtaStsCacheOptions) {
    this.#resolver = resolver;
    this.#fetchPolicy = options.fetchPolicy;
    this.#store = options.store ?? createMtaStsMemoryStore();
    this.#clock = options.clock ?? systemClock;
    this.#backoffMs = options.backoffMs ?? 300_000;
  }

  async policyFor(text: string, given: QueryOptions = {}): Promise<MtaStsOutcome> {
    const options = readOptions(given, queryOptions, 'policyFor: options');
    checkText(text, 'policyFor: domain');
    const domain = normalizeDomain(text);
    if (domain === undefined) return { status: 'none', domain: text, problem: 'It is not a domain name.' };
    const kept = await this.#unexpired(domain);
    const record = await lookupMtaSts(domain, this.#resolver, options);
    if (record.status !== 'found') {
      // RFC 8461 §5.1: a policy stays valid if its record is gone or cannot be read.
      const problem = record.status === 'temporary' ? record.reason : record.problems[0];
      return outcome(domain, kept, problem);
    }
    const now = this.#clock.now();
    const isCurrent = kept?.id === record.id && now < kept.fetchedAt + renewAfterMs;
    if (isCurrent) return outcome(domain, kept, undefined);
    const blocked = this.#retryAt.get(domain);
    if (blocked !== undefined && now < blocked.at) return outcome(domain, kept, blocked.reason);
    return this.#renew(domain, record.id, kept, options.signal);
  }

  async #renew(
    domain: string,
    id: string,
    kept: StoredMtaStsPolicy | undefined,
    signal: AbortSignal | undefined,
  ): Promise<MtaStsOutcome> {
    const fetched = await this.#fetchPolicy(domain, signal);
    const now = this.#clock.now();
    if (fetched.status === 'failed') {
      this.#retryAt.delete(domain);
      this.#retryAt.set(domain, { at: now + this.#backoffMs, reason: fetched.reason });
      if (this.#retryAt.size > maxBackoffs) this.#retryAt.delete(this.#retryAt.keys().next().value!);
      // RFC 8461 §3.3: the policy that is still valid stays in force.
      return outcome(domain, kept, fetched.reason);
    }
    this.#retryAt.delete(domain);
    const { policy } = fetched;
    try {
      await this.#store.set({ domain, id, policy, fetchedAt: now });
    } catch (error) {
      // The policy is still used: a full disk must not stop mail.
      const problem = `The policy could not be stored: ${escapeControls(String(error))}`;
      return { status: 'policy', domain, policy, id, source: 'fetched', problem };
    }
    return { status: 'policy', domain, policy, id, source: 'fetched' };
  }

  async #unexpired(domain: string): Promise<StoredMtaStsPolicy | undefined> {
    const kept = await this.#store.get(domain);
    if (kept === undefined || this.#clock.now() < kept.fetchedAt + kept.policy.maxAgeSeconds * 1000)
      return kept;
    await this.#store.delete(domain);
    return undefined;
  }
}

function outcome(
  domain: string,
  kept: StoredMtaStsPolicy | undefined,
  problem: string | undefined,
): MtaStsOutcome {
  const extra = problem === undefined ? {} : { problem };
  if (kept === undefined) return { status: 'none', domain, ...extra };
  return { status: 'policy', domain, policy: kept.policy, id: kept.id, source: 'cached', ...extra };
}

/** Makes a store in memory, which keeps the most recently stored policies. */
export function createMtaStsMemoryStore(maxEntries = 10_000): MtaStsStore {
  const entries = new Map<string, StoredMtaStsPolicy>();
  return {
    get: async (domain) => entries.get(domain),
    set: async (entry) => {
      entries.delete(entry.domain);
      entries.set(entry.domain, entry);
      if (entries.size > maxEntries) entries.delete(entries.keys().next().value!);
    },
    delete: async (domain) => void entries.delete(domain),
  };
}
