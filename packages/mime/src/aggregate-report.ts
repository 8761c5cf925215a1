/**
 * Reads DMARC aggregate reports (RFC 9990, RFC 7489 Appendix C). Needs the packages fflate and htmlparser2.
 *
 * @packageDocumentation
 */
import { Parser } from 'htmlparser2';
import { decodeOctets } from './charset.ts';
import { parseDate } from './date.ts';
import type { ParsedMessage } from './parsed-message.ts';
import { findReport, malformedReport, type ReportOptions, unpackReport } from './report-archive.ts';

export type { ReportLimits, ReportOptions } from './report-archive.ts';

/** The result of one DKIM signature. */
export interface ReportedDkim {
  readonly domain: string;
  readonly selector?: string;
  /** `none`, `pass`, `fail`, `policy`, `neutral`, `temperror` or `permerror`. */
  readonly result: string;
  readonly humanResult?: string;
}

/** The result of one SPF check. */
export interface ReportedSpf {
  readonly domain: string;
  /** `mfrom`, or `helo` in reports of RFC 7489. */
  readonly scope?: string;
  /** `none`, `neutral`, `pass`, `fail`, `softfail`, `temperror` or `permerror`. */
  readonly result: string;
  readonly humanResult?: string;
}

/** Why the reporter did not apply the policy. */
export interface PolicyOverride {
  /** For example `mailing_list`, `trusted_forwarder`, `local_policy`, `policy_test_mode` or `other`. */
  readonly type: string;
  readonly comment?: string;
}

/** Messages from one IP address with the same results. */
export interface AggregateRecord {
  readonly sourceIp: string;
  /** Number of messages. */
  readonly count: number;
  /** `none`, `pass`, `quarantine` or `reject`. */
  readonly disposition?: string;
  /** Whether an aligned signature passed: `pass` or `fail`. */
  readonly dkim?: string;
  /** Whether SPF passed with an aligned domain: `pass` or `fail`. */
  readonly spf?: string;
  readonly overrides: readonly PolicyOverride[];
  readonly headerFrom?: string;
  readonly envelopeFrom?: string;
  readonly envelopeTo?: string;
  readonly dkimResults: readonly ReportedDkim[];
  readonly spfResults: readonly ReportedSpf[];
}

/** The published DMARC policy as the reporter saw it. */
export interface PublishedPolicy {
  readonly domain: string;
  readonly policy?: string;
  readonly subdomainPolicy?: string;
  /** For domains that do not exist (RFC 9989). */
  readonly nonexistentPolicy?: string;
  /** `r` relaxed or `s` strict. */
  readonly dkimAlignment?: string;
  readonly spfAlignment?: string;
  /** Only in reports of RFC 7489. */
  readonly percentage?: number;
  readonly failureOptions?: string;
  /** The `t` tag: the domain is testing the policy and it should not be applied. */
  readonly testing?: boolean;
  /** `psl` or `treewalk`. */
  readonly discoveryMethod?: string;
}

/** A DMARC aggregate report. */
export interface AggregateReport {
  readonly kind: 'dmarc-aggregate';
  readonly version?: string;
  readonly organization: string;
  readonly email?: string;
  readonly extraContactInfo?: string;
  readonly reportId: string;
  readonly begin?: Date;
  readonly end?: Date;
  readonly generator?: string;
  /** Errors that the reporter ran into, as it wrote them. */
  readonly errors: readonly string[];
  readonly policy: PublishedPolicy;
  readonly records: readonly AggregateRecord[];
}

/**
 * Parses a DMARC aggregate report: XML, plain or in gzip or zip, including the deviations of known reporters.
 *
 * Domains and keywords are in lower case. A missing value is undefined, or empty if the property is required.
 *
 * @param content  The octets of the part, after transfer decoding.
 * @param options  The limits.
 * @throws {MimeError} MB_MIME_REPORT_SIZE over the limits, MB_MIME_REPORT_SYNTAX if it is not an aggregate report.
 * @example parseAggregateReport(part.content).records[0]?.sourceIp
 */
export function parseAggregateReport(content: Uint8Array, options: ReportOptions = {}): AggregateReport {
  const octets = unpackReport(content, options, looksLikeXml);
  const report: { root?: XmlElement; records: AggregateRecord[] } = { records: [] };
  readXml(decodeXml(octets), (element, parent) => {
    if (element.name === 'record' && parent?.name === 'feedback') report.records.push(readRecord(element));
    else if (parent !== undefined) parent.children.push(element);
    else report.root ??= element;
  });
  const { root } = report;
  if (root?.name !== 'feedback')
    throw malformedReport('An aggregate report is an XML document whose root is feedback (RFC 9990).');
  const metadata = child(root, 'report_metadata');
  const range = child(metadata, 'date_range');
  return defined<AggregateReport>({
    kind: 'dmarc-aggregate',
    version: text(root, 'version'),
    organization: text(metadata, 'org_name') ?? '',
    email: text(metadata, 'email'),
    extraContactInfo: text(metadata, 'extra_contact_info'),
    reportId: text(metadata, 'report_id') ?? '',
    begin: moment(text(range, 'begin')),
    end: moment(text(range, 'end')),
    generator: text(metadata, 'generator'),
    errors: all(metadata, 'error').flatMap((error) => error.text.trim() || []),
    policy: readPolicy(child(root, 'policy_published')),
    records: report.records,
  });
}

/**
 * Finds the DMARC aggregate report in a message. Other attachments are ignored.
 *
 * @returns The report, or undefined when no part holds one.
 * @throws {MimeError} MB_MIME_REPORT_SIZE if a compressed part is over the limits.
 * @example findAggregateReport(await parseMessage(octets))?.organization
 */
export function findAggregateReport(
  message: ParsedMessage,
  options: ReportOptions = {},
): AggregateReport | undefined {
  return findReport(message, options, parseAggregateReport);
}

function looksLikeXml(octets: Uint8Array): boolean {
  // Skips byte order marks and the zero octets of UTF-16.
  for (const octet of octets.subarray(0, 100)) {
    if (octet === 60) return true;
    if (octet > 32 && octet !== 0xef && octet !== 0xbb && octet !== 0xbf && octet < 0xfe) return false;
  }
  return false;
}

/** Decodes XML by its byte order mark or the encoding that it declares (XML 1.0 Appendix F). */
function decodeXml(octets: Uint8Array): string {
  if (octets.length > 1 && octets[0]! >= 0xfe && octets[1]! >= 0xfe)
    return decodeOctets(octets, 'utf-16', {});
  const start = String.fromCharCode(...octets.subarray(0, 200));
  const label = /^[^<]*<\?xml[^>]*\sencoding\s*=\s*["']([\w.-]{1,60})["']/i.exec(start)?.[1];
  return decodeOctets(octets, label ?? 'utf-8', {});
}

/** An element with the children that were kept. */
interface XmlElement {
  /** Lower-case, without a namespace prefix. */
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

/** Most levels of elements; a report has eight. */
const MAX_DEPTH = 32;

/** Parses a document. Calls `take` with each element when it ends, so that the caller keeps only what it needs. */
function readXml(
  document: string,
  take: (element: XmlElement, parent: XmlElement | undefined) => void,
): void {
  const open: XmlElement[] = [];
  const parser = new Parser(
    {
      onopentagname(name) {
        if (open.length >= MAX_DEPTH) throw malformedReport(`The report nests over ${MAX_DEPTH} deep.`);
        open.push({ name: name.toLowerCase().replace(/^.*:/, ''), text: '', children: [] });
      },
      ontext(data) {
        const element = open.at(-1);
        if (element !== undefined) element.text += data;
      },
      onclosetag() {
        const element = open.pop();
        if (element !== undefined) take(element, open.at(-1));
      },
    },
    // Decodes only the entities of XML itself, not those of a document type.
    { xmlMode: true, decodeEntities: true },
  );
  parser.write(document);
  // The parser would close open elements at the end, and a truncated number would pass as a valid one.
  if (open.length > 0) throw malformedReport('The report ends before its elements do.');
  parser.end();
}

function all(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((one) => one.name === name) ?? [];
}

function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name === name);
}

/** The text of a child element; undefined if missing or empty. */
function text(element: XmlElement | undefined, name: string): string | undefined {
  return child(element, name)?.text.trim() || undefined;
}

/** A keyword or a domain, in lower case. */
function word(element: XmlElement | undefined, name: string): string | undefined {
  return text(element, name)?.toLowerCase();
}

/** Parses seconds since 1970. QUIRK(several reporters): milliseconds, or a date as text. */
function moment(value: string | undefined): Date | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,14}(?:\.\d+)?$/.test(value)) return parseDate(value);
  const number = Math.floor(Number(value));
  return new Date(number > 100_000_000_000 ? number : number * 1000);
}

/** Parses a number of messages. QUIRK(several reporters): with separators between groups of digits, as in `1,000`. */
function readCount(written: string): number {
  if (!/\d/.test(written)) return 1; // a record stands for at least one message
  const digits = /^\d{1,3}(?:[,.' \u00a0]\d{3})+$/.test(written) ? written.replace(/\D/g, '') : written;
  const count = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(count)) throw malformedReport('The count of a record is not a whole number.');
  return count;
}

function readPolicy(policy: XmlElement | undefined): PublishedPolicy {
  const percentage = Number(text(policy, 'pct') ?? Number.NaN);
  const testing = word(policy, 'testing');
  return defined<PublishedPolicy>({
    domain: word(policy, 'domain') ?? '',
    policy: word(policy, 'p'),
    subdomainPolicy: word(policy, 'sp'),
    nonexistentPolicy: word(policy, 'np'),
    dkimAlignment: word(policy, 'adkim'),
    spfAlignment: word(policy, 'aspf'),
    percentage: Number.isNaN(percentage) ? undefined : percentage,
    failureOptions: word(policy, 'fo'),
    testing: testing === undefined ? undefined : testing === 'y',
    discoveryMethod: word(policy, 'discovery_method'),
  });
}

function readRecord(record: XmlElement): AggregateRecord {
  const row = child(record, 'row');
  // QUIRK(several reporters): the evaluation is a sibling of the row, not its child.
  const evaluated = child(row, 'policy_evaluated') ?? child(record, 'policy_evaluated');
  // Drafts of RFC 7489 used `identities`.
  const identifiers = child(record, 'identifiers') ?? child(record, 'identities');
  // QUIRK(several reporters): one element for each result.
  const results = all(record, 'auth_results');
  return defined<AggregateRecord>({
    sourceIp: word(row, 'source_ip') ?? '',
    count: readCount(text(row, 'count') ?? ''),
    disposition: word(evaluated, 'disposition'),
    dkim: word(evaluated, 'dkim'),
    spf: word(evaluated, 'spf'),
    overrides: all(evaluated, 'reason').map((reason) =>
      defined<PolicyOverride>({ type: word(reason, 'type') ?? 'other', comment: text(reason, 'comment') }),
    ),
    headerFrom: word(identifiers, 'header_from'),
    envelopeFrom: word(identifiers, 'envelope_from'),
    envelopeTo: word(identifiers, 'envelope_to'),
    dkimResults: results
      .flatMap((one) => all(one, 'dkim'))
      .map((dkim) =>
        defined<ReportedDkim>({
          domain: word(dkim, 'domain') ?? '',
          selector: text(dkim, 'selector'),
          result: word(dkim, 'result') ?? 'none',
          humanResult: text(dkim, 'human_result'),
        }),
      ),
    spfResults: results
      .flatMap((one) => all(one, 'spf'))
      .map((spf) => {
        const result = word(spf, 'result') ?? 'none';
        return defined<ReportedSpf>({
          domain: word(spf, 'domain') ?? '',
          scope: word(spf, 'scope'),
          result: result === 'hardfail' ? 'fail' : result, // RFC 8601 §2.7.2
          humanResult: text(spf, 'human_result'),
        });
      }),
  });
}

/** Removes undefined properties. */
function defined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
