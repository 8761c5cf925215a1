import { wrongArgument } from './argument.ts';
import { BUILD_REPORT, type ReportBuilder } from './body.ts';
import { formatDate } from './date.ts';
import { MimeError } from './errors.ts';
import { checkHeaderValue, foldTrusted } from './header-fold.ts';
import type {
  DeliveryReport,
  DispositionReport,
  FeedbackReport,
  FormattedReport,
  RecipientStatus,
  Report,
  TypedValue,
} from './report.ts';
import { buildReportBody } from './report-body.ts';
import { isAscii } from './utf8.ts';

/**
 * Writes the machine-readable part of a report (RFC 3464, RFC 5965, RFC 8098).
 *
 * Diagnostic codes come from other hosts and may contain anything: control characters and line breaks are replaced by
 * spaces, non-ASCII characters by `?`, and runs of over 500 characters are split by spaces.
 *
 * @throws {MimeError} MB_MIME_REPORT for a delivery report without recipients, a status that is not an enhanced status
 *   code, or a feedback report that is not ASCII; MB_MIME_HEADER_VALUE for control characters; MB_MIME_LINE_LENGTH for
 *   a run of over 998 octets without white space; MB_MIME_DATE for an invalid date; MB_MIME_OPTION for anything but a
 *   report.
 */
export function formatReport(report: Report): FormattedReport {
  if (typeof report?.kind !== 'string') throw wrongArgument('formatReport: report', 'a report');
  const groups =
    report.kind === 'delivery-status'
      ? deliveryGroups(report)
      : report.kind === 'feedback-report'
        ? [feedbackFields(report)]
        : [dispositionFields(report)];
  const text = groups.map((group) => group.text).join('\r\n');
  const global = !isAscii(text);
  if (global && report.kind === 'feedback-report') {
    throw new MimeError('MB_MIME_REPORT', 'A feedback report holds ASCII only (RFC 5965 §3).');
  }
  return reportRecord(`message/${global ? 'global-' : ''}${report.kind}`, report.kind, text);
}

/** Creates a record for `composeMessage`. Not a class, since bundlers keep an unused class with a symbol member. */
function reportRecord(contentType: string, reportType: Report['kind'], text: string): FormattedReport {
  const record = { contentType, reportType, text };
  const build: ReportBuilder = (report, forms, context) => buildReportBody(record, report, forms, context);
  // Not enumerable, so that comparing and printing a record use its data only.
  Object.defineProperty(record, BUILD_REPORT, { value: build });
  return Object.freeze(record);
}

/** Writes the fields of one group; undefined values are left out. */
class GroupWriter {
  text = '';

  add(name: string, value: string | number | undefined): void {
    if (value === undefined) return;
    checkHeaderValue(name, `${value}`);
    this.text += foldTrusted(name, `${value}`.toWellFormed());
  }

  typed(name: string, value: TypedValue | undefined): void {
    if (value !== undefined) this.add(name, `${value.type}; ${value.value}`);
  }

  date(name: string, date: Date | undefined): void {
    if (date !== undefined) this.add(name, formatDate(date));
  }

  each(name: string, values: readonly string[] | undefined): void {
    for (const value of values ?? []) this.add(name, value);
  }
}

function deliveryGroups(report: DeliveryReport): GroupWriter[] {
  if (report.recipients.length === 0)
    throw new MimeError('MB_MIME_REPORT', 'A delivery report needs a recipient.');
  const message = new GroupWriter();
  message.add('Original-Envelope-Id', report.originalEnvelopeId);
  message.typed('Reporting-MTA', report.reportingMta);
  message.typed('DSN-Gateway', report.dsnGateway);
  message.typed('Received-From-MTA', report.receivedFromMta);
  message.date('Arrival-Date', report.arrivalDate);
  return [message, ...report.recipients.map(recipientFields)];
}

function recipientFields(recipient: RecipientStatus): GroupWriter {
  // RFC 3463 §2
  if (!/^[245]\.\d{1,3}\.\d{1,3}$/.test(recipient.status)) {
    throw new MimeError('MB_MIME_REPORT', 'A status is an enhanced status code such as 5.1.1 (RFC 3463 §2).');
  }
  const group = new GroupWriter();
  group.typed('Original-Recipient', recipient.originalRecipient);
  group.typed('Final-Recipient', recipient.finalRecipient);
  group.add('Action', recipient.action);
  group.add('Status', recipient.status);
  group.typed('Remote-MTA', recipient.remoteMta);
  if (recipient.diagnosticCode !== undefined) {
    const { type, value } = recipient.diagnosticCode;
    group.typed('Diagnostic-Code', { type, value: foreignText(value) });
  }
  group.date('Last-Attempt-Date', recipient.lastAttemptDate);
  group.add('Final-Log-Id', recipient.finalLogId);
  group.date('Will-Retry-Until', recipient.willRetryUntil);
  return group;
}

/** Converts text of another host to text that any header field can contain. */
function foreignText(text: string): string {
  return text
    .replace(/[\0-\x20\x7f]+/g, ' ')
    .replace(/[^ -~]/gu, '?')
    .replace(/[^ ]{500}(?=[^ ])/g, '$& ')
    .trim();
}

function feedbackFields(report: FeedbackReport): GroupWriter {
  const group = new GroupWriter();
  group.add('Feedback-Type', report.feedbackType);
  group.add('User-Agent', report.userAgent);
  group.add('Version', report.version);
  group.add('Original-Envelope-Id', report.originalEnvelopeId);
  group.add('Original-Mail-From', report.originalMailFrom);
  group.each('Original-Rcpt-To', report.originalRcptTo);
  group.date('Arrival-Date', report.arrivalDate);
  group.typed('Reporting-MTA', report.reportingMta);
  group.add('Source-IP', report.sourceIp);
  group.add('Incidents', report.incidents);
  group.each('Authentication-Results', report.authenticationResults);
  group.each('Reported-Domain', report.reportedDomain);
  group.each('Reported-Uri', report.reportedUri);
  return group;
}

function dispositionFields(report: DispositionReport): GroupWriter {
  const { action, sending, type, modifiers } = report.disposition;
  const group = new GroupWriter();
  group.add('Reporting-UA', report.reportingUa);
  group.typed('MDN-Gateway', report.mdnGateway);
  group.typed('Original-Recipient', report.originalRecipient);
  group.typed('Final-Recipient', report.finalRecipient);
  group.add('Original-Message-ID', report.originalMessageId);
  group.add('Disposition', `${action}/${sending}; ${type}${modifiers ? `/${modifiers.join(',')}` : ''}`);
  group.each('Error', report.error);
  return group;
}
