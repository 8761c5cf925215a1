import { isAscii } from 'node:buffer';
import { composeMessage, formatReport, type RecipientStatus } from '@mb/mime';
import type { OutcomeDetail, OutcomeEvidence } from '../delivery/outcome.ts';
import { type QueuedRecipientOptions, readQueuedEnvelope } from '../message/queued-envelope.ts';
import { printableText } from '../printable-text.ts';
import {
  type Bounce,
  type ClaimedMessage,
  type ClaimedRecipient,
  type NewMessage,
  type RecipientId,
  unrouted,
} from '../store/port.ts';

/** A recipient to report on, with its status. */
export interface ReportedRecipient {
  readonly recipient: ClaimedRecipient;
  readonly status: 'failed' | 'expired' | 'delayed' | 'delivered';
  /** Outcome of the last attempt; absent when there was none. */
  readonly outcome?: OutcomeDetail;
}

/** What a report is about: each has a message of its own (RFC 3464 §2). */
export type ReportSubject = 'failure' | 'delay' | 'success';

/** What {@link composeBounce} needs. */
export interface BounceEnvironment {
  /** Our name, for Reporting-MTA. */
  readonly hostname: string;
  readonly now: () => number;
  readonly randomBytes?: (length: number) => Uint8Array;
  /** The message reported on: its header, or all of it when the sender asked for that. */
  readonly original: { readonly headers: Uint8Array } | { readonly message: Uint8Array };
}

/** Lifetime of a report, which is shorter than that of other mail. */
const expireAfterMs = 2 * 86_400_000;

const subjects: Readonly<Record<ReportSubject, string>> = {
  failure: 'Undelivered mail returned to sender',
  delay: 'Delayed mail (still being tried)',
  success: 'Successful mail delivery report',
};

/** The subject of the report on a recipient with this status. */
export function subjectOf({ status }: Pick<ReportedRecipient, 'status'>): ReportSubject {
  if (status === 'delayed') return 'delay';
  return status === 'delivered' ? 'success' : 'failure';
}

/** Whether the sender wants a report on this recipient (RFC 3461 §4.1). Default: of failures only. */
export function isWanted({ recipient, status }: ReportedRecipient): boolean {
  const { notify } = (recipient.options ?? {}) as QueuedRecipientOptions;
  const subject = subjectOf({ status });
  return notify === undefined ? subject === 'failure' : notify !== 'never' && notify.includes(subject);
}

/**
 * Composes the report on recipients of one {@link ReportSubject} that the sender wants (RFC 3464).
 *
 * The reverse-path must not be null (RFC 5321 §4.5.5).
 * @throws {MimeError} for a reverse-path that no message can be addressed to.
 */
export async function composeBounce(
  message: ClaimedMessage,
  reported: readonly ReportedRecipient[],
  environment: BounceEnvironment,
): Promise<Bounce> {
  const { hostname, now, randomBytes, original } = environment;
  const { authorDomain, messageId, envid } = readQueuedEnvelope(message.envelope, message.sender);
  const subject = subjectOf(reported[0]!);
  const composed = composeMessage(
    {
      from: { name: 'Mail Delivery System', address: `mailer-daemon@${authorDomain}` },
      to: message.sender,
      subject: subjects[subject],
      autoSubmitted: 'auto-replied', // RFC 3834 §3.1.7
      ...(messageId !== '' && { inReplyTo: messageId, references: messageId }),
      text: explain(subject, reported, message, hostname),
      report: {
        record: formatReport({
          kind: 'delivery-status',
          reportingMta: { type: 'dns', value: hostname },
          ...(envid !== undefined && { originalEnvelopeId: envid }),
          arrivalDate: new Date(message.acceptedAt),
          recipients: reported.map((one) => recipientStatus(one, message)),
        }),
        original,
      },
      // RFC 3464 §2: a report has a null reverse-path, so that it never causes another one.
      envelope: { from: '', to: [message.sender] },
    },
    // A whole message is returned with its 8-bit octets; a header alone is encoded in seven bits.
    { now, body: 'message' in original ? '8bit' : '7bit', ...(randomBytes && { randomBytes }) },
  );
  const { requires } = composed;
  const recipientIds = reported.map(({ recipient }) => recipient.recipientId);
  const report: NewMessage = {
    sender: '',
    recipients: composed.envelope.to.map((address) => ({
      address,
      domain: address.slice(address.lastIndexOf('@') + 1).toLowerCase(),
      site: unrouted,
    })),
    content: await composed.bytes(),
    tenant: message.tenant,
    // With the tenant and the tag, the report is sent under the same profile as the message.
    ...(message.tag !== undefined && { tag: message.tag }),
    expireAfterMs,
    envelope: {
      requires,
      messageId: composed.messageId,
      authorDomain,
      reportOn: recipientIds satisfies RecipientId[],
    },
  };
  return { message: report, recipients: recipientIds };
}

const openings: Readonly<Record<ReportSubject, string>> = {
  failure: 'Your message could not be delivered to:',
  delay: 'Your message has not been delivered yet to:',
  success: 'Your message was relayed or delivered to:',
};

function explain(
  subject: ReportSubject,
  reported: readonly ReportedRecipient[],
  { expiresAt }: ClaimedMessage,
  hostname: string,
): string {
  const lines = reported.map(({ recipient, status, outcome }) => {
    const host = outcome?.host === undefined ? '' : ` (host ${outcome.host})`;
    const reply = outcome?.reply ? replyText(outcome.reply) : reasonOf(outcome);
    const end = status === 'expired' ? 'no attempt succeeded in time. The last one: ' : '';
    return printableText(`<${recipient.address}>${host}: ${end}${reply}`);
  });
  const endings: Record<ReportSubject, string> = {
    failure: 'It will not be tried again.',
    delay: `It will be tried until ${new Date(expiresAt).toUTCString()}. You need not send it again.`,
    success: 'The hosts above send no reports of their own, so you may not be notified again.',
  };
  return [
    `This is the mail system at ${hostname}.`,
    '',
    openings[subject],
    '',
    ...lines,
    '',
    endings[subject],
    '',
  ].join('\n');
}

function reasonOf(outcome: ReportedRecipient['outcome']): string {
  return outcome && 'reason' in outcome && outcome.reason ? outcome.reason : 'no attempt could be made.';
}

function recipientStatus(
  { recipient, status, outcome }: ReportedRecipient,
  { expiresAt }: ClaimedMessage,
): RecipientStatus {
  const enhanced = outcome && 'enhanced' in outcome ? outcome.enhanced : undefined;
  const { attemptedAt } = outcome ?? {};
  const { orcpt } = (recipient.options ?? {}) as QueuedRecipientOptions;
  return {
    // RFC 3464 §2.3.1: only where the sender gave ORCPT.
    ...(orcpt !== undefined && { originalRecipient: typedAddress(orcpt) }),
    // RFC 6533 §3: an address beyond ASCII has the type utf-8; the part becomes message/global-delivery-status.
    finalRecipient: {
      type: isAscii(Buffer.from(recipient.address)) ? 'rfc822' : 'utf-8',
      value: recipient.address,
    },
    ...actionAndStatus(status, enhanced, outcome),
    ...(outcome?.host !== undefined && { remoteMta: { type: 'dns', value: outcome.host } }),
    ...(outcome?.reply && { diagnosticCode: { type: 'smtp', value: replyText(outcome.reply) } }),
    // RFC 3464 §2.3.7: when the attempt was made, not when its time ran out.
    ...(attemptedAt !== undefined && { lastAttemptDate: new Date(attemptedAt) }),
    ...(status === 'delayed' && { willRetryUntil: new Date(expiresAt) }),
  };
}

function typedAddress(orcpt: string): { readonly type: string; readonly value: string } {
  const semicolon = orcpt.indexOf(';');
  return { type: orcpt.slice(0, semicolon), value: orcpt.slice(semicolon + 1) };
}

function actionAndStatus(
  ended: ReportedRecipient['status'],
  enhanced: string | undefined,
  outcome: ReportedRecipient['outcome'],
): Pick<RecipientStatus, 'action' | 'status'> {
  switch (ended) {
    case 'expired':
      return { action: 'failed', status: '4.4.7' }; // RFC 3463 §3.5: X.4.7, delivery time expired
    case 'delayed':
      return { action: 'delayed', status: enhanced?.startsWith('4') ? enhanced : '4.0.0' };
    case 'delivered': {
      const own = outcome && 'ownReport' in outcome ? outcome.ownReport : undefined;
      const said = outcome?.reply?.enhanced;
      // RFC 3461 §5.2.2: relayed to a host that sends no reports.
      return { action: own ?? 'relayed', status: said?.startsWith('2') ? said : '2.0.0' };
    }
    case 'failed':
      return { action: 'failed', status: enhanced?.startsWith('5') ? enhanced : '5.0.0' };
  }
}

/** Maximum length of a reply in a report, in characters. */
const maxReplyText = 500;

function replyText({ code, lines }: NonNullable<OutcomeEvidence['reply']>): string {
  return printableText(`${code} ${lines.join(' ')}`).slice(0, maxReplyText);
}
