import { checkArgument, hasFields } from '../argument.ts';

/** One result of a diagnosis. */
export interface Finding {
  readonly check: DiagnosisCheck;
  /** `error`: mail will be refused; `warning`: mail may be refused, or a safeguard is missing; `info`; `ok`. */
  readonly severity: FindingSeverity;
  /** The address, name or domain that was checked. */
  readonly subject: string;
  /** One sentence. */
  readonly message: string;
  /** Evidence, such as DNS records. */
  readonly evidence: readonly string[];
  /** One sentence that says what to do; absent when there is nothing to do. */
  readonly fix?: string;
  /** The record to publish, ready to paste. */
  readonly publish?: PublishedRecord;
}

/** A check of a diagnosis. */
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

/** The severity of a finding. */
export type FindingSeverity = 'ok' | 'info' | 'warning' | 'error';

/** A record to publish, with the columns of a zone file. */
export interface PublishedRecord {
  /** Without trailing dot. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'MX' | 'PTR' | 'TXT';
  readonly value: string;
}

/**
 * Formats a record as a line of a zone file; a long text is split into strings of at most 255 octets.
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

/** The highest severity among findings; `ok` when there are none. */
export function worstSeverity(findings: readonly Finding[]): FindingSeverity {
  checkArgument(
    Array.isArray(findings) && findings.every((one) => ranks.includes(one?.severity)),
    'worstSeverity: findings',
    'findings, such as those of diagnoseSender',
  );
  return ranks[Math.max(0, ...findings.map((finding) => ranks.indexOf(finding.severity)))]!;
}
