import { checkArgument, hasFields } from '../argument.ts';

/** One result of a diagnosis. */
export interface Finding {
  readonly check: DiagnosisCheck;
  /** `error`: mail will be refused; `warning`: mail may be refused or a safeguard is missing; `info`: worth knowing; `ok`. */
  readonly severity: FindingSeverity;
  /** The address, name or domain that it is about. */
  readonly subject: string;
  /** One sentence. */
  readonly message: string;
  /** What was seen, in DNS or on the wire. */
  readonly evidence: readonly string[];
  /** What to do, one sentence; absent when nothing is. */
  readonly fix?: string;
  /** The record to publish, ready to paste. */
  readonly publish?: PublishedRecord;
}

/** What was looked at. */
export type DiagnosisCheck =
  | 'ptr'
  | 'helo'
  | 'spf'
  | 'dkim'
  | 'dmarc'
  | 'mx'
  | 'mta-sts'
  | 'tls-rpt'
  | 'port-25';

/** How much it matters. */
export type FindingSeverity = 'ok' | 'info' | 'warning' | 'error';

/** A record in the form of a zone file's columns. */
export interface PublishedRecord {
  /** Without trailing dot. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'MX' | 'PTR' | 'TXT';
  readonly value: string;
}

/**
 * A record as a line of a zone file; long texts are cut into strings of at most 255 octets.
 *
 * @example
 * formatPublishedRecord({ name: '_dmarc.example.org', type: 'TXT', value: 'v=DMARC1; p=none' })
 * // '_dmarc.example.org. TXT "v=DMARC1; p=none"'
 */
export function formatPublishedRecord(record: PublishedRecord): string {
  checkArgument(
    hasFields(record, 'string', 'name', 'type', 'value'),
    'formatPublishedRecord: record',
    'an object with the strings name, type and value',
  );
  const { name, type, value } = record;
  if (type !== 'TXT') return `${name}. ${type} ${value}`;
  const strings = value.match(/.{1,255}/gs) ?? [''];
  return `${name}. TXT ${strings.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(' ')}`;
}

const ranks: readonly FindingSeverity[] = ['ok', 'info', 'warning', 'error'];

/** The gravest severity among findings; `ok` when there are none. */
export function worstSeverity(findings: readonly Finding[]): FindingSeverity {
  checkArgument(
    Array.isArray(findings) && findings.every((one) => ranks.includes(one?.severity)),
    'worstSeverity: findings',
    'findings, such as those of diagnoseSender',
  );
  return ranks[Math.max(0, ...findings.map((finding) => ranks.indexOf(finding.severity)))]!;
}
