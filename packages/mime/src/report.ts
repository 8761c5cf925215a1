import { checkOctets, checkText, wrongArgument } from './argument.ts';
import { parseDate } from './date.ts';
import { parseHeaderBlock } from './header-block.ts';
import type { ParsedMessage, ParsedPart } from './parsed-message.ts';

/** A value with its type, such as `rfc822; joe@example.com` or `dns; mx.example.com` (RFC 3464 §2.1.2). */
export interface TypedValue {
  /** In lower case; empty if a received field has no type. */
  readonly type: string;
  readonly value: string;
}

/** What happened to one recipient (RFC 3464 §2.3). */
export interface RecipientStatus {
  readonly originalRecipient?: TypedValue;
  readonly finalRecipient: TypedValue;
  readonly action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';
  /** Enhanced status code, for example `5.1.1` (RFC 3463). */
  readonly status: string;
  readonly remoteMta?: TypedValue;
  /** For example `smtp; 550 5.1.1 no such user`. */
  readonly diagnosticCode?: TypedValue;
  readonly lastAttemptDate?: Date;
  readonly finalLogId?: string;
  readonly willRetryUntil?: Date;
}

/** A delivery status notification (RFC 3464). */
export interface DeliveryReport {
  readonly kind: 'delivery-status';
  readonly reportingMta: TypedValue;
  readonly originalEnvelopeId?: string;
  readonly dsnGateway?: TypedValue;
  readonly receivedFromMta?: TypedValue;
  readonly arrivalDate?: Date;
  readonly recipients: readonly RecipientStatus[];
}

/** A complaint or another feedback report in the Abuse Reporting Format (RFC 5965). */
export interface FeedbackReport {
  readonly kind: 'feedback-report';
  /** For example `abuse`, `fraud`, `not-spam`, `auth-failure`. */
  readonly feedbackType: string;
  readonly userAgent: string;
  readonly version: string;
  readonly originalEnvelopeId?: string;
  readonly originalMailFrom?: string;
  readonly originalRcptTo?: readonly string[];
  readonly arrivalDate?: Date;
  readonly reportingMta?: TypedValue;
  readonly sourceIp?: string;
  readonly incidents?: number;
  readonly authenticationResults?: readonly string[];
  readonly reportedDomain?: readonly string[];
  readonly reportedUri?: readonly string[];
}

/** A message disposition notification (RFC 8098). */
export interface DispositionReport {
  readonly kind: 'disposition-notification';
  readonly reportingUa?: string;
  readonly mdnGateway?: TypedValue;
  readonly originalRecipient?: TypedValue;
  readonly finalRecipient: TypedValue;
  readonly originalMessageId?: string;
  readonly disposition: {
    readonly action: 'manual-action' | 'automatic-action';
    readonly sending: 'mdn-sent-manually' | 'mdn-sent-automatically';
    /** `displayed`, `deleted`, `dispatched` or `processed`. */
    readonly type: string;
    readonly modifiers?: readonly string[];
  };
  readonly error?: readonly string[];
}

/** The machine-readable part of a multipart/report (RFC 6522). */
export type Report = DeliveryReport | FeedbackReport | DispositionReport;

/**
 * The machine-readable part of a multipart/report, created by `formatReport`. `composeMessage` accepts this object, but
 * not a copy of it.
 */
export interface FormattedReport {
  /** The media type of the part; message/global-… if a value is not ASCII (RFC 6533). */
  readonly contentType: string;
  /** The value of the `report-type` parameter (RFC 6522 §3). */
  readonly reportType: Report['kind'];
  /** Fields with CRLF line ends. */
  readonly text: string;
}

/** The kind for each media type, including the internationalized ones (RFC 6533). */
const REPORT_TYPES: ReadonlyMap<string, Report['kind']> = /* @__PURE__ */ new Map([
  ['message/delivery-status', 'delivery-status'],
  ['message/global-delivery-status', 'delivery-status'],
  ['message/feedback-report', 'feedback-report'],
  ['message/disposition-notification', 'disposition-notification'],
  ['message/global-disposition-notification', 'disposition-notification'],
]);

/** Maximum number of recipients that are read from a report. */
const MAX_RECIPIENTS = 10_000;

type Fields = ReadonlyMap<string, readonly string[]>;

/**
 * Parses the machine-readable part of a report (RFC 3464, RFC 5965, RFC 8098).
 *
 * @param contentType  For example `message/delivery-status`.
 * @param content  The octets of the part after transfer decoding.
 * @returns The record; undefined if the type is not that of a report, or a required field is missing or invalid.
 * @throws {MimeError} MB_MIME_OPTION for arguments of other types.
 * @example parseReport('message/delivery-status', octets)?.kind // 'delivery-status'
 */
export function parseReport(contentType: string, content: Uint8Array): Report | undefined {
  checkText(contentType, 'parseReport: contentType');
  checkOctets(content, 'parseReport: content');
  const kind = REPORT_TYPES.get(contentType.toLowerCase());
  if (kind === undefined) return undefined;
  const [first, ...more] = splitGroups(content);
  if (first === undefined) return undefined;
  if (kind === 'delivery-status') return readDelivery(first, more);
  return kind === 'feedback-report' ? readFeedback(first) : readDisposition(first);
}

/**
 * Reads the report in a message: the record of its first multipart/report (RFC 6522 §3), which may be inside a
 * multipart that a mailing list or a gateway added.
 *
 * @returns The record; undefined if the message has no report, or no readable one.
 * @throws {MimeError} MB_MIME_OPTION for anything but a parsed message.
 * @example readReport(await parseMessage(octets))?.kind // 'delivery-status'
 */
export function readReport(message: Pick<ParsedMessage, 'root'>): Report | undefined {
  const root = message?.root;
  if (!Array.isArray(root?.parts)) throw wrongArgument('readReport: message', 'a parsed message');
  for (const part of findContainer(root)?.parts ?? []) {
    const report = parseReport(part.contentType, part.content);
    if (report !== undefined) return report;
  }
  return undefined;
}

function findContainer(part: ParsedPart): ParsedPart | undefined {
  if (part.contentType === 'multipart/report') return part;
  for (const child of part.parts) {
    const found = findContainer(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Splits fields into groups at empty lines (RFC 3464 §2.1). */
function splitGroups(content: Uint8Array): Fields[] {
  const groups: Fields[] = [];
  let start = 0;
  let lineStart = 0;
  while (lineStart <= content.length && groups.length <= MAX_RECIPIENTS) {
    const lf = content.indexOf(10, lineStart);
    const end = lf < 0 ? content.length : lf;
    const empty = end === lineStart || (end === lineStart + 1 && content[lineStart] === 13);
    if (empty || lf < 0) {
      const group = content.subarray(start, empty ? lineStart : end);
      if (group.length > 0) groups.push(readFields(group));
      start = end + 1;
    }
    if (lf < 0) break;
    lineStart = lf + 1;
  }
  return groups;
}

function readFields(group: Uint8Array): Fields {
  const fields = new Map<string, string[]>();
  for (const field of parseHeaderBlock(group).headers) {
    const name = field.name.toLowerCase();
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [field.value]);
    else values.push(field.value);
  }
  return fields;
}

const one = (fields: Fields, name: string): string | undefined => fields.get(name)?.[0] || undefined;

function typed(fields: Fields, name: string): TypedValue | undefined {
  const text = one(fields, name);
  if (text === undefined) return undefined;
  const semicolon = text.indexOf(';');
  // QUIRK(several hosts): the type is missing.
  if (semicolon < 0) return { type: '', value: text.trim() };
  return { type: text.slice(0, semicolon).trim().toLowerCase(), value: text.slice(semicolon + 1).trim() };
}

const date = (fields: Fields, name: string): Date | undefined => parseDate(one(fields, name) ?? '');

/** Returns a copy of the object without its undefined fields. */
function defined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

const ACTIONS = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'] as const;

function readDelivery(message: Fields, groups: readonly Fields[]): DeliveryReport | undefined {
  // QUIRK(several hosts): no empty line between the fields of the message and those of the only recipient.
  const recipients = (message.has('final-recipient') ? [message, ...groups] : groups).flatMap((fields) => {
    const finalRecipient = typed(fields, 'final-recipient');
    const action = ACTIONS.find((word) => one(fields, 'action')?.toLowerCase().startsWith(word));
    const status = /\d\.\d{1,3}\.\d{1,3}/.exec(one(fields, 'status') ?? '')?.[0];
    if (finalRecipient === undefined || action === undefined) return [];
    return defined<RecipientStatus>({
      originalRecipient: typed(fields, 'original-recipient'),
      finalRecipient,
      action,
      // RFC 3464 §2.3.4 requires a status. If it is missing, only its class is known, from the action.
      status: status ?? (action === 'failed' ? '5.0.0' : action === 'delayed' ? '4.0.0' : '2.0.0'),
      remoteMta: typed(fields, 'remote-mta'),
      diagnosticCode: typed(fields, 'diagnostic-code'),
      lastAttemptDate: date(fields, 'last-attempt-date'),
      finalLogId: one(fields, 'final-log-id'),
      willRetryUntil: date(fields, 'will-retry-until'),
    });
  });
  if (recipients.length === 0) return undefined;
  return defined<DeliveryReport>({
    kind: 'delivery-status',
    reportingMta: typed(message, 'reporting-mta') ?? { type: '', value: '' },
    originalEnvelopeId: one(message, 'original-envelope-id'),
    dsnGateway: typed(message, 'dsn-gateway'),
    receivedFromMta: typed(message, 'received-from-mta'),
    arrivalDate: date(message, 'arrival-date'),
    recipients,
  });
}

function readFeedback(fields: Fields): FeedbackReport | undefined {
  const feedbackType = one(fields, 'feedback-type');
  if (feedbackType === undefined) return undefined;
  const incidents = Number(one(fields, 'incidents') ?? Number.NaN);
  return defined<FeedbackReport>({
    kind: 'feedback-report',
    feedbackType: feedbackType.toLowerCase(),
    userAgent: one(fields, 'user-agent') ?? '',
    version: one(fields, 'version') ?? '',
    originalEnvelopeId: one(fields, 'original-envelope-id'),
    originalMailFrom: one(fields, 'original-mail-from'),
    originalRcptTo: fields.get('original-rcpt-to'),
    arrivalDate: date(fields, 'arrival-date') ?? date(fields, 'received-date'),
    reportingMta: typed(fields, 'reporting-mta'),
    sourceIp: one(fields, 'source-ip'),
    incidents: Number.isSafeInteger(incidents) ? incidents : undefined,
    authenticationResults: fields.get('authentication-results'),
    reportedDomain: fields.get('reported-domain'),
    reportedUri: fields.get('reported-uri'),
  });
}

function readDisposition(fields: Fields): DispositionReport | undefined {
  const finalRecipient = typed(fields, 'final-recipient');
  // RFC 8098 §3.2.6: action-mode/sending-mode; disposition-type/modifier,modifier
  const match =
    /^\s*(manual|automatic)-action\s*\/\s*mdn-sent-(manually|automatically)\s*;\s*([a-z-]+)\s*(?:\/(.*))?$/i.exec(
      one(fields, 'disposition') ?? '',
    );
  if (finalRecipient === undefined || match === null) return undefined;
  const modifiers = match[4]?.split(',').map((modifier) => modifier.trim().toLowerCase());
  return defined<DispositionReport>({
    kind: 'disposition-notification',
    reportingUa: one(fields, 'reporting-ua'),
    mdnGateway: typed(fields, 'mdn-gateway'),
    originalRecipient: typed(fields, 'original-recipient'),
    finalRecipient,
    originalMessageId: one(fields, 'original-message-id'),
    disposition: {
      action: match[1]!.toLowerCase() === 'manual' ? 'manual-action' : 'automatic-action',
      sending: match[2]!.toLowerCase() === 'manually' ? 'mdn-sent-manually' : 'mdn-sent-automatically',
      type: match[3]!.toLowerCase(),
      ...(modifiers === undefined ? {} : { modifiers }),
    },
    error: fields.get('error'),
  });
}
