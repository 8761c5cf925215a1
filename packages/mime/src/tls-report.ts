/**
 * Reads SMTP TLS reports (RFC 8460). Needs the package fflate.
 *
 * @packageDocumentation
 */

import { decodeOctets } from './charset.ts';
import { parseDate } from './date.ts';
import type { ParsedMessage } from './parsed-message.ts';
import { findReport, malformedReport, type ReportOptions, unpackReport } from './report-archive.ts';

export type { ReportLimits, ReportOptions } from './report-archive.ts';

/** Sessions that failed for the same reason (RFC 8460 §4.4). */
export interface TlsFailure {
  /** For example `certificate-expired`, `starttls-not-supported` or `sts-policy-invalid` (RFC 8460 §4.3). */
  readonly resultType: string;
  readonly failedSessions: number;
  readonly sendingMtaIp?: string;
  readonly receivingMxHostname?: string;
  readonly receivingMxHelo?: string;
  readonly receivingIp?: string;
  readonly additionalInformation?: string;
  readonly failureReasonCode?: string;
}

/** The sessions to which one policy applied. */
export interface TlsPolicyResult {
  /** `tlsa`, `sts` or `no-policy-found`. */
  readonly policyType: string;
  readonly policyDomain: string;
  /** The lines of the policy, or the TLSA records. */
  readonly policyString: readonly string[];
  readonly mxHosts: readonly string[];
  readonly successfulSessions: number;
  readonly failedSessions: number;
  readonly failures: readonly TlsFailure[];
}

/** A TLS report (RFC 8460 §4). */
export interface TlsReport {
  readonly kind: 'tls';
  readonly organization: string;
  readonly begin?: Date;
  readonly end?: Date;
  readonly contactInfo?: string;
  readonly reportId: string;
  readonly policies: readonly TlsPolicyResult[];
}

/**
 * Parses a TLS report: JSON, uncompressed or in gzip or zip (RFC 8460 §4.4).
 *
 * @param content  The octets of the part after transfer decoding.
 * @param options  The maximum size.
 * @throws {MimeError} MB_MIME_REPORT_SIZE beyond the limits, MB_MIME_REPORT_SYNTAX for anything that is not a TLS
 *   report, MB_MIME_OPTION for invalid options and arguments of other types.
 * @example parseTlsReport(part.content).policies[0]?.failedSessions
 */
export function parseTlsReport(content: Uint8Array, options: ReportOptions = {}): TlsReport {
  const octets = unpackReport(content, options, looksLikeJson);
  let value: unknown;
  try {
    value = JSON.parse(decodeOctets(octets, 'utf-8', {}));
  } catch (error) {
    throw malformedReport('A TLS report is JSON (RFC 8460 §4.4); see cause.', error);
  }
  const report = fields(value);
  if (!Array.isArray(report.policies))
    throw malformedReport('A TLS report has a list of policies (RFC 8460 §4.4).');
  const range = fields(report['date-range']);
  const begin = parseDate(text(range['start-datetime']) ?? '');
  const end = parseDate(text(range['end-datetime']) ?? '');
  const contactInfo = text(report['contact-info']);
  return {
    kind: 'tls',
    organization: text(report['organization-name']) ?? '',
    ...(begin && { begin }),
    ...(end && { end }),
    ...(contactInfo === undefined ? {} : { contactInfo }),
    reportId: text(report['report-id']) ?? '',
    policies: report.policies.map(readPolicy),
  };
}

/**
 * Finds the first TLS report in a message.
 *
 * @returns The report, or undefined if no part contains one.
 * @throws {MimeError} MB_MIME_REPORT_SIZE if a part exceeds the limits, MB_MIME_OPTION for invalid options and anything
 *   but a parsed message.
 * @example findTlsReport(await parseMessage(octets))?.organization
 */
export function findTlsReport(message: ParsedMessage, options: ReportOptions = {}): TlsReport | undefined {
  return findReport(message, options, parseTlsReport);
}

function looksLikeJson(octets: Uint8Array): boolean {
  const start = octets[0] === 0xef ? 3 : 0; // byte order mark
  return /^\s*\{/.test(String.fromCharCode(...octets.subarray(start, start + 100)));
}

function readPolicy(value: unknown): TlsPolicyResult {
  const result = fields(value);
  const policy = fields(result.policy);
  const summary = fields(result.summary);
  const details = result['failure-details'];
  return {
    policyType: (text(policy['policy-type']) ?? '').toLowerCase(),
    policyDomain: (text(policy['policy-domain']) ?? '').toLowerCase(),
    policyString: texts(policy['policy-string']),
    mxHosts: texts(policy['mx-host']),
    successfulSessions: count(summary['total-successful-session-count']),
    failedSessions: count(summary['total-failure-session-count']),
    failures: (Array.isArray(details) ? details : []).map(readFailure),
  };
}

/** The optional fields of a failure: the name in RFC 8460 §4.4, and the property. */
const FAILURE_FIELDS = [
  ['sending-mta-ip', 'sendingMtaIp'],
  ['receiving-mx-hostname', 'receivingMxHostname'],
  ['receiving-mx-helo', 'receivingMxHelo'],
  ['receiving-ip', 'receivingIp'],
  ['additional-information', 'additionalInformation'],
  ['failure-reason-code', 'failureReasonCode'],
] as const;

function readFailure(value: unknown): TlsFailure {
  const failure = fields(value);
  const optional: Record<string, string> = {};
  for (const [written, name] of FAILURE_FIELDS) {
    const one = text(failure[written]);
    if (one !== undefined) optional[name] = one;
  }
  return {
    resultType: (text(failure['result-type']) ?? '').toLowerCase(),
    failedSessions: count(failure['failed-session-count']),
    ...optional,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Returns the members of an object; none for anything else, such as the null that some reporters write. */
function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.assign(Object.create(null), value)
    : Object.create(null);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** QUIRK(several reporters): one string in place of a list of strings. */
function texts(value: unknown): string[] {
  return [value].flat().filter((one) => typeof one === 'string');
}

/** QUIRK(several reporters): numbers as strings. */
function count(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : 0;
}
