import type { AggregateReport } from '@mb/mime/aggregate-report';
import type { TlsPolicyResult, TlsReport } from '@mb/mime/tls-report';
import { firstRows } from './first-rows.ts';

/** Messages of one address that used a domain of ours as their author's. */
export interface DmarcSource {
  readonly ip: string;
  readonly messages: number;
  /** Those with an aligned signature or an aligned return path, so that DMARC passed. */
  readonly aligned: number;
  readonly dkimAligned: number;
  readonly spfAligned: number;
  /** Those that the receiver put into quarantine or refused. */
  readonly quarantined: number;
  readonly rejected: number;
}

/** What is kept of a DMARC aggregate report (RFC 9990). */
export interface KeptDmarc {
  readonly kind: 'dmarc';
  /** The published policy: `none`, `quarantine` or `reject`. */
  readonly policy?: string;
  readonly messages: number;
  readonly aligned: number;
  /** The sources with most messages first. */
  readonly sources: readonly DmarcSource[];
  /** Sources that are left out because there were too many. */
  readonly omittedSources: number;
}

/** Sessions that failed in one way. */
export interface TlsFailureCount {
  /** RFC 8460 §4.3, such as `certificate-expired`. */
  readonly resultType: string;
  readonly mx?: string;
  readonly sessions: number;
}

/** What is kept of a TLS report (RFC 8460). */
export interface KeptTls {
  readonly kind: 'tls';
  readonly succeeded: number;
  readonly failed: number;
  /** `tlsa`, `sts` or `no-policy-found`. */
  readonly policyTypes: readonly string[];
  readonly failures: readonly TlsFailureCount[];
  /** Kinds of failure that are left out because there were too many. */
  readonly omittedFailures: number;
}

/** A report without the times of its keeping. */
export type ReportSummary = (KeptDmarc | KeptTls) & {
  /** The domain that it is about, in lower case. */
  readonly domain: string;
  readonly organization: string;
  readonly reportId: string;
  /** ISO 8601: the span that it is about, where it says one. */
  readonly begin?: string;
  readonly end?: string;
};

/** Rows of one kept report. */
const maxRows = 200;
/** Octets of JSON of these rows: with the rest of the report they must fit into a record. */
const maxRowBytes = 40 * 1024;
const maxText = 120;
/** Domains of one TLS report. */
const maxDomains = 100;

/** What is kept of a DMARC aggregate report, by source. */
export function summarizeDmarc(report: AggregateReport): ReportSummary {
  const bySource = new Map<string, DmarcSource>();
  for (const { sourceIp, count, dkim, spf, disposition } of report.records) {
    const ip = shortened(sourceIp);
    const known = bySource.get(ip) ?? noMessages(ip);
    const [byDkim, bySpf] = [dkim === 'pass', spf === 'pass'];
    const messages = countOf(count);
    bySource.set(ip, {
      ip,
      messages: known.messages + messages,
      // RFC 9989 §4.4: either aligned identifier is enough.
      aligned: known.aligned + (byDkim || bySpf ? messages : 0),
      dkimAligned: known.dkimAligned + (byDkim ? messages : 0),
      spfAligned: known.spfAligned + (bySpf ? messages : 0),
      quarantined: known.quarantined + (disposition === 'quarantine' ? messages : 0),
      rejected: known.rejected + (disposition === 'reject' ? messages : 0),
    });
  }
  const all = [...bySource.values()].sort((a, b) => b.messages - a.messages);
  const sources = firstRows(all.slice(0, maxRows), maxRowBytes);
  return {
    kind: 'dmarc',
    domain: shortened(report.policy.domain.toLowerCase()),
    ...commonOf(report),
    ...(report.policy.policy !== undefined && { policy: shortened(report.policy.policy) }),
    messages: sumOf(all, ({ messages }) => messages),
    aligned: sumOf(all, ({ aligned }) => aligned),
    sources,
    omittedSources: all.length - sources.length,
  };
}

/** What is kept of a TLS report, one summary for each domain that it is about. */
export function summarizeTls(report: TlsReport): ReportSummary[] {
  const byDomain = new Map<string, TlsPolicyResult[]>();
  for (const policy of report.policies) {
    const domain = shortened(policy.policyDomain);
    const known = byDomain.get(domain);
    if (known) known.push(policy);
    else byDomain.set(domain, [policy]);
  }
  return [...byDomain].slice(0, maxDomains).map(([domain, policies]) => {
    const counted = new Map<string, TlsFailureCount>();
    for (const { resultType, receivingMxHostname, failedSessions } of policies.flatMap(
      (one) => one.failures,
    )) {
      const mx = receivingMxHostname === undefined ? undefined : shortened(receivingMxHostname.toLowerCase());
      const type = shortened(resultType);
      const key = JSON.stringify([type, mx]);
      const sessions = (counted.get(key)?.sessions ?? 0) + countOf(failedSessions);
      counted.set(key, { resultType: type, ...(mx !== undefined && { mx }), sessions });
    }
    const all = [...counted.values()].sort((a, b) => b.sessions - a.sessions);
    const failures = firstRows(all.slice(0, maxRows), maxRowBytes);
    return {
      kind: 'tls',
      domain,
      ...commonOf(report),
      succeeded: sumOf(policies, (one) => countOf(one.successfulSessions)),
      failed: sumOf(policies, (one) => countOf(one.failedSessions)),
      policyTypes: [...new Set(policies.map(({ policyType }) => shortened(policyType)))],
      failures,
      omittedFailures: all.length - failures.length,
    };
  });
}

function commonOf({ organization, reportId, begin, end }: AggregateReport | TlsReport) {
  return {
    organization: shortened(organization),
    reportId: shortened(reportId),
    ...(begin && { begin: begin.toISOString() }),
    ...(end && { end: end.toISOString() }),
  };
}

function noMessages(ip: string): DmarcSource {
  return { ip, messages: 0, aligned: 0, dkimAligned: 0, spfAligned: 0, quarantined: 0, rejected: 0 };
}

/** A reporter may claim any number. */
function countOf(count: number): number {
  return Number.isSafeInteger(count) && count > 0 ? Math.min(count, 1e12) : 0;
}

function shortened(text: string): string {
  return text.toWellFormed().slice(0, maxText).toWellFormed();
}

function sumOf<Row>(rows: readonly Row[], count: (row: Row) => number): number {
  return rows.reduce((sum, row) => sum + count(row), 0);
}
