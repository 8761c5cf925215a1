import { normalizeDomain } from '../domain.ts';
import { list, matching, type OptionTable, readOptions, required } from '../option-table.ts';
import { printable } from '../printable.ts';
import { checkResolver, type Resolver } from '../resolver.ts';
import {
  type DmarcFound,
  type DmarcLookup,
  type DmarcLookupOptions,
  discoverPolicy,
  dmarcLookupOptions,
} from './lookup.ts';
import type { DmarcAlignmentMode, DmarcPolicy } from './record.ts';
import { DmarcReader } from './tree-walk.ts';

/** The facts about a message that DMARC evaluates. */
export interface DmarcRequest {
  /**
   * Domain of the author: of the only address in the only From field. Null when there is not exactly one, or when readers
   * may disagree about it; the result is then `permerror`.
   */
  readonly domain: string | null;
  /** Result of SPF with its domain (MAIL FROM, or HELO for the null reverse-path). */
  readonly spf?: { readonly result: string; readonly domain: string } | undefined;
  /** Result of each DKIM signature with its `d=`. */
  readonly dkim?: readonly { readonly result: string; readonly domain: string }[] | undefined;
}

const plainDomain = /^[a-z0-9_-][a-z0-9_.-]*$/;

const authenticated = matching<{ readonly result: string; readonly domain: string }>(
  'an object with result and domain, both strings',
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    ['result', 'domain'].every((key) => typeof (value as Record<string, unknown>)[key] === 'string'),
);

/** What {@link DmarcRequest} accepts. */
export const dmarcRequest = {
  domain: required(
    matching<string | null>(
      'one domain, or null if the author is not one address',
      (value) => typeof value === 'string' || value === null,
    ),
  ),
  spf: authenticated,
  dkim: list(authenticated),
} satisfies OptionTable<DmarcRequest>;

/** The outcome of DMARC for a message. */
export interface DmarcOutcome {
  /** `none`: the domain has no policy (RFC 9989 §5.3). `permerror`: the author is not one domain. */
  readonly result: 'pass' | 'fail' | 'none' | 'temperror' | 'permerror';
  /** The requested handling, weakened by test mode; `none` unless the result is `fail`. */
  readonly disposition: DmarcPolicy;
  /** One sentence for users. */
  readonly reason: string;
  /** The identifiers that passed, with their alignment; empty when nothing was evaluated. */
  readonly identifiers: readonly DmarcIdentifier[];
  readonly lookup: DmarcLookup;
}

/** An authenticated domain, and whether it is aligned with the author domain. */
export interface DmarcIdentifier {
  readonly method: 'spf' | 'dkim';
  readonly domain: string;
  readonly mode: DmarcAlignmentMode;
  readonly aligned: boolean;
}

/** Maximum number of signatures to evaluate, which bounds the lookups that a message can cause. */
const maxDkimDomains = 10;

const weaker: Readonly<Record<DmarcPolicy, DmarcPolicy>> = {
  reject: 'quarantine',
  quarantine: 'none',
  none: 'none',
};

/**
 * Evaluates DMARC for a message: finds the policy, and compares the domains that SPF and DKIM authenticated with the
 * author domain (RFC 9989 §5.3).
 *
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const outcome = await evaluateDmarc(
 *   { domain: 'example.org', spf: { result: 'pass', domain: 'bounce.example.org' }, dkim: [] },
 *   resolver,
 * );
 */
export async function evaluateDmarc(
  givenRequest: DmarcRequest,
  resolver: Resolver,
  given: DmarcLookupOptions = {},
): Promise<DmarcOutcome> {
  const request = readOptions(givenRequest, dmarcRequest, 'evaluateDmarc: request');
  const options = readOptions(given, dmarcLookupOptions, 'evaluateDmarc: options');
  checkResolver(resolver, 'evaluateDmarc');
  const reader = new DmarcReader(resolver, options.signal);
  const domain = request.domain === null ? undefined : normalizeDomain(request.domain);
  if (domain === undefined || !plainDomain.test(domain)) return ambiguousAuthor(request.domain);
  const lookup = await discoverPolicy(domain, reader, resolver, options);
  if (lookup.status === 'none') {
    return settle('none', lookup, `${lookup.domain} publishes no DMARC policy.`, []);
  }
  if (lookup.status === 'temporary') return settle('temperror', lookup, lookup.reason, []);
  const identifiers: DmarcIdentifier[] = [];
  let temporary: string | undefined;
  for (const { method, domain, mode } of passed(request, lookup)) {
    const alignment = await align(domain, mode, lookup, reader, options);
    temporary ??= alignment.temporary;
    identifiers.push({ method, domain, mode, aligned: alignment.aligned });
  }
  const aligned = identifiers.find((identifier) => identifier.aligned);
  if (aligned !== undefined) {
    const reason = `${aligned.method.toUpperCase()} passed for ${aligned.domain}, which is aligned with ${lookup.domain}.`;
    return settle('pass', lookup, reason, identifiers);
  }
  if (temporary !== undefined) return settle('temperror', lookup, temporary, identifiers);
  return settle('fail', lookup, failReason(lookup, identifiers), identifiers);
}

/** RFC 9989 §5.3.1: the author must be one domain; with the first of several, a sender could choose it. */
function ambiguousAuthor(domain: string | null): DmarcOutcome {
  const reason =
    domain === null
      ? 'The author of the message is not exactly one address.'
      : `${printable(domain)} is not one domain name.`;
  const name = domain ?? '';
  const lookup: DmarcLookup = {
    status: 'none',
    domain: name,
    organizationalDomain: name,
    problems: [reason],
  };
  return { result: 'permerror', disposition: 'none', reason, identifiers: [], lookup };
}

function settle(
  result: DmarcOutcome['result'],
  lookup: DmarcLookup,
  reason: string,
  identifiers: readonly DmarcIdentifier[],
): DmarcOutcome {
  if (result !== 'fail' || lookup.status !== 'found')
    return { result, disposition: 'none', reason, identifiers, lookup };
  // RFC 9989 §4.7: in test mode the policy is one step weaker.
  const disposition = lookup.record.testing ? weaker[lookup.policy] : lookup.policy;
  return { result, disposition, reason, identifiers, lookup };
}

function failReason(lookup: DmarcFound, identifiers: readonly DmarcIdentifier[]): string {
  const test = lookup.record.testing ? ', in test mode' : '';
  const policy = `the policy is ${lookup.policyTag}=${lookup.policy} of ${lookup.recordDomain}${test}`;
  if (identifiers.length === 0) return `Neither SPF nor DKIM passed for ${lookup.domain}; ${policy}.`;
  const names = identifiers.map(({ method, domain }) => `${method.toUpperCase()} ${domain}`).join(', ');
  return `What passed (${names}) is not aligned with ${lookup.domain}; ${policy}.`;
}

function passed(request: DmarcRequest, lookup: DmarcFound) {
  const found: { method: 'spf' | 'dkim'; domain: string; mode: DmarcAlignmentMode }[] = [];
  const add = (method: 'spf' | 'dkim', name: string, mode: DmarcAlignmentMode) => {
    const domain = normalizeDomain(name);
    if (domain !== undefined) found.push({ method, domain, mode });
  };
  const { spf, dkim = [] } = request;
  if (spf?.result === 'pass') add('spf', spf.domain, lookup.record.spfAlignment);
  for (const { domain } of dkim.filter(({ result }) => result === 'pass').slice(0, maxDkimDomains)) {
    add('dkim', domain, lookup.record.dkimAlignment);
  }
  return found;
}

/** Whether a domain is aligned with the author domain (RFC 9989 §4.4.1, §4.4.2). */
async function align(
  domain: string,
  mode: DmarcAlignmentMode,
  lookup: DmarcFound,
  reader: DmarcReader,
  { discovery = 'tree-walk' }: DmarcLookupOptions,
): Promise<{ aligned: boolean; temporary?: string }> {
  if (domain === lookup.domain) return { aligned: true };
  if (mode === 'strict') return { aligned: false };
  const { organizationalDomain } = lookup;
  // A domain of another organisation is not aligned; no lookup is needed.
  if (domain !== organizationalDomain && !domain.endsWith(`.${organizationalDomain}`))
    return { aligned: false };
  if (discovery !== 'tree-walk') {
    return { aligned: normalizeDomain(discovery.organizationalDomain(domain)) === organizationalDomain };
  }
  const author = await reader.walk(lookup.domain);
  const other = await reader.walk(domain);
  const temporary = author.temporary ?? other.temporary;
  if (temporary !== undefined) return { aligned: false, temporary };
  return { aligned: other.organizationalDomain === organizationalDomain };
}
