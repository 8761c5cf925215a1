import {
  canonicalAddress,
  type DeliveryReport,
  type FeedbackReport,
  parseMailbox,
  parseMessage,
  readReport,
} from '@mb/mime';
import { categorizeReply } from '../delivery/classify.ts';
import type { FailureCategory } from '../delivery/failure.ts';
import { profiledMessage } from '../message/profiled-message.ts';
import type { Profiles } from '../profiles.ts';
import { claimedRecipientId, parseVerp } from '../sender/verp.ts';
import {
  type MessageView,
  parseRecipientId,
  type QueueStore,
  type RecipientId,
  type RecipientView,
} from '../store/port.ts';
import type { ReportedEvent } from '../store/queue-event.ts';
import type { NewSuppression } from '../store/suppression.ts';

/** What an incoming message reported. */
export interface InboundReport {
  /** `none`: the message is not a readable report but, for example, a reply written by a person. */
  readonly kind: 'bounce' | 'delay' | 'complaint' | 'none';
  readonly recipients: readonly InboundRecipient[];
}

/** A recipient that a report names. */
export interface InboundRecipient {
  /** As in the report. */
  readonly address: string;
  /** Present when the report came to a return path of ours. */
  readonly recipientId?: RecipientId;
  /** RFC 3463 code. */
  readonly status?: string;
  readonly category?: FailureCategory;
  /** Whether the address was put on the suppression list. */
  readonly suppressed: boolean;
}

/** What {@link receiveReport} needs. */
export interface InboundReportParts {
  readonly store: QueueStore<unknown>;
  /** A return path counts if the sending profile of the message that it names has created it. */
  readonly profiles: Profiles;
  /** Whether to suppress addresses that do not exist or have complained. */
  readonly suppress: boolean;
}

/** A larger message is not read as a report. */
const maxReportBytes = 10 * 1024 * 1024;

/**
 * Reads a delivery status notification (RFC 3464) or a feedback report (RFC 5965) that came in, logs it as an event
 * of the recipient that it is about, and suppresses addresses that do not exist or have complained.
 *
 * @param raw  The message as received.
 * @param recipient  The envelope recipient that it came to: with VERP it proves which recipient the report is about.
 *   Without that proof nothing is logged or suppressed, because anyone can write a report.
 * @throws {BrokerError} MB_BROKER_PROFILE_FAILED when the profile is not available; nothing was written then.
 */
export async function receiveReport(
  raw: Uint8Array,
  recipient: string | undefined,
  { store, profiles, suppress }: InboundReportParts,
): Promise<InboundReport> {
  if (raw.length > maxReportBytes) return { kind: 'none', recipients: [] };
  const report = readReport(await parseMessage(raw));
  const path = report?.kind === 'feedback-report' ? (report.originalMailFrom ?? recipient) : recipient;
  const proven = path === undefined ? undefined : await recipientOf(path, store, profiles);
  const found =
    report?.kind === 'delivery-status'
      ? readBounce(report)
      : report?.kind === 'feedback-report'
        ? readComplaint(report)
        : none;
  const recipients = found.recipients.map((one): InboundRecipient => {
    // A return path proves one recipient; what a report says of others is not trusted.
    if (!proven || !sameAddress(one.address, proven.address, found.recipients.length)) {
      return { ...one, suppressed: false };
    }
    const bad = found.kind === 'complaint' || (found.kind === 'bounce' && one.category === 'bad-mailbox');
    const { address, recipientId } = proven;
    return { ...one, address, recipientId, suppressed: suppress && bad };
  });
  if (proven) await writeDown(found.kind, recipients, proven.tenant, store);
  return { kind: found.kind, recipients };
}

const none: Found = { kind: 'none', recipients: [] };

interface Found {
  readonly kind: InboundReport['kind'];
  readonly recipients: readonly Omit<InboundRecipient, 'suppressed'>[];
}

function readBounce(report: DeliveryReport): Found {
  const about = report.recipients.filter(({ action }) => action === 'failed' || action === 'delayed');
  const failed = about.some(({ action }) => action === 'failed');
  const recipients = about.map(({ finalRecipient, originalRecipient, status, diagnosticCode }) => {
    const code = /^(?:smtp; *)?(\d{3})/i.exec(diagnosticCode?.value ?? '')?.[1];
    const fallback = status.startsWith('4') ? 450 : 550;
    const reply = {
      code: code ? Number(code) : fallback,
      enhanced: status,
      lines: [diagnosticCode?.value ?? ''],
    };
    const address = (originalRecipient ?? finalRecipient).value;
    return { address, status, category: categorizeReply(reply, 'rcpt') };
  });
  return { kind: recipients.length === 0 ? 'none' : failed ? 'bounce' : 'delay', recipients };
}

function readComplaint(report: FeedbackReport): Found {
  // RFC 5965 §3.2: a feedback report without the original recipient names at most the return path.
  const addresses = report.originalRcptTo ?? [];
  const recipients = (addresses.length > 0 ? addresses : ['']).map((address) => ({ address }));
  return report.feedbackType === 'not-spam' ? none : { kind: 'complaint', recipients };
}

/** The recipient that a return path names, if the profile of its message has created that path. */
async function recipientOf(
  returnPath: string,
  store: QueueStore<unknown>,
  profiles: Profiles,
): Promise<RecipientView | undefined> {
  const { single, own } = profiles;
  // With a single profile, a forged path is refused without a read of the store.
  const claimed = single ? own.verp && parseVerp(own.verp, returnPath) : claimedRecipientId(returnPath);
  if (claimed === undefined) return undefined;
  const message = await store.inspect(parseRecipientId(claimed)!.messageId);
  const recipient = message?.recipients.find(({ recipientId }) => recipientId === claimed);
  if (!message || !recipient) return undefined;
  return single || (await isOf(message, returnPath, profiles)) ? recipient : undefined;
}

async function isOf(message: MessageView, returnPath: string, profiles: Profiles): Promise<boolean> {
  const { verp } = await profiles.for(profiledMessage(message));
  return verp !== undefined && parseVerp(verp, returnPath) !== undefined;
}

/** The report's address may be a forwarding target; when it names only one, it is about our recipient. */
function sameAddress(reported: string, ours: string, count: number): boolean {
  if (count === 1) return true;
  try {
    return canonical(reported) === canonical(ours);
  } catch {
    return false;
  }
}

async function writeDown(
  kind: InboundReport['kind'],
  recipients: readonly InboundRecipient[],
  tenant: string,
  store: QueueStore<unknown>,
): Promise<void> {
  if (kind !== 'bounce' && kind !== 'complaint') return;
  const events: ReportedEvent[] = [];
  const suppressions: NewSuppression[] = [];
  for (const { recipientId, address, status, category, suppressed } of recipients) {
    if (recipientId === undefined) continue;
    events.push({
      type: kind === 'complaint' ? 'complained' : 'bounced',
      recipientId,
      detail: { source: 'report', status, category },
    });
    if (suppressed) {
      suppressions.push({ address, tenant, reason: kind === 'complaint' ? 'complaint' : 'bad-mailbox' });
    }
  }
  if (events.length > 0) await store.report(events, suppressions);
}

function canonical(address: string): string {
  return canonicalAddress(parseMailbox(address, { addresses: 'as-received' })).toLowerCase();
}
