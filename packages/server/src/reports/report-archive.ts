import { createHash } from 'node:crypto';
import type { Records, StoredRecord } from '@mb/broker';
import { MimeError, parseMessage } from '@mb/mime';
import { DatedRecords, placeOf } from '../dated-records.ts';
import { type ReportSummary, summarizeDmarc, summarizeTls } from './summary.ts';

/** A report with the moment at which it came in. */
export type KeptReport = ReportSummary & { readonly id: string; readonly receivedAt: string };

/** What the archive takes from outside. */
export interface ReportArchiveParts {
  readonly records: Records;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** Which reports to read. */
export interface ReportFilter {
  readonly kind?: 'dmarc' | 'tls' | undefined;
  readonly domain?: string | undefined;
}

const collection = 'report';
/** How long reports are kept, in milliseconds: 90 days. */
const keepMs = 90 * 86_400_000;
/** Most reports that are kept: anyone can send one. */
const maxReports = 10_000;
const pageRows = 500;
/** Most records that one page reads to find those that match the filter. */
const scannedRows = 2000;

/**
 * What receivers report about mail that uses our domains: DMARC aggregate reports (RFC 9990) and TLS reports (RFC
 * 8460), in the records of the queue, for all servers. A report is not verified: it is what its sender says.
 */
export class ReportArchive {
  readonly #parts: ReportArchiveParts;
  readonly #dated: DatedRecords;

  constructor(parts: ReportArchiveParts) {
    this.#parts = parts;
    const { records, onError } = parts;
    this.#dated = new DatedRecords({ records, collection, keepMs, most: maxReports, onError });
  }

  /** Keeps the reports of a message that came in; none when it holds no report. */
  async takeMessage(raw: Uint8Array): Promise<readonly KeptReport[]> {
    const [{ findAggregateReport }, { findTlsReport }] = await readers();
    const message = await parseMessage(raw);
    const dmarc = findAggregateReport(message);
    const tls = dmarc ? undefined : findTlsReport(message);
    return this.#keep(dmarc ? [summarizeDmarc(dmarc)] : tls ? summarizeTls(tls) : []);
  }

  /**
   * Keeps a report by itself: XML or JSON, as it is or in gzip or zip.
   * @throws {MimeError} MB_MIME_REPORT_SYNTAX when it is neither kind of report; MB_MIME_REPORT_SIZE
   */
  async take(content: Uint8Array): Promise<readonly KeptReport[]> {
    const [{ parseAggregateReport }, { parseTlsReport }] = await readers();
    let dmarc: ReturnType<typeof parseAggregateReport>;
    try {
      dmarc = parseAggregateReport(content);
    } catch (error) {
      if (!MimeError.isInstance(error) || error.code !== 'MB_MIME_REPORT_SYNTAX') throw error;
      return this.#keep(summarizeTls(parseTlsReport(content)));
    }
    return this.#keep([summarizeDmarc(dmarc)]);
  }

  /** A page of reports, those about the latest span first; it may be short while `next` is there. */
  async list(
    filter: ReportFilter,
    { after, limit = 100 }: { readonly after?: string | undefined; readonly limit?: number | undefined },
  ): Promise<{ readonly rows: readonly KeptReport[]; readonly next?: string }> {
    const rows: KeptReport[] = [];
    let place = after;
    for (let seen = 0; seen < scannedRows; seen += pageRows) {
      const page = await this.#page(place);
      for (const one of page.rows) {
        if (rows.length === limit) return { rows, next: place! };
        place = one.id;
        if (fits(one, filter)) rows.push(one);
      }
      if (page.next === undefined) return { rows };
      place = page.next;
    }
    return { rows, ...(place !== undefined && { next: place }) };
  }

  async get(id: string): Promise<KeptReport | undefined> {
    const record = await this.#parts.records.get(collection, id);
    return record ? keptReport(record) : undefined;
  }

  /** Every report about a span that ended at `since` or later, the latest first. */
  async *since(since: number): AsyncGenerator<KeptReport> {
    for await (const record of this.#dated.since(since)) yield keptReport(record);
  }

  async #page(after: string | undefined) {
    const { rows, next } = await this.#parts.records.list(collection, { after, limit: pageRows });
    return { rows: rows.map(keptReport), next };
  }

  async #keep(reports: readonly ReportSummary[]): Promise<readonly KeptReport[]> {
    const { records, now } = this.#parts;
    const at = now();
    const kept: KeptReport[] = [];
    for (const report of reports) {
      // A report that comes twice is kept once; one about the future is put at the present.
      const ended = Math.min(at, report.end === undefined ? at : Date.parse(report.end));
      const { kind, domain, organization, reportId } = report;
      const name = JSON.stringify([kind, domain, organization, reportId]);
      const id = `${placeOf(ended)}-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;
      const value = { ...report, receivedAt: new Date(at).toISOString() };
      await records.put(collection, id, value);
      kept.push({ ...value, id });
    }
    this.#dated.purgeWhenDue(at);
    return kept;
  }
}

function keptReport({ key, value }: StoredRecord): KeptReport {
  return { ...(value as Omit<KeptReport, 'id'>), id: key } as KeptReport;
}

/** Loaded when the first report comes: most servers get none. */
function readers() {
  return Promise.all([import('@mb/mime/aggregate-report'), import('@mb/mime/tls-report')]);
}

function fits({ kind, domain }: KeptReport, filter: ReportFilter): boolean {
  return (
    (filter.kind === undefined || filter.kind === kind) &&
    (filter.domain === undefined || filter.domain.toLowerCase() === domain)
  );
}
