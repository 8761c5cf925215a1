import { normalizeDomain } from '../domain.ts';
import {
  callback,
  checkText,
  either,
  group,
  literal,
  type OptionTable,
  readOptions,
  required,
  signal,
} from '../option-table.ts';
import { printable } from '../printable.ts';
import { checkResolver, isTemporary, type Resolver } from '../resolver.ts';
import type { DmarcPolicy, DmarcRecord } from './record.ts';
import { type DmarcNode, DmarcReader } from './tree-walk.ts';

/** The DMARC policy for the mail of a domain, a union on `status`. */
export type DmarcLookup = DmarcFound | DmarcNone | DmarcTemporary;

interface DmarcLookupBase {
  /** The author domain. */
  readonly domain: string;
  readonly organizationalDomain: string;
  /** Problems of the records, one sentence each. */
  readonly problems: readonly string[];
}

/** There is a policy. */
export interface DmarcFound extends DmarcLookupBase {
  readonly status: 'found';
  /** The domain of the record: the author domain, its organisational domain, or the public suffix above it. */
  readonly recordDomain: string;
  readonly record: DmarcRecord;
  /** The policy for this domain, as published. */
  readonly policy: DmarcPolicy;
  /** The tag of the policy. */
  readonly policyTag: 'p' | 'sp' | 'np';
}

/** The domain has no policy. */
export interface DmarcNone extends DmarcLookupBase {
  readonly status: 'none';
}

/** DNS failed; a later lookup may succeed. */
export interface DmarcTemporary extends DmarcLookupBase {
  readonly status: 'temporary';
  readonly reason: string;
}

/** Options of `lookupDmarc`. */
export interface DmarcLookupOptions {
  /**
   * How to find the organisational domain: by the DNS tree walk of RFC 9989, or as in RFC 7489 §3.2 by a function of the
   * caller that uses a public suffix list. Default `tree-walk`.
   */
  readonly discovery?: DmarcDiscovery | undefined;
  /** Ends the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** See {@link DmarcLookupOptions}. */
export type DmarcDiscovery = 'tree-walk' | { readonly organizationalDomain: (domain: string) => string };

type PublicSuffixDiscovery = Exclude<DmarcDiscovery, 'tree-walk'>;

const publicSuffixDiscovery = {
  organizationalDomain: required(callback<PublicSuffixDiscovery['organizationalDomain']>()),
} satisfies OptionTable<PublicSuffixDiscovery>;

/** What {@link DmarcLookupOptions} accepts. */
export const dmarcLookupOptions = {
  discovery: either(literal('tree-walk'), group<PublicSuffixDiscovery>(publicSuffixDiscovery)),
  signal: signal(),
} satisfies OptionTable<DmarcLookupOptions>;

/**
 * Finds the DMARC policy for an author domain (RFC 9989 §4.10, or RFC 7489 §6.6.3 by option).
 *
 * @param domain  The domain of the From field, in A-labels or U-labels.
 * @returns The policy, or that there is none, as for an invalid domain.
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const found = await lookupDmarc('news.example.org', createResolver());
 * if (found.status === 'found') console.log(found.policy, found.recordDomain);
 */
export async function lookupDmarc(
  domain: string,
  resolver: Resolver,
  given: DmarcLookupOptions = {},
): Promise<DmarcLookup> {
  const options = readOptions(given, dmarcLookupOptions, 'lookupDmarc: options');
  checkText(domain, 'lookupDmarc: domain');
  checkResolver(resolver, 'lookupDmarc');
  const reader = new DmarcReader(resolver, options.signal);
  return discoverPolicy(domain, reader, resolver, options);
}

/** Like `lookupDmarc`, with a reader that caches records. */
export async function discoverPolicy(
  text: string,
  reader: DmarcReader,
  resolver: Resolver,
  options: DmarcLookupOptions,
): Promise<DmarcLookup> {
  const domain = normalizeDomain(text);
  if (domain === undefined || domain === '.' || domain.startsWith('[')) {
    const problems = [`${printable(text)} is not a domain name.`];
    return { status: 'none', domain: text, organizationalDomain: text, problems };
  }
  const { discovery = 'tree-walk' } = options;
  const walk =
    discovery === 'tree-walk' ? await reader.walk(domain) : await readTwo(domain, discovery, reader);
  const { nodes, organizationalDomain } = walk;
  const problems = nodes.flatMap(nodeProblems);
  const base = { domain, organizationalDomain, problems };
  const own = nodes[0]!;
  if (own.kind === 'invalid') return { status: 'none', ...base };
  const node = own.kind === 'record' ? own : policyNode(nodes, organizationalDomain);
  if (node === undefined) {
    if (walk.temporary !== undefined) return { status: 'temporary', ...base, reason: walk.temporary };
    return { status: 'none', ...base };
  }
  const { record } = node;
  if (node.domain === domain) {
    return { status: 'found', ...base, recordDomain: domain, record, policy: record.policy, policyTag: 'p' };
  }
  if (walk.temporary !== undefined) return { status: 'temporary', ...base, reason: walk.temporary };
  return inheritPolicy(domain, node, base, resolver, options.signal);
}

/** RFC 9989 §4.10.1: the record of the organisational domain, or else that of the public suffix above it. */
function policyNode(nodes: readonly DmarcNode[], organizationalDomain: string) {
  const records = nodes.filter((node) => node.kind === 'record');
  return (
    records.find((node) => node.domain === organizationalDomain) ??
    records.find((node) => node.record.publicSuffix === 'y')
  );
}

async function inheritPolicy(
  domain: string,
  node: Extract<DmarcNode, { kind: 'record' }>,
  base: DmarcLookupBase,
  resolver: Resolver,
  signal: AbortSignal | undefined,
): Promise<DmarcLookup> {
  const { record } = node;
  const found = { status: 'found', ...base, recordDomain: node.domain, record } as const;
  const { subdomainPolicy, nonexistentPolicy } = record;
  if (nonexistentPolicy !== undefined) {
    // RFC 9989 §4.7: np is for names that do not exist (RFC 8020).
    const answer = await resolver.query(domain, 'A', { signal });
    if (isTemporary(answer)) return { status: 'temporary', ...base, reason: answer.reason };
    if (answer.status === 'nxdomain') return { ...found, policy: nonexistentPolicy, policyTag: 'np' };
  }
  if (subdomainPolicy !== undefined) return { ...found, policy: subdomainPolicy, policyTag: 'sp' };
  return { ...found, policy: record.policy, policyTag: 'p' };
}

/** RFC 7489 §6.6.3: reads the record of the domain, then that of its organisational domain by a public suffix list. */
async function readTwo(domain: string, discovery: PublicSuffixDiscovery, reader: DmarcReader) {
  const organizationalDomain = normalizeDomain(discovery.organizationalDomain(domain)) ?? domain;
  const nodes = [await reader.read(domain)];
  if (nodes[0]!.kind === 'none' && organizationalDomain !== domain)
    nodes.push(await reader.read(organizationalDomain));
  const failed = nodes.find((node) => node.kind === 'temporary');
  return { nodes, organizationalDomain, temporary: failed?.reason };
}

function nodeProblems(node: DmarcNode): readonly string[] {
  if (node.kind === 'record')
    return node.record.problems.map((problem) => `_dmarc.${node.domain}: ${problem}`);
  return node.kind === 'temporary' ? [] : node.problems;
}
