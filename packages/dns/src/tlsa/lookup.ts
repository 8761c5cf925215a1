import { checkArgument, hasFields } from '../argument.ts';
import { normalizeDomain } from '../domain.ts';
import {
  flag,
  integer,
  matching,
  type OptionTable,
  readOptions,
  required,
  signal,
  text,
} from '../option-table.ts';
import type { TlsaRecord } from '../record.ts';
import { type Answer, checkResolver, type FailureScope, isTemporary, type Resolver } from '../resolver.ts';

/** A host to connect to. */
export interface TlsaTarget {
  /** A host of a mail route. */
  readonly host: {
    readonly name: string;
    readonly canonicalName: string;
    /** Whether DNSSEC authenticated its address records. */
    readonly authentic: boolean;
  };
  /** Whether DNSSEC authenticated the MX records or their absence; true for a configured host (RFC 7672 §2.2). */
  readonly routeAuthentic: boolean;
  /** The domain of the recipients, which is also a valid name of a usage-2 certificate (RFC 7672 §3.2.2). */
  readonly domain?: string | undefined;
}

/** What {@link TlsaTarget} accepts. */
export const tlsaTarget = {
  host: required(
    matching<TlsaTarget['host']>(
      'a host of a mail route',
      (value) =>
        typeof value === 'object' &&
        value !== null &&
        ['name', 'canonicalName'].every(
          (key) => typeof (value as Record<string, unknown>)[key] === 'string',
        ) &&
        typeof (value as Record<string, unknown>).authentic === 'boolean',
    ),
  ),
  routeAuthentic: required(flag()),
  domain: text('a domain'),
} satisfies OptionTable<TlsaTarget>;

/** Options of {@link lookupTlsa}. */
export interface TlsaLookupOptions {
  /** Default 25. */
  readonly port?: number | undefined;
  /** Aborts the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link TlsaLookupOptions} accepts. */
export const tlsaLookupOptions = {
  port: integer(1, 65_535, { default: 25 }),
  signal: signal(),
} satisfies OptionTable<TlsaLookupOptions>;

/** What DANE requires of a connection, a union on `status`. */
export type TlsaLookup =
  /** No DANE: there are no TLSA records, or DNSSEC does not authenticate them. */
  | { readonly status: 'none'; readonly reason: string }
  /** TLS is required, and the certificate must match one of the records. */
  | {
      readonly status: 'found';
      /** Name for SNI, and the first valid name of a usage-2 certificate. */
      readonly baseDomain: string;
      readonly records: readonly TlsaRecord[];
      /** Valid names of a usage-2 certificate (RFC 7672 §3.2.2). */
      readonly referenceNames: readonly string[];
      readonly ttlSeconds: number;
    }
  /** There are only unusable records: TLS is required, with any certificate (RFC 7672 §2.2). */
  | {
      readonly status: 'unusable';
      readonly baseDomain: string;
      readonly reason: string;
      readonly ttlSeconds: number;
    }
  /** The host must not be used now: the lookup failed, which may be a downgrade attack (RFC 7672 §2.1). */
  | { readonly status: 'temporary'; readonly scope: FailureScope; readonly reason: string };

/**
 * Looks up the TLSA records of a mail exchanger (RFC 7672 §2.2), if the route and the addresses of the host are
 * authenticated.
 *
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const route = await findMailRoute('example.org', resolver);
 * if (route.status === 'found') {
 *   const [host] = route.hosts;
 *   const tlsa = await lookupTlsa({ host, routeAuthentic: route.authentic, domain: route.domain }, resolver);
 * }
 */
export async function lookupTlsa(
  given: TlsaTarget,
  resolver: Resolver,
  options: TlsaLookupOptions = {},
): Promise<TlsaLookup> {
  const target = readOptions(given, tlsaTarget, 'lookupTlsa: target');
  const { port, signal } = readOptions(options, tlsaLookupOptions, 'lookupTlsa: options');
  checkResolver(resolver, 'lookupTlsa');
  const query = { signal };
  if (!target.routeAuthentic)
    return { status: 'none', reason: 'The mail route is not authenticated by DNSSEC.' };
  const bases = await baseDomains(target, resolver, query);
  if ('status' in bases) return bases;
  for (const baseDomain of bases) {
    const answer = await resolver.query(`_${port}._tcp.${baseDomain}`, 'TLSA', query);
    // RFC 7672 §2.1.1: an attacker who blocks the answer must not be able to disable TLS.
    if (isTemporary(answer)) return { status: 'temporary', scope: answer.scope, reason: answer.reason };
    if (answer.status === 'found' && answer.authentic) return judgeRecords(answer, baseDomain, target);
  }
  return { status: 'none', reason: `${bases[0]} has no authenticated TLSA records.` };
}

/** RFC 7672 §2.2.2, §2.2.3: the end of the alias chain first, then the name in the MX record. */
async function baseDomains(
  { host }: TlsaTarget,
  resolver: Resolver,
  query: { signal: AbortSignal | undefined },
): Promise<readonly string[] | TlsaLookup> {
  if (host.authentic) return [...new Set([host.canonicalName, host.name])];
  const none = {
    status: 'none',
    reason: `The addresses of ${host.name} are not authenticated by DNSSEC.`,
  } as const;
  if (host.canonicalName === host.name) return none;
  // If the alias is signed although its target is not, only the TLSA records at the alias count.
  const alias = await resolver.query(host.name, 'CNAME', query);
  if (isTemporary(alias)) return { status: 'temporary', scope: alias.scope, reason: alias.reason };
  return alias.status === 'found' && alias.authentic ? [host.name] : none;
}

function judgeRecords(
  answer: Extract<Answer<'TLSA'>, { status: 'found' }>,
  baseDomain: string,
  { host, domain }: TlsaTarget,
): TlsaLookup {
  const { ttlSeconds } = answer;
  const records = answer.records.filter(isUsableTlsa);
  if (records.length === 0) {
    return {
      status: 'unusable',
      baseDomain,
      reason: `No TLSA record of ${baseDomain} can be used for mail.`,
      ttlSeconds,
    };
  }
  const nextHop = domain === undefined ? undefined : normalizeDomain(domain);
  const referenceNames = [...new Set([baseDomain, host.name, ...(nextHop === undefined ? [] : [nextHop])])];
  return { status: 'found', baseDomain, records, referenceNames, ttlSeconds };
}

/** Length of the data by matching type; 0 for any length. */
const digestLengths: Readonly<Record<number, number>> = { 0: 0, 1: 32, 2: 64 };

/**
 * Whether a record is usable for mail: usage 2 or 3 (RFC 7672 §3.1.3 excludes 0 and 1), selector 0 or 1, and matching type
 * 0, 1 or 2 with data of the right length.
 */
export function isUsableTlsa(record: TlsaRecord): boolean {
  checkArgument(
    hasFields(record, 'number', 'usage', 'selector', 'matchingType') && record.data instanceof Uint8Array,
    'isUsableTlsa: record',
    'a TLSA record',
  );
  const { usage, selector, matchingType, data } = record;
  const length = digestLengths[matchingType];
  if ((usage !== 2 && usage !== 3) || (selector !== 0 && selector !== 1) || length === undefined)
    return false;
  return length === 0 ? data.length > 0 : data.length === length;
}
