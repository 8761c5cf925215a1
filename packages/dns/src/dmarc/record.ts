import { checkText } from '../option-table.ts';
import { printable } from '../printable.ts';
import { parseTagList } from '../tag-list.ts';

/** What a domain asks receivers to do with mail that fails DMARC. */
export type DmarcPolicy = 'none' | 'quarantine' | 'reject';

/** How an authenticated domain must match: `relaxed` the same organisational domain, `strict` the same name. */
export type DmarcAlignmentMode = 'relaxed' | 'strict';

/** A policy record with its defaults filled in (RFC 9989 §4.7). */
export interface DmarcRecord {
  readonly text: string;
  /** `p` */
  readonly policy: DmarcPolicy;
  /** `sp`; undefined when the record does not say. */
  readonly subdomainPolicy: DmarcPolicy | undefined;
  /** `np`; undefined when the record does not say. */
  readonly nonexistentPolicy: DmarcPolicy | undefined;
  /** `adkim` */
  readonly dkimAlignment: DmarcAlignmentMode;
  /** `aspf` */
  readonly spfAlignment: DmarcAlignmentMode;
  /** `t=y`: test mode, in which receivers apply a policy one step weaker. */
  readonly testing: boolean;
  /** `psd`: the domain is a public suffix (`y`), is not one (`n`), or does not say (`u`). */
  readonly publicSuffix: 'y' | 'n' | 'u';
  /** `rua`: where aggregate reports go. */
  readonly aggregateReports: readonly string[];
  /** `ruf`: where failure reports go. */
  readonly failureReports: readonly string[];
  /** `fo` */
  readonly failureOptions: readonly string[];
  /** Problems that do not invalidate the record, one sentence each. */
  readonly problems: readonly string[];
}

/** Outcome of `parseDmarcRecord`. */
export type DmarcParseResult =
  | { readonly ok: true; readonly record: DmarcRecord }
  | { readonly ok: false; readonly problems: readonly string[] };

// RFC 9989 §4.8: the version comes first, and its value is case-sensitive; white space is allowed around "=".
const versionTag = /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/;

/** Whether a TXT record, with its strings joined, is a DMARC record. */
export function isDmarcRecord(text: string): boolean {
  return versionTag.test(text);
}

/**
 * Parses a DMARC policy record (RFC 9989 §4.7).
 *
 * Unknown tags are ignored. A record whose policy is missing or invalid counts as `p=none` if it has a valid `rua`, and is
 * invalid otherwise (§4.10.1).
 *
 * @param text  The strings of the record, joined without separator.
 * @example
 * const parsed = parseDmarcRecord('v=DMARC1; p=reject; rua=mailto:dmarc@example.org');
 * if (parsed.ok) console.log(parsed.record.policy); // reject
 */
export function parseDmarcRecord(text: string): DmarcParseResult {
  if (!isDmarcRecord(checkText(text, 'parseDmarcRecord: text')))
    return { ok: false, problems: ['The record does not start with "v=DMARC1".'] };
  const { tags, malformed } = parseTagList(text);
  const problems = malformed.map((piece) => `${printable(piece)} is not of the form tag=value.`);
  const values = new Map<string, string>();
  for (const { name, value } of tags) {
    const key = name.toLowerCase();
    if (values.has(key)) problems.push(`Tag ${key} appears more than once; the first value is used.`);
    else values.set(key, value);
  }
  const reader = new TagReader(values, problems);
  const aggregateReports = reader.reportUris('rua');
  const policies = readPolicies(reader, aggregateReports.length > 0);
  if (policies === undefined) return { ok: false, problems };
  const record: DmarcRecord = {
    text,
    ...policies,
    dkimAlignment: reader.choice('adkim', { r: 'relaxed', s: 'strict' }, 'relaxed'),
    spfAlignment: reader.choice('aspf', { r: 'relaxed', s: 'strict' }, 'relaxed'),
    testing: reader.choice('t', { y: 'y', n: 'n' }, 'n') === 'y',
    publicSuffix: reader.choice('psd', { y: 'y', n: 'n', u: 'u' }, 'u'),
    aggregateReports,
    failureReports: reader.reportUris('ruf'),
    failureOptions: (values.get('fo') ?? '0').split(':').map((option) => option.trim()),
    problems,
  };
  for (const obsolete of ['pct', 'rf', 'ri']) {
    if (values.has(obsolete)) problems.push(`The tag ${obsolete} is obsolete and has no effect (RFC 9989).`);
  }
  return { ok: true, record };
}

type Policies = Pick<DmarcRecord, 'policy' | 'subdomainPolicy' | 'nonexistentPolicy'>;

function readPolicies(reader: TagReader, hasReportUri: boolean): Policies | undefined {
  const policy = reader.policy('p');
  const subdomainPolicy = reader.policy('sp');
  const nonexistentPolicy = reader.policy('np');
  if (
    policy !== undefined &&
    policy !== 'wrong' &&
    subdomainPolicy !== 'wrong' &&
    nonexistentPolicy !== 'wrong'
  ) {
    return { policy, subdomainPolicy, nonexistentPolicy };
  }
  if (policy === undefined) reader.problems.push('The tag p is missing.');
  // RFC 9989 §4.10.1: such a record counts as p=none if it asks for reports.
  if (!hasReportUri) return undefined;
  return { policy: 'none', subdomainPolicy: undefined, nonexistentPolicy: undefined };
}

class TagReader {
  readonly #values: ReadonlyMap<string, string>;
  readonly problems: string[];

  constructor(values: ReadonlyMap<string, string>, problems: string[]) {
    this.#values = values;
    this.problems = problems;
  }

  policy(tag: string): DmarcPolicy | 'wrong' | undefined {
    const value = this.#values.get(tag)?.toLowerCase();
    if (value === undefined || value === 'none' || value === 'quarantine' || value === 'reject') return value;
    this.problems.push(`${tag}=${printable(value)} must be none, quarantine or reject.`);
    return 'wrong';
  }

  choice<T extends string>(tag: string, choices: Readonly<Record<string, T>>, fallback: T): T {
    const value = this.#values.get(tag)?.toLowerCase();
    if (value === undefined) return fallback;
    if (Object.hasOwn(choices, value)) return choices[value]!;
    this.problems.push(
      `${tag}=${printable(value)} must be one of ${Object.keys(choices).join(', ')}; the default is used.`,
    );
    return fallback;
  }

  reportUris(tag: string): string[] {
    const uris: string[] = [];
    for (const piece of this.#values.get(tag)?.split(',') ?? []) {
      const uri = piece.trim();
      if (isReportUri(uri)) uris.push(uri);
      else this.problems.push(`${tag}: ${printable(uri)} is not a mailto: or https: URI.`);
    }
    return uris;
  }
}

/** RFC 7489 §6.2 allowed a size after "!"; such a URI is still valid. */
function isReportUri(uri: string): boolean {
  return /^mailto:[^@\s]+@[^@\s]+$/i.test(uri) || /^https:\/\/[^\s]+$/i.test(uri);
}
