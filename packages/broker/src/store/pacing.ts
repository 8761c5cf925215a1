/**
 * How many connections a site gets, as a pure function of the reports of earlier connections.
 *
 * The rules are those of Postfix's queue manager: start low, rise by 1/N for each success, fall at the start of a run
 * of connection failures, stop after a whole cohort of them, and probe later with one connection. A host that asks for
 * less gets half of its connections and a pause. One that refuses our credentials is paused, then tried with one
 * connection. Trouble with one mailbox changes nothing.
 */
import { group, integer, list, type OptionTable } from '../option-table.ts';
import { type Rate, rateOptions } from './rate.ts';

/** Limits of a site. */
export interface SiteLimits {
  /** Number of connections at first, and after a time without use; default 5. */
  readonly startConcurrency: number;
  /** Maximum number of connections; default 20. */
  readonly maxConcurrency: number;
  /** How long an unreachable site is paused before it is probed, in milliseconds; default 300,000. */
  readonly probeAfterMs: number;
  /** Rates, which all apply; default none. */
  readonly rates: readonly Rate[];
}

/** The same, each field optional. */
export type SiteLimitOptions = { readonly [K in keyof SiteLimits]?: SiteLimits[K] | undefined };

/** What `limits` accepts. */
export const siteLimitOptions = {
  startConcurrency: integer(1, 10_000),
  maxConcurrency: integer(1, 10_000),
  probeAfterMs: integer(0, 86_400_000, { unit: 'ms' }),
  rates: list<Rate>(group<Rate>(rateOptions)),
} satisfies OptionTable<SiteLimitOptions>;

/** The default limits of a site. */
export const defaultSiteLimits: SiteLimits = {
  startConcurrency: 5,
  maxConcurrency: 20,
  probeAfterMs: 300_000,
  rates: [],
};

/** Fills in the defaults of limits that were checked. */
export function resolveSiteLimits(given: SiteLimitOptions = {}): SiteLimits {
  const defined = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaultSiteLimits, ...Object.fromEntries(defined) };
}

/**
 * What a connection, or the attempt to open one, showed about its site.
 *
 * - `succeeded`: the host handled `count` messages (default 1): it accepted them, or decided about their mailboxes.
 * - `answered`: the host can be reached, and deferred or refused what it was offered. The limit neither rises nor
 *   falls.
 * - `unreachable`: connecting, greeting or handshake failed on all hosts.
 * - `throttled`: the host asked us to slow down, possibly for a time that it named.
 * - `credentials-refused`: the host refused our credentials.
 */
export type SiteFeedback =
  | { readonly kind: 'succeeded'; readonly count?: number }
  | { readonly kind: 'answered' | 'unreachable' | 'credentials-refused' }
  | { readonly kind: 'throttled'; readonly retryAfterMs?: number };

/**
 * Why a site is paused: its hosts cannot be reached, ask for less or refuse our credentials, or an operator paused it.
 */
export type PauseReason = 'unreachable' | 'throttled' | 'credentials' | 'operator';

/** The pacing state of a site. */
export interface Pacing {
  /** Connections allowed, including the fraction that successes have added; use {@link allowedConnections}. */
  readonly concurrency: number;
  /** Failures since the last success, in cohorts: each failure counts 1/N. */
  readonly failedCohorts: number;
  /** Nothing is claimed before this; epoch milliseconds. */
  readonly pausedUntil: number;
  readonly pauseReason: PauseReason | null;
  /** True after a pause for unreachable hosts or refused credentials, until a connection succeeds. */
  readonly probing: boolean;
  /** Throttlings since the last success. */
  readonly throttles: number;
}

/** The sum of 1/N over a cohort of N, which may be short of 1 by a rounding error. */
const wholeCohort = 1 - 1e-9;

const firstThrottlePauseMs = 60_000;
const longestThrottlePauseMs = 30 * 60_000;
/** Maximum pause that a host can name. */
const longestNamedPauseMs = 4 * 3_600_000;

/** The pacing of a site of which nothing is known. */
export function freshPacing(limits: SiteLimits): Pacing {
  return {
    concurrency: Math.min(limits.startConcurrency, limits.maxConcurrency),
    failedCohorts: 0,
    pausedUntil: 0,
    pauseReason: null,
    probing: false,
    throttles: 0,
  };
}

/** How many connections the site may have; one while it is probed. */
export function allowedConnections(pacing: Pick<Pacing, 'concurrency'>, limits: SiteLimits): number {
  return Math.max(1, Math.floor(Math.min(pacing.concurrency, limits.maxConcurrency)));
}

/**
 * A site that was not used for `probeAfterMs` starts as low as a new one, because what it could take then says little.
 */
export function wakePacing(pacing: Pacing, limits: SiteLimits, usedAt: number, now: number): Pacing {
  if (now - usedAt < limits.probeAfterMs || pacing.concurrency <= limits.startConcurrency) return pacing;
  return { ...pacing, concurrency: limits.startConcurrency };
}

/**
 * The pacing of a site after one more report.
 *
 * @param connections  Connections open at the time of the report: the limit does not grow far beyond what is used.
 * @param now          Epoch milliseconds.
 * @example
 * applyFeedback(freshPacing(defaultSiteLimits), { kind: 'succeeded' }, defaultSiteLimits, 5, 0).concurrency; // 5.2
 */
export function applyFeedback(
  pacing: Pacing,
  feedback: SiteFeedback,
  limits: SiteLimits,
  connections: number,
  now: number,
): Pacing {
  const paused = now < pacing.pausedUntil;
  switch (feedback.kind) {
    case 'succeeded':
      // A success of a connection that was open before the pause does not end the pause.
      return paused ? pacing : afterSuccess(pacing, feedback.count ?? 1, limits, connections);
    case 'answered':
      return paused ? pacing : afterAnswer(pacing, limits);
    case 'unreachable':
      // A failure of a connection from before the pause belongs to the run that caused the pause.
      return paused ? pacing : afterFailure(pacing, limits, now);
    case 'throttled':
      return afterThrottling(pacing, feedback.retryAfterMs, now);
    case 'credentials-refused':
      return paused ? pacing : leftAlone(pacing, 'credentials', limits, now);
  }
}

function afterSuccess(pacing: Pacing, count: number, limits: SiteLimits, connections: number): Pacing {
  const settled = { failedCohorts: 0, throttles: 0, probing: false, pausedUntil: 0, pauseReason: null };
  if (pacing.probing) return { ...settled, concurrency: freshPacing(limits).concurrency };
  const ceiling = Math.min(limits.maxConcurrency, connections + limits.startConcurrency);
  const risen = pacing.concurrency + count / Math.max(1, Math.floor(pacing.concurrency));
  return { ...settled, concurrency: Math.max(pacing.concurrency, Math.min(risen, ceiling)) };
}

/** The host can be reached: this ends a run of failures and a probe, and changes nothing else. */
function afterAnswer(pacing: Pacing, limits: SiteLimits): Pacing {
  const reached = { ...pacing, failedCohorts: 0, probing: false, pausedUntil: 0, pauseReason: null };
  return pacing.probing ? { ...reached, concurrency: freshPacing(limits).concurrency } : reached;
}

/** Pauses a site for `probeAfterMs`, after which one connection tries. */
function leftAlone(pacing: Pacing, pauseReason: PauseReason, limits: SiteLimits, now: number): Pacing {
  const pausedUntil = now + limits.probeAfterMs;
  return { ...pacing, concurrency: 1, failedCohorts: 0, pausedUntil, pauseReason, probing: true };
}

function afterFailure(pacing: Pacing, limits: SiteLimits, now: number): Pacing {
  const allowed = allowedConnections(pacing, limits);
  const failedCohorts = pacing.failedCohorts + 1 / allowed;
  if (failedCohorts >= wholeCohort) return leftAlone(pacing, 'unreachable', limits, now);
  const startOfRun = pacing.failedCohorts === 0;
  return {
    ...pacing,
    failedCohorts,
    concurrency: startOfRun ? Math.max(1, allowed - 1) : pacing.concurrency,
  };
}

function afterThrottling(pacing: Pacing, retryAfterMs: number | undefined, now: number): Pacing {
  const named = Math.ceil(Math.min(Math.max(retryAfterMs ?? 0, 0), longestNamedPauseMs));
  if (now < pacing.pausedUntil) {
    // Other connections of the same cohort get the same reply: that counts as one throttling, not many.
    return { ...pacing, pausedUntil: Math.max(pacing.pausedUntil, now + named) };
  }
  const throttles = pacing.throttles + 1;
  const doubled = Math.min(firstThrottlePauseMs * 2 ** (throttles - 1), longestThrottlePauseMs);
  return {
    ...pacing,
    concurrency: Math.max(1, Math.floor(pacing.concurrency / 2)),
    throttles,
    pausedUntil: now + (retryAfterMs === undefined ? doubled : named),
    pauseReason: 'throttled',
  };
}
