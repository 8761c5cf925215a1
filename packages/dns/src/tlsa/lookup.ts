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

/** The host to connect to, as a mail route describes it. */
export interface TlsaTarget {
  /** A host of a mail route. */
  readonly host: {
    readonly name: string;
    readonly canonicalName: string;
    /** DNSSEC proved its address records. */
    readonly authentic: boolean;
  };
  /** DNSSEC proved the MX records, or their absence; true for a configured host (RFC 7672 §2.2). */
  readonly routeAuthentic: boolean;
  /** The domain of the recipients, which is also a name that a usage-2 certificate may carry (RFC 7672 §3.2.2). */
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
  /** Ends the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link TlsaLookupOptions} accepts. */
export const tlsaLookupOptions = {
  port: integer(1, 65_535, { default: 25 }),
  signal: signal(),
} satisfies OptionTable<TlsaLookupOptions>;

/** What DANE asks of a connection, distinguished by `status`. */
export type TlsaLookup =
  /** No DANE: something is not signed, or there are no records. */
  | { readonly status: 'none'; readonly reason: string }
  /** TLS is required, and the certificate must match one of the records. */
  | {
      readonly status: 'found';
      /** Name for SNI, and the first that a usage-2 certificate may carry. */
      readonly baseDomain: string;
      readonly records: readonly TlsaRecord[];
      /** Names that a usage-2 certificate may carry (RFC 7672 §3.2.2). */
      readonly referenceNames: readonly string[];
      readonly ttlSeconds: number;
    }
  /** There are records, and none can be used: TLS is required, the certificate does not matter (RFC 7672 §2.2). */
  | {
      readonly status: 'unusable';
      readonly baseDomain: string;
      readonly reason: string;
      readonly ttlSeconds: number;
    }
  /** The host must not be used now: without an answer a downgrade cannot be told from none (RFC 7672 §2.1). */
  | { readonly status: 'temporary'; readonly scope: FailureScope; readonly reason: string };

/**
 * Looks up the TLSA records of a mail exchanger (RFC 7672 §2.2). Nothing is asked unless the route and
 * the host's addresses are authenticated.
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
    // RFC 7672 §2.1.1: an attacker who suppresses the answer must not be able to switch TLS off.
    if (isTemporary(answer)) return { status: 'temporary', scope: answer.scope, reason: answer.reason };
    if (answer.status === 'found' && answer.authentic) return judgeRecords(answer, baseDomain, target);
  }
  return { status: 'none', reason: `${bases[0]} has no authenticated TLSA records.` };
}

/** RFC 7672 §2.2.2, §2.2.3: the end of the alias chain first, then the name as the MX record has it. */
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
  // The alias itself may be signed although its target is not; then the alias has the records.
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

/** SHA-256 and SHA-512 digests have these lengths; 0 means the data itself. */
const digestLengths: Readonly<Record<number, number>> = { 0: 0, 1: 32, 2: 64 };

/**
 * Whether a record can be used for mail: usage 2 or 3 (RFC 7672 §3.1.3 rules out 0 and 1), selector 0
 * or 1, matching type 0, 1 or 2 with data of the right length.
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
