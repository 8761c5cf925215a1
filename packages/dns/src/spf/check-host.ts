import { type Clock, clockRow, systemClock } from '../clock.ts';
import { normalizeDomain } from '../domain.ts';
import { DnsError, throwIfAborted } from '../errors.ts';
import { flag, group, type OptionTable, readOptions, required, signal, text } from '../option-table.ts';
import { escapeControls, printable } from '../printable.ts';
import { checkResolver, type Resolver } from '../resolver.ts';
import { Expiry, type ResolvedSpfLimits, SpfBudget, type SpfLimits, spfLimits } from './budget.ts';
import { Evaluation } from './evaluate.ts';
import { explainFail } from './explanation.ts';
import { readIdentity } from './identity.ts';
import { parseIp } from './network.ts';
import type { SpfOutcome } from './outcome.ts';

/** The sender to check. */
export interface SpfRequest {
  /** Address of the client, IPv4 or IPv6. */
  readonly ip: string;
  /** The reverse-path of MAIL FROM without angle brackets; empty for the null reverse-path. */
  readonly sender: string;
  /** The name of HELO or EHLO. */
  readonly helo: string;
}

/** Options of `checkHost`. */
export interface CheckHostOptions {
  /** The limits of RFC 7208 §4.6.4; the defaults are the RFC's. */
  readonly limits?: SpfLimits | undefined;
  /** Name of the checking host, for the macro `r` in explanations. Default `unknown`. */
  readonly receiver?: string | undefined;
  /** Whether to look up the explanation of a fail. Default true. */
  readonly explain?: boolean | undefined;
  /** Source of time. Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
  /** Aborts the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link SpfRequest} accepts. */
export const spfRequest = {
  ip: required(text('an IP address')),
  sender: required(text('an address, or an empty string for the null sender')),
  helo: required(text('the name of HELO or EHLO')),
} satisfies OptionTable<SpfRequest>;

/** What {@link CheckHostOptions} accepts. */
export const checkHostOptions = {
  limits: group<SpfLimits>(spfLimits),
  receiver: text('a host name', { default: 'unknown' }),
  explain: flag({ default: true }),
  clock: clockRow,
  signal: signal(),
} satisfies OptionTable<CheckHostOptions>;

/**
 * Checks whether an address may send mail for a domain: the check_host function of RFC 7208 §4.
 *
 * @returns One of the seven results with its reason, the term that matched, and the trace. Failures of SPF are results,
 *   not exceptions.
 * @throws {DnsError} MB_DNS_ADDRESS_INVALID when `ip` is not an address, MB_DNS_ABORTED,
 *   MB_DNS_OPTION.
 * @example
 * const outcome = await checkHost(
 *   { ip: '192.0.2.1', sender: 'ada@example.org', helo: 'mail.example.org' },
 *   createResolver(),
 * );
 * console.log(outcome.result, outcome.reason);
 */
export async function checkHost(
  givenRequest: SpfRequest,
  resolver: Resolver,
  givenOptions: CheckHostOptions = {},
): Promise<SpfOutcome> {
  const request = readOptions(givenRequest, spfRequest, 'checkHost: request');
  const options = readOptions(givenOptions, checkHostOptions, 'checkHost: options');
  checkResolver(resolver, 'checkHost');
  throwIfAborted(options.signal);
  const ip = parseIp(request.ip);
  if (ip === undefined) {
    throw new DnsError('MB_DNS_ADDRESS_INVALID', `${printable(request.ip)} is not an IP address.`);
  }
  const clock = options.clock ?? systemClock;
  const limits = (options.limits ?? defaultLimits) as ResolvedSpfLimits;
  const { localPart, domain, written } = readIdentity(request.sender, request.helo);
  if (domain === undefined) {
    const reason = `${printable(written)} is not a domain that can have an SPF record.`;
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
      receiver: options.receiver,
      now: clock.now(),
    };
    const evaluation = new Evaluation(budget, identity);
    const verdict = await evaluation.run(domain);
    const outcome: SpfOutcome = {
      ...verdict.outcome,
      reason: escapeControls(verdict.outcome.reason),
      domain,
      lookups: budget.lookups,
      voidLookups: budget.voidLookups,
      trace: evaluation.trace,
    };
    if (outcome.result !== 'fail' || !options.explain) return outcome;
    const explanation = await explainFail(verdict.explanation, budget, evaluation);
    return explanation === undefined ? outcome : { ...outcome, explanation };
  } finally {
    expiry.release();
  }
}

const defaultLimits = readOptions<SpfLimits, typeof spfLimits>({}, spfLimits, 'limits');
