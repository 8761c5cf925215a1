import type { KeptReport } from './report-archive.ts';
import type { DmarcSource, TlsFailureCount } from './summary.ts';

/** Sums of reports about a span. */
export interface ReportTotals {
  readonly reports: number;
  /** False: there are more reports than are summed up. */
  readonly complete: boolean;
  readonly dmarc: DmarcTotal[];
  readonly tls: TlsTotal[];
}

interface DmarcTotal {
  readonly domain: string;
  readonly messages: number;
  readonly aligned: number;
  readonly sources: DmarcSource[];
}

interface TlsTotal {
  readonly domain: string;
  readonly succeeded: number;
  readonly failed: number;
  readonly failures: TlsFailureCount[];
}

/** Reports that one call sums up. */
const maxReports = 2000;
const maxSources = 100;

/** Sums up reports by domain: sources of mail, and failures of TLS. */
export async function summarizeReports(reports: AsyncIterable<KeptReport>): Promise<ReportTotals> {
  const dmarc = new Map<string, { messages: number; aligned: number; sources: Map<string, DmarcSource> }>();
  const tls = new Map<
    string,
    { succeeded: number; failed: number; failures: Map<string, TlsFailureCount> }
  >();
  let count = 0;
  let complete = true;
  for await (const report of reports) {
    if (count === maxReports) {
      complete = false;
      break;
    }
    count++;
    if (report.kind === 'dmarc') {
      const known = dmarc.get(report.domain) ?? { messages: 0, aligned: 0, sources: new Map() };
      known.messages += report.messages;
      known.aligned += report.aligned;
      for (const source of report.sources) addSource(known.sources, source);
      dmarc.set(report.domain, known);
      continue;
    }
    const known = tls.get(report.domain) ?? { succeeded: 0, failed: 0, failures: new Map() };
    known.succeeded += report.succeeded;
    known.failed += report.failed;
    for (const failure of report.failures) addFailure(known.failures, failure);
    tls.set(report.domain, known);
  }
  return {
    reports: count,
    complete,
    dmarc: [...dmarc]
      .map(([domain, { sources, ...sums }]) => ({
        domain,
        ...sums,
        sources: [...sources.values()].sort((a, b) => b.messages - a.messages).slice(0, maxSources),
      }))
      .sort((a, b) => b.messages - a.messages),
    tls: [...tls]
      .map(([domain, { failures, ...sums }]) => ({
        domain,
        ...sums,
        failures: [...failures.values()].sort((a, b) => b.sessions - a.sessions),
      }))
      .sort((a, b) => b.failed - a.failed),
  };
}

function addSource(sources: Map<string, DmarcSource>, one: DmarcSource): void {
  const known = sources.get(one.ip);
  if (!known) {
    sources.set(one.ip, one);
    return;
  }
  sources.set(one.ip, {
    ip: one.ip,
    messages: known.messages + one.messages,
    aligned: known.aligned + one.aligned,
    dkimAligned: known.dkimAligned + one.dkimAligned,
    spfAligned: known.spfAligned + one.spfAligned,
    quarantined: known.quarantined + one.quarantined,
    rejected: known.rejected + one.rejected,
  });
}

function addFailure(failures: Map<string, TlsFailureCount>, one: TlsFailureCount): void {
  const key = JSON.stringify([one.resultType, one.mx]);
  failures.set(key, { ...one, sessions: (failures.get(key)?.sessions ?? 0) + one.sessions });
}
