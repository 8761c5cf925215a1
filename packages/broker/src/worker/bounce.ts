import { composeMessage, formatReport, type RecipientStatus } from '@mb/mime';
import type { OutcomeEvidence, RecipientOutcome } from '../delivery/outcome.ts';
import { type QueuedRecipientOptions, readQueuedEnvelope } from '../message/queued-envelope.ts';
import type { Bounce, ClaimedMessage, ClaimedRecipient, NewMessage } from '../store/port.ts';

/** A recipient to report on, and how it ended. */
export interface ReportedRecipient {
  readonly recipient: ClaimedRecipient;
  readonly kind: 'failed' | 'expired';
  /** Outcome of the last attempt; absent when there was none. */
  readonly outcome?: Partial<RecipientOutcome>;
}

/** What a report needs from outside. */
export interface BounceEnvironment {
  /** Our name, for Reporting-MTA. */
  readonly hostname: string;
  readonly now: () => number;
  readonly randomBytes?: (length: number) => Uint8Array;
  /** The message reported on: its header, or, where the sender asked for it, all of it. */
  readonly original: { readonly headers: Uint8Array } | { readonly message: Uint8Array };
}

/** Bounces are given up sooner than mail. */
const expireAfterMs = 2 * 86_400_000;

/**
 * Composes the report on recipients that failed or expired (RFC 3464).
 *
 * @returns undefined when there is nobody to report to or nobody wants to know: a null reverse-path
 *   (RFC 5321 §4.5.5), or NOTIFY without FAILURE (RFC 3461 §4.1).
 */
export async function composeBounce(
  message: ClaimedMessage,
  reported: readonly ReportedRecipient[],
  environment: BounceEnvironment,
): Promise<Bounce | undefined> {
  const wanted = reported.filter(({ recipient }) => wantsFailure(recipient.options));
  if (message.sender === '' || wanted.length === 0) return undefined;
  const { hostname, now, randomBytes, original } = environment;
  const { authorDomain, messageId, envid } = readQueuedEnvelope(message.envelope, message.sender);
  const composed = composeMessage(
    {
      from: { name: 'Mail Delivery System', address: `mailer-daemon@${authorDomain}` },
      to: message.sender,
      subject: 'Undelivered mail returned to sender',
      autoSubmitted: 'auto-replied', // RFC 3834 §3.1.7
      ...(messageId !== '' && { inReplyTo: messageId, references: messageId }),
      text: explain(wanted, hostname),
      report: {
        record: formatReport({
          kind: 'delivery-status',
          reportingMta: { type: 'dns', value: hostname },
          ...(envid !== undefined && { originalEnvelopeId: envid }),
          arrivalDate: new Date(message.acceptedAt),
          recipients: wanted.map((one) => recipientStatus(one, now())),
        }),
        original,
      },
      // RFC 3464 §2: a report has a null reverse-path, so that it never causes another one.
      envelope: { from: '', to: [message.sender] },
    },
    // A message in 8-bit octets is returned as it was; its header alone is put into seven bits.
    { now, body: 'message' in original ? '8bit' : '7bit', ...(randomBytes && { randomBytes }) },
  );
  const { requires } = composed;
  const report: NewMessage = {
    sender: '',
    recipients: composed.envelope.to.map((address) => ({
      address,
      domain: address.slice(address.lastIndexOf('@') + 1).toLowerCase(),
    })),
    content: await composed.bytes(),
    tenant: message.tenant,
    expireAfterMs,
    envelope: { requires, messageId: composed.messageId, authorDomain },
  };
  return { message: report, recipients: wanted.map(({ recipient }) => recipient.recipientId) };
}

function wantsFailure(options: object | undefined): boolean {
  const { notify } = (options ?? {}) as QueuedRecipientOptions;
  return notify === undefined || (notify !== 'never' && notify.includes('failure'));
}

function explain(reported: readonly ReportedRecipient[], hostname: string): string {
  const lines = reported.map(({ recipient, kind, outcome }) => {
    const host = outcome?.host === undefined ? '' : ` (host ${outcome.host})`;
    const reply = outcome?.reply ? replyText(outcome.reply) : reasonOf(outcome);
    const end = kind === 'expired' ? 'no attempt succeeded in time. The last one: ' : '';
    return `<${recipient.address}>${host}: ${end}${reply}`;
  });
  return [
    `This is the mail system at ${hostname}.`,
    '',
    'Your message could not be delivered to:',
    '',
    ...lines,
    '',
    'It will not be tried again.',
    '',
  ].join('\n');
}

function reasonOf(outcome: Partial<RecipientOutcome> | undefined): string {
  return outcome && 'reason' in outcome && outcome.reason ? outcome.reason : 'no attempt could be made.';
}

function recipientStatus({ recipient, kind, outcome }: ReportedRecipient, now: number): RecipientStatus {
  const enhanced = outcome && 'enhanced' in outcome ? outcome.enhanced : undefined;
  return {
    finalRecipient: { type: 'rfc822', value: recipient.address },
    action: 'failed',
    // RFC 3463 §3.5: X.4.7 is the time that ran out.
    status: kind === 'expired' ? '4.4.7' : permanent(enhanced),
    ...(outcome?.host !== undefined && { remoteMta: { type: 'dns', value: outcome.host } }),
    ...(outcome?.reply && { diagnosticCode: { type: 'smtp', value: replyText(outcome.reply) } }),
    ...(recipient.attempt > 0 && { lastAttemptDate: new Date(now) }),
  };
}

function permanent(enhanced: string | undefined): string {
  return enhanced?.startsWith('5') ? enhanced : '5.0.0';
}

/** Longest text of a host that a report repeats. */
const maxReplyText = 500;

function replyText({ code, lines }: NonNullable<OutcomeEvidence['reply']>): string {
  return `${code} ${lines.join(' ')}`.slice(0, maxReplyText);
}
