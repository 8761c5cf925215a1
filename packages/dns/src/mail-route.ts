import { isIP } from 'node:net';
import { addressRefusal, canonicalAddress } from './address-guard.ts';
import { parseAddressLiteral } from './address-literal.ts';
import { normalizeDomain } from './domain.ts';
import { type HostAddresses, type HostSettings, ownTroubleFirst, resolveHost } from './host-addresses.ts';
import type { MailHost, SkippedHost } from './mail-host.ts';
import { orderMx } from './mx-order.ts';
import {
  callback,
  checkText,
  group,
  integer,
  list,
  matching,
  type OptionTable,
  readOptions,
  signal,
  text,
} from './option-table.ts';
import { printable } from './printable.ts';
import {
  type Answer,
  checkResolver,
  type FailedAnswer,
  type FailureScope,
  type FoundAnswer,
  type Resolver,
} from './resolver.ts';

/** The route of mail for a domain, a union on `status`. */
export type MailRoute = FoundRoute | RouteFailure;

/**
 * How a route was found: by MX records, the address of the domain (implicit MX), an address literal, or configuration.
 */
export type RouteSource = 'mx' | 'implicit' | 'literal' | 'smarthost';

/** Hosts to try, in this order. */
export interface FoundRoute {
  readonly status: 'found';
  /** A-labels without trailing dot, or the literal with its brackets. */
  readonly domain: string;
  readonly via: RouteSource;
  /** Whether DNSSEC authenticated the MX records, or that there are none (RFC 7672 §2.2.1). */
  readonly authentic: boolean;
  /** At least one, in order of preference; hosts of equal preference are in random order. */
  readonly hosts: readonly MailHost[];
  /** Hosts that are not used, with reasons. */
  readonly skipped: readonly SkippedHost[];
  /** How long the route may be used, in seconds. */
  readonly ttlSeconds: number;
}

/** Why there is no route. */
export interface RouteFailure {
  /** `permanent`: bounce the mail; `temporary`: try again later. */
  readonly status: 'permanent' | 'temporary';
  readonly domain: string;
  /**
   * `null-mx`, `no-such-domain`, `no-mail-host` (no MX and no address), `hosts-unusable` (no host of the
   * MX set can be used), `loop` (this host is the most preferred one), `invalid-domain`, `lookup-failed`.
   */
  readonly cause: RouteFailureCause;
  /** `local` only for a `lookup-failed` because of this machine's resolver, which says nothing about the domain. */
  readonly scope: FailureScope;
  /** RFC 3463 status code, such as `5.1.2`. */
  readonly enhancedCode: string;
  /** RFC 5321 reply code, such as 550. */
  readonly replyCode: number;
  /** One sentence for users. */
  readonly reason: string;
  readonly skipped: readonly SkippedHost[];
  /** Addresses that were refused because they are not public; `allowAddresses` can allow them. */
  readonly refusedAddresses?: readonly string[];
}

/** See `RouteFailure.cause`. */
export type RouteFailureCause =
  | 'null-mx'
  | 'no-such-domain'
  | 'no-mail-host'
  | 'hosts-unusable'
  | 'loop'
  | 'invalid-domain'
  | 'lookup-failed';

/** The names and addresses of this host. */
export interface RouteSelf {
  readonly names?: readonly string[] | undefined;
  readonly addresses?: readonly string[] | undefined;
}

/** Options of `findMailRoute` and `findSmarthostRoute`. */
export interface MailRouteOptions {
  /** Returns a number in [0, 1), to order hosts and addresses of equal preference. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /**
   * CIDR blocks to allow although they are not public, for tests and private networks. Default none.
   * Danger: anyone who controls a domain's DNS can then make this machine connect there.
   */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Names and addresses of this host. It and hosts that are not preferred over it are left out (RFC 5321 §5.1). */
  readonly self?: RouteSelf | undefined;
  /** Maximum number of hosts to look up. Default 10. */
  readonly maxHosts?: number | undefined;
  /** Address families in order of preference. Default `[4, 6]`: more senders have a reverse name for IPv4. */
  readonly families?: readonly (4 | 6)[] | undefined;
  /** Aborts the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

const routeSelf = {
  names: list(text('a host name')),
  addresses: list(text('an IP address')),
} satisfies OptionTable<RouteSelf>;

/** What {@link MailRouteOptions} accepts. */
export const mailRouteOptions = {
  random: callback<() => number>(),
  allowAddresses: list(text('a CIDR block')),
  self: group<RouteSelf>(routeSelf),
  maxHosts: integer(1, 100, { default: 10 }),
  families: list(
    matching<4 | 6>('4 or 6', (value) => value === 4 || value === 6),
    1,
  ),
  signal: signal(),
} satisfies OptionTable<MailRouteOptions>;

interface Settings extends HostSettings {
  readonly selfNames: ReadonlySet<string>;
  readonly selfAddresses: ReadonlySet<string>;
  readonly maxHosts: number;
}

/**
 * Finds the hosts that accept the mail of a domain (RFC 5321 §5.1, RFC 7505).
 *
 * @param domain  The part after the `@`: a domain in A-labels or U-labels, or an address literal
 *   (`[192.0.2.1]`, `[IPv6:2001:db8::1]`).
 * @returns The route, or why there is none.
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const route = await findMailRoute('example.org', createResolver());
 * if (route.status === 'found') for (const host of route.hosts) console.log(host.name, host.addresses);
 */
export async function findMailRoute(
  domain: string,
  resolver: Resolver,
  options: MailRouteOptions = {},
): Promise<MailRoute> {
  checkText(domain, 'findMailRoute: domain');
  const settings = readSettings(options, resolver, 'findMailRoute');
  if (domain.startsWith('[')) return literalRoute(domain, settings);
  const name = normalizeDomain(domain);
  if (name === undefined || name === '.' || isIP(name)) {
    const reason = `${printable(domain)} is not a domain name.`;
    return failure(domain, 'invalid-domain', reason);
  }
  const mx = await resolver.query(name, 'MX', { signal: settings.signal });
  switch (mx.status) {
    case 'found':
      return mxRoute(name, mx, resolver, settings);
    case 'nodata':
      // RFC 5321 §5.1: without an MX record, the domain is its own exchanger (implicit MX).
      return ownHostRoute(name, mx, resolver, settings);
    case 'nxdomain':
      return failure(name, 'no-such-domain', `The domain ${name} does not exist.`);
    default:
      return lookupFailure(name, mx);
  }
}

/**
 * Finds the addresses of a configured relay, without an MX lookup.
 *
 * @param host  A host name, or an address literal (`[192.0.2.1]`).
 * @param options  See `findMailRoute`; a relay in a private network needs `allowAddresses`.
 * @throws {DnsError} As `findMailRoute`.
 */
export async function findSmarthostRoute(
  host: string,
  resolver: Resolver,
  options: MailRouteOptions = {},
): Promise<MailRoute> {
  checkText(host, 'findSmarthostRoute: host');
  const settings = readSettings(options, resolver, 'findSmarthostRoute');
  if (host.startsWith('[')) {
    const route = literalRoute(host, settings);
    return route.status === 'found' ? { ...route, via: 'smarthost' } : route;
  }
  const name = normalizeDomain(host);
  if (name === undefined || name === '.' || isIP(name)) {
    const reason = `${printable(host)} is not a host name; write an address as [192.0.2.1].`;
    return failure(host, 'invalid-domain', reason);
  }
  return ownHostRoute(name, undefined, resolver, settings);
}

async function mxRoute(
  domain: string,
  mx: FoundAnswer<'MX'>,
  resolver: Resolver,
  settings: Settings,
): Promise<MailRoute> {
  const order = orderMx(mx.records, settings.random, settings.maxHosts);
  // RFC 7505 §4.1: the mail bounces at once, with 556 and 5.1.10.
  if (order.nullMx) return failure(domain, 'null-mx', `The domain ${domain} does not accept mail.`);
  const found = await Promise.all(order.hosts.map((host) => resolveHost(host.name, resolver, settings)));
  const candidates = order.hosts.map((host, index) => ({ ...host, ...found[index]! }));
  return selectHosts(domain, { via: 'mx', basis: mx, candidates, skipped: order.skipped }, settings);
}

/** The route to the host itself: an implicit MX, where `basis` is the answer without MX, or a relay. */
async function ownHostRoute(
  domain: string,
  basis: Answer<'MX'> | undefined,
  resolver: Resolver,
  settings: Settings,
): Promise<MailRoute> {
  const found = await resolveHost(domain, resolver, settings);
  const via = basis === undefined ? 'smarthost' : 'implicit';
  return selectHosts(
    domain,
    { via, basis, candidates: [{ name: domain, preference: 0, ...found }], skipped: [] },
    settings,
  );
}

interface Candidate extends HostAddresses {
  readonly name: string;
  readonly preference: number;
}

interface Selection {
  readonly via: RouteSource;
  readonly basis: Answer<'MX'> | undefined;
  readonly candidates: readonly Candidate[];
  readonly skipped: readonly SkippedHost[];
}

/**
 * Selects hosts for a route: leaves out this host and those not preferred over it, repeated addresses and empty hosts.
 */
function selectHosts(domain: string, selection: Selection, settings: Settings): MailRoute {
  const { via, basis, candidates } = selection;
  const skipped: SkippedHost[] = [];
  const hosts: MailHost[] = [];
  const seen = new Set<string>();
  const ceiling = Math.min(
    ...candidates.filter((host) => isSelf(host, settings)).map((host) => host.preference),
  );
  let ttlSeconds = basis?.ttlSeconds ?? Number.POSITIVE_INFINITY;
  const failed: FailedAnswer[] = [];
  for (const host of candidates) {
    const { name, preference, canonicalName, authentic } = host;
    // RFC 5321 §5.1: from the preference of this host on, mail would loop.
    if (preference >= ceiling) {
      skipped.push({ name, preference, reason: 'It is this host, or not preferred over it.' });
      continue;
    }
    const addresses = host.addresses.filter(({ address }) => !seen.has(address));
    if (addresses.length === 0) {
      if (host.temporary) failed.push(host.temporary);
      skipped.push({ name, preference, reason: emptyReason(host) });
      continue;
    }
    for (const { address } of addresses) seen.add(address);
    ttlSeconds = Math.min(ttlSeconds, host.ttlSeconds);
    hosts.push({ name, canonicalName, preference, addresses, authentic });
  }
  // At the end, since hosts over the limit are not the reason of a failure.
  skipped.push(...selection.skipped);
  if (hosts.length > 0) {
    const authentic = basis?.authentic ?? hosts[0]!.authentic;
    return { status: 'found', domain, via, authentic, hosts, skipped, ttlSeconds };
  }
  const temporary = ownTroubleFirst(failed);
  if (temporary !== undefined) return lookupFailure(domain, temporary, skipped);
  if (ceiling < Number.POSITIVE_INFINITY) {
    return failure(domain, 'loop', `Mail for ${domain} would come back to this host.`, skipped);
  }
  if (via === 'mx' || candidates.some((host) => host.refused.length > 0)) {
    const why = skipped[0]?.reason ?? '';
    const reason = `No mail exchanger of ${domain} can be used: ${why}`;
    const refused = [...new Set(candidates.flatMap((host) => host.refused.map(({ address }) => address)))];
    return { ...failure(domain, 'hosts-unusable', reason, skipped), ...refusedAddresses(refused) };
  }
  return failure(domain, 'no-mail-host', `The domain ${domain} has neither MX nor address records.`, skipped);
}

function isSelf(host: Candidate, { selfNames, selfAddresses }: Settings): boolean {
  if (selfNames.size === 0 && selfAddresses.size === 0) return false;
  return (
    selfNames.has(host.name) ||
    selfNames.has(host.canonicalName) ||
    [...host.addresses, ...host.refused].some(({ address }) => selfAddresses.has(address))
  );
}

function emptyReason(host: Candidate): string {
  if (host.addresses.length > 0) return 'A more preferred host has the same addresses.';
  return host.temporary?.reason ?? host.refused[0]?.reason ?? `${host.name} has no address.`;
}

/** TTL of a literal, which never changes. */
const literalTtlSeconds = 86_400;

// RFC 5321 §5.1: an address literal is used as it is.
function literalRoute(domain: string, settings: Settings): MailRoute {
  const literal = parseAddressLiteral(domain);
  if (literal === undefined)
    return failure(domain, 'invalid-domain', `${printable(domain)} is not an address literal.`);
  const address = canonicalAddress(literal.address);
  const refusal = addressRefusal(address, settings.allow);
  if (refusal !== undefined) {
    return { ...failure(domain, 'hosts-unusable', `${refusal}.`), ...refusedAddresses([address]) };
  }
  if (settings.selfAddresses.has(address)) {
    return failure(domain, 'loop', `${address} is this host.`);
  }
  const host: MailHost = {
    name: address,
    canonicalName: address,
    preference: 0,
    addresses: [{ address, family: literal.family }],
    authentic: false,
  };
  return {
    status: 'found',
    domain,
    via: 'literal',
    authentic: false,
    hosts: [host],
    skipped: [],
    ttlSeconds: literalTtlSeconds,
  };
}

const failureCodes: Readonly<Record<RouteFailureCause, readonly [replyCode: number, enhancedCode: string]>> =
  {
    'null-mx': [556, '5.1.10'],
    'no-such-domain': [550, '5.1.2'],
    'invalid-domain': [550, '5.1.2'],
    'no-mail-host': [550, '5.4.4'],
    'hosts-unusable': [550, '5.4.4'],
    loop: [554, '5.4.6'],
    'lookup-failed': [451, '4.4.3'],
  };

function failure(
  domain: string,
  cause: RouteFailureCause,
  reason: string,
  skipped: readonly SkippedHost[] = [],
): RouteFailure {
  const [replyCode, enhancedCode] = failureCodes[cause];
  const status = replyCode < 500 ? 'temporary' : 'permanent';
  return { status, domain, cause, scope: 'domain', enhancedCode, replyCode, reason, skipped };
}

function refusedAddresses(addresses: readonly string[]): Pick<RouteFailure, 'refusedAddresses'> {
  return addresses.length === 0 ? {} : { refusedAddresses: addresses };
}

function lookupFailure(
  domain: string,
  { reason, scope }: FailedAnswer,
  skipped: readonly SkippedHost[] = [],
): RouteFailure {
  return { ...failure(domain, 'lookup-failed', reason, skipped), scope };
}

function readSettings(given: MailRouteOptions, resolver: Resolver, name: string): Settings {
  const options = readOptions(given, mailRouteOptions, `${name}: options`);
  checkResolver(resolver, name);
  return {
    random: options.random ?? Math.random,
    allow: options.allowAddresses,
    selfNames: new Set((options.self?.names ?? []).map((name) => normalizeDomain(name) ?? name)),
    selfAddresses: new Set((options.self?.addresses ?? []).map(canonicalAddress)),
    maxHosts: options.maxHosts,
    families: options.families ?? [4, 6],
    signal: options.signal,
  };
}
