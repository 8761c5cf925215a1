import { type Clock, systemClock } from '../clock.ts';
import { normalizeDomain } from '../domain.ts';
import { DnsError, throwIfAborted } from '../errors.ts';
import { integerOption, rejectUnknownOptions } from '../options.ts';
import type { Resolver } from '../resolver.ts';
import { Expiry, SpfBudget, type SpfLimits } from './budget.ts';
import { Evaluation } from './evaluate.ts';
import { explainFail } from './explanation.ts';
import { readIdentity } from './identity.ts';
import { parseIp } from './network.ts';
import type { SpfOutcome } from './outcome.ts';

/** Whose mail comes from where. */
export interface SpfRequest {
  /** Address of the client, IPv4 or IPv6. */
  readonly ip: string;
  /** The reverse-path of MAIL FROM without angle brackets; empty for a null sender. */
  readonly sender: string;
  /** The name of HELO or EHLO. */
  readonly helo: string;
}

/** Options of `checkHost`. */
export interface CheckHostOptions {
  /** The limits of RFC 7208 §4.6.4; the defaults are the RFC's. */
  readonly limits?: SpfLimits;
  /** Name of the host that checks, for the macro `r` in explanations. Default `unknown`. */
  readonly receiver?: string;
  /** Whether a fail's explanation is fetched. Default true. */
  readonly explain?: boolean;
  /** Time source. Default: the machine's. */
  readonly clock?: Clock;
  /** Ends the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

const optionNames = ['limits', 'receiver', 'explain', 'clock', 'signal'];

/**
 * Checks whether an address may send mail for a domain: the check_host function of RFC 7208 §4.
 *
 * @returns one of the seven results with its reason, the term that decided, and the trace; an SPF
 *   failure of any kind is a result.
 * @throws {DnsError} MB_DNS_ADDRESS_INVALID when `ip` is no address, MB_DNS_ABORTED,
 *   MB_DNS_OPTION_UNKNOWN, MB_DNS_OPTION_INVALID.
 * @example
 * const outcome = await checkHost(
 *   { ip: '192.0.2.1', sender: 'ada@example.org', helo: 'mail.example.org' },
 *   createResolver(),
 * );
 * console.log(outcome.result, outcome.reason);
 */
export async function checkHost(
  request: SpfRequest,
  resolver: Resolver,
  options: CheckHostOptions = {},
): Promise<SpfOutcome> {
  rejectUnknownOptions(options, optionNames, 'checkHost');
  throwIfAborted(options.signal);
  const ip = parseIp(request.ip);
  if (ip === undefined) {
    throw new DnsError('MB_DNS_ADDRESS_INVALID', `"${request.ip.slice(0, 80)}" is not an IP address.`);
  }
  const clock = options.clock ?? systemClock;
  const limits = resolveLimits(options.limits);
  const { localPart, domain, written } = readIdentity(request.sender, request.helo);
  if (domain === undefined) {
    const reason = `"${written.slice(0, 80)}" is not a domain that can have an SPF record.`;
    return {
      result: 'none',
      domain: written,
      reason,
      problem: 'bad-domain',
      lookups: 0,
      voidLookups: 0,
      trace: [],
    };
  }
  const expiry = new Expiry(clock, limits.timeoutMs, options.signal);
  try {
    const budget = new SpfBudget(resolver, limits, expiry);
    const identity = {
      ip,
      helo: normalizeDomain(request.helo) ?? request.helo,
      localPart,
      senderDomain: domain,
      receiver: options.receiver ?? 'unknown',
      now: clock.now(),
    };
    const evaluation = new Evaluation(budget, identity);
    const verdict = await evaluation.run(domain);
    const outcome: SpfOutcome = {
      ...verdict.outcome,
      domain,
      lookups: budget.lookups,
      voidLookups: budget.voidLookups,
      trace: evaluation.trace,
    };
    if (outcome.result !== 'fail' || options.explain === false) return outcome;
    const explanation = await explainFail(verdict.explanation, budget, evaluation);
    return explanation === undefined ? outcome : { ...outcome, explanation };
  } finally {
    expiry.release();
  }
}

const limitNames = ['maxLookups', 'maxVoidLookups', 'maxMxNames', 'maxPtrNames', 'timeoutMs'];

// RFC 7208 §4.6.4.
const defaultLimits: Required<SpfLimits> = {
  maxLookups: 10,
  maxVoidLookups: 2,
  maxMxNames: 10,
  maxPtrNames: 10,
  timeoutMs: 20_000,
};

function resolveLimits(limits: SpfLimits | undefined): Required<SpfLimits> {
  if (limits === undefined) return defaultLimits;
  rejectUnknownOptions(limits, limitNames, 'limits');
  const count = { min: 0, max: 1000 };
  return {
    maxLookups: integerOption('limits.maxLookups', limits.maxLookups, defaultLimits.maxLookups, count),
    maxVoidLookups: integerOption(
      'limits.maxVoidLookups',
      limits.maxVoidLookups,
      defaultLimits.maxVoidLookups,
      count,
    ),
    maxMxNames: integerOption('limits.maxMxNames', limits.maxMxNames, defaultLimits.maxMxNames, count),
    maxPtrNames: integerOption('limits.maxPtrNames', limits.maxPtrNames, defaultLimits.maxPtrNames, count),
    timeoutMs: integerOption('limits.timeoutMs', limits.timeoutMs, defaultLimits.timeoutMs, {
      min: 1,
      max: 600_000,
    }),
  };
}
