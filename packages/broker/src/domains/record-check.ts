import {
  type AuthoritativeAnswer,
  checkHost,
  isSpfRecord,
  isTemporary,
  lookupDmarc,
  parseDmarcRecord,
  type Resolver,
} from '@mb/dns';
import type { StoredDomain } from './domain-record.ts';
import type { AskAuthoritative } from './key-sighting.ts';
import type { KeySighting } from './key-state.ts';
import { type DomainRecord, type ServiceFacts, spfMechanisms } from './published-records.ts';

/** A record of a domain, and what the authoritative servers say. */
export interface CheckedRecord extends DomainRecord {
  /**
   * - `seen`: the record or an equivalent one is there
   * - `missing`: every server says that there is none
   * - `different`: there is another one
   * - `contradictory`: the servers differ, or there are several
   * - `unknown`: DNS did not answer
   */
  readonly status: 'seen' | 'missing' | 'different' | 'contradictory' | 'unknown';
  /** The records that are there, as text. */
  readonly found: readonly string[];
  /** What was seen, a sentence. */
  readonly detail: string;
  /** What to do, a sentence; absent when nothing is. */
  readonly fix?: string;
}

/** How records are checked. */
export interface RecordCheckParts {
  readonly ask: AskAuthoritative;
  readonly resolver: Resolver;
  readonly service: ServiceFacts;
  /** What was seen of the keys just now, by selector. */
  readonly sightings: ReadonlyMap<string, KeySighting>;
}

type Verdict = Pick<CheckedRecord, 'status' | 'found' | 'detail' | 'fix'>;

/** Checks one record of a domain. */
export async function checkRecord(
  domain: string,
  record: DomainRecord,
  stored: StoredDomain,
  parts: RecordCheckParts,
): Promise<CheckedRecord> {
  return { ...record, ...(await verdictOf(domain, record, stored, parts)) };
}

async function verdictOf(
  domain: string,
  record: DomainRecord,
  stored: StoredDomain,
  parts: RecordCheckParts,
): Promise<Verdict> {
  if (record.purpose === 'dkim') return checkKey(record, parts.sightings);
  const answer = await parts.ask(record.name, record.type);
  if (answer.status === 'contradictory') {
    const fix = 'Make all servers of the zone serve the same.';
    return { status: 'contradictory', found: [], detail: answer.reason, fix };
  }
  if (answer.status === 'unknown') {
    return { status: 'unknown', found: [], detail: answer.reason, fix: 'Check again later.' };
  }
  if (record.type === 'MX') return checkExchanger(record, answer as AuthoritativeAnswer<'MX'>);
  const texts = (answer as AuthoritativeAnswer<'TXT'>).records.map((strings) => strings.join(''));
  switch (record.purpose) {
    case 'spf':
      return checkSpf(record, texts.filter(isSpfRecord), answer.reason, stored, parts);
    case 'dmarc':
      return checkDmarc(domain, record, texts, answer.reason, parts.resolver);
    default:
      return checkVersion(record, texts, answer.reason);
  }
}

function checkKey({ name, need }: DomainRecord, sightings: RecordCheckParts['sightings']): Verdict {
  const selector = name.slice(0, name.indexOf('._domainkey.'));
  const { seen, detail } = sightings.get(selector) ?? { seen: 'unknown', detail: 'It was not looked up.' };
  const status = seen === 'absent' ? 'missing' : seen;
  if (need === 'remove') {
    const fix = { fix: 'Remove the record; nothing that it verifies is on its way.' };
    return { status, found: [], detail, ...(seen !== 'absent' && fix) };
  }
  const fixes = {
    seen: undefined,
    missing: 'Publish the record on all servers of the zone.',
    different: 'Replace it with the record as it is given here, in one piece.',
    contradictory: 'Publish the record, and no other at this name, on all servers of the zone.',
    unknown: 'Repair the servers that do not answer, or take them out of the zone.',
  } as const;
  const fix = fixes[status];
  return { status, found: [], detail, ...(fix !== undefined && { fix }) };
}

function checkExchanger({ value }: DomainRecord, { records, reason }: AuthoritativeAnswer<'MX'>): Verdict {
  const wanted = value.split(' ')[1]?.toLowerCase();
  const found = records.map(({ preference, exchange }) => `${preference} ${exchange}`);
  if (records.length === 0) {
    return { status: 'missing', found, detail: reason, fix: 'Publish it, so that bounces arrive.' };
  }
  if (records.some(({ exchange }) => exchange.toLowerCase() === wanted)) {
    return { status: 'seen', found, detail: reason };
  }
  const detail = `Mail for the return path goes to ${records[0]!.exchange}.`;
  return {
    status: 'different',
    found,
    detail,
    fix: `Point it to ${wanted}, or forward bounces from there.`,
  };
}

async function checkSpf(
  { name, value }: DomainRecord,
  texts: readonly string[],
  reason: string,
  { hostname }: StoredDomain,
  { resolver, service }: RecordCheckParts,
): Promise<Verdict> {
  const [text] = texts;
  if (text === undefined) return { status: 'missing', found: [], detail: reason, fix: 'Publish it.' };
  // RFC 7208 §4.5: several records are an error, and none of them counts.
  if (texts.length > 1) {
    const detail = `There are ${texts.length} SPF records, so that none counts.`;
    return { status: 'contradictory', found: texts, detail, fix: 'Merge them into one.' };
  }
  const helo = hostname ?? service.hostname;
  const addresses = service.addresses.length > 0 ? service.addresses : await addressesOf(helo, resolver);
  if (addresses.length === 0) {
    const detail = `${helo} has no address, so that it cannot be checked.`;
    return { status: 'unknown', found: texts, detail, fix: `Give ${helo} an address record.` };
  }
  const seen = withText(resolver, name, text);
  const outcomes = await Promise.all(
    addresses.map(async (ip) => ({ ip, ...(await checkHost({ ip, sender: `mb@${name}`, helo }, seen)) })),
  );
  const bad = outcomes.find(({ result }) => result !== 'pass');
  if (!bad) return { status: 'seen', found: texts, detail: `It passes ${addresses.join(', ')}.` };
  const missing = spfMechanisms(service.addresses, helo).join(' ');
  const status = bad.result === 'temperror' ? 'unknown' : 'different';
  const fix = `Put ${missing} in front of its last term; a new record would be ${value}`;
  return { status, found: texts, detail: `${bad.ip} gets ${bad.result}: ${bad.reason}`, fix };
}

/** The record that was seen is checked: a cache may still have an older one. */
function withText(resolver: Resolver, name: string, text: string): Resolver {
  return {
    query: async (asked, type, options) => {
      if (asked !== name || type !== 'TXT') return resolver.query(asked, type, options);
      const base = { name, canonicalName: name, authentic: false, ttlSeconds: 0 };
      return { ...base, status: 'found', type, records: [[text]] } as never;
    },
  };
}

async function addressesOf(host: string, resolver: Resolver): Promise<readonly string[]> {
  const answers = await Promise.all([resolver.query(host, 'A'), resolver.query(host, 'AAAA')]);
  return answers.flatMap((answer) => (isTemporary(answer) ? [] : [...answer.records]));
}

async function checkDmarc(
  domain: string,
  { name }: DomainRecord,
  texts: readonly string[],
  reason: string,
  resolver: Resolver,
): Promise<Verdict> {
  const own = texts.filter((text) => /^v\s*=\s*DMARC1\b/.test(text));
  if (own.length > 1) {
    const detail = `There are ${own.length} DMARC records, so that none counts.`;
    return { status: 'contradictory', found: own, detail, fix: 'Keep one of them.' };
  }
  if (own.length === 1) {
    const parsed = parseDmarcRecord(own[0]!);
    if (parsed.ok) return { status: 'seen', found: own, detail: `The policy is ${parsed.record.policy}.` };
    return { status: 'different', found: own, detail: parsed.problems.join(' '), fix: 'Correct the record.' };
  }
  // RFC 9989 §4.10: the policy of a domain above counts.
  const above = name === `_dmarc.${domain}` ? await lookupDmarc(domain, resolver) : undefined;
  if (above?.status === 'found' && above.recordDomain !== domain) {
    return {
      status: 'seen',
      found: [],
      detail: `The policy of ${above.recordDomain} counts: ${above.policy}.`,
    };
  }
  return { status: 'missing', found: [], detail: reason, fix: 'Publish it; large receivers want one.' };
}

/** MTA-STS and TLS-RPT: what counts is that there is one of the version. */
function checkVersion({ value }: DomainRecord, texts: readonly string[], reason: string): Verdict {
  const version = value.slice(0, value.indexOf(';'));
  const own = texts.filter((text) => text.startsWith(version));
  if (own.length === 1) return { status: 'seen', found: own, detail: reason };
  if (own.length === 0) return { status: 'missing', found: own, detail: reason };
  return { status: 'contradictory', found: own, detail: 'There are several.', fix: 'Keep one of them.' };
}
