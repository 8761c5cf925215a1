import { findHeaderEnd } from '@mb/mime';
import { type Failed, readOutcomeDetail } from '../delivery/outcome.ts';
import { profiledMessage } from '../message/profiled-message.ts';
import { readQueuedEnvelope } from '../message/queued-envelope.ts';
import type { Profiles } from '../profiles.ts';
import type { Bounce, ClaimedMessage, Outcome, QueueStore, RecipientId } from '../store/port.ts';
import {
  type BounceEnvironment,
  composeBounce,
  isWanted,
  type ReportedRecipient,
  type ReportSubject,
  subjectOf,
} from './bounce.ts';
import type { OnFinalOutcomes } from './worker.ts';

/** Options of {@link createFinalOutcomes}. */
export interface FinalOutcomesOptions extends Omit<BounceEnvironment, 'original' | 'hostname'> {
  /** The profile of a message gives the host name in the reports on it. */
  readonly profiles: Profiles;
  readonly store: Pick<QueueStore, 'content' | 'report'>;
  /** Whether to send reports to the return path. */
  readonly bounces: boolean;
  /** Whether to suppress addresses that do not exist. */
  readonly suppress: boolean;
}

/** Of a larger message only the header is returned, whatever RET asks for; a longer header is cut. */
const maxReturnedBytes = 1024 * 1024;
const maxHeaderBytes = 64 * 1024;

/** Makes the worker's `onFinalOutcomes`: reports to the sender, and suppression of addresses that do not exist. */
export function createFinalOutcomes(options: FinalOutcomesOptions): OnFinalOutcomes {
  return async (message, outcomes) => {
    const reported = outcomes.flatMap((outcome) => reportedRecipient(message, outcome));
    const bounces = options.bounces ? await bouncesOf(message, reported, options) : [];
    const suppress = options.suppress ? reported.filter(isBadMailbox) : [];
    return {
      ...(bounces.length > 0 && { bounces }),
      ...(suppress.length > 0 && {
        suppress: suppress.map(({ recipient, outcome }) => ({
          address: recipient.address,
          reason: 'bad-mailbox' as const,
          tenant: message.tenant,
          detail: { reply: outcome?.reply, host: outcome?.host },
        })),
      }),
    };
  };
}

/** Composes one report for each subject that the sender wants; a report that cannot be composed becomes an event. */
async function bouncesOf(
  message: ClaimedMessage,
  reported: readonly ReportedRecipient[],
  options: FinalOutcomesOptions,
): Promise<Bounce[]> {
  if (message.sender === '') {
    // RFC 5321 §4.5.5: a null reverse-path gets no report. If the message was a report itself, the recipients that it
    // was about get an event.
    const { reportOn = [] } = readQueuedEnvelope(message.envelope, '');
    const [lost] = reported.filter((one) => subjectOf(one) === 'failure');
    if (lost)
      await tellUnreported(reportOn, { reportMessageId: message.messageId, ...lost.outcome }, options);
    return [];
  }
  const bySubject = new Map<ReportSubject, ReportedRecipient[]>();
  for (const one of reported.filter(isWanted)) {
    const subject = subjectOf(one);
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), one]);
  }
  const bounces: Bounce[] = [];
  for (const [subject, recipients] of bySubject) {
    try {
      const original = await originalOf(message, options.store, subject);
      const hostname = await hostnameFor(message, options.profiles);
      bounces.push(await composeBounce(message, recipients, { ...options, hostname, original }));
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'The report could not be made.';
      const ids = recipients.map(({ recipient }) => recipient.recipientId);
      await tellUnreported(ids, { reason }, options);
    }
  }
  return bounces;
}

/** The host name of the message's profile; the broker's when the profile is not available, so that no report waits. */
async function hostnameFor(message: ClaimedMessage, profiles: Profiles): Promise<string> {
  try {
    return (await profiles.for(profiledMessage(message))).hostname;
  } catch {
    return profiles.own.hostname;
  }
}

async function tellUnreported(
  recipientIds: readonly RecipientId[],
  detail: object,
  { store }: FinalOutcomesOptions,
): Promise<void> {
  if (recipientIds.length === 0) return;
  await store.report(recipientIds.map((recipientId) => ({ type: 'unreported', recipientId, detail })));
}

function reportedRecipient(message: ClaimedMessage, outcome: Outcome): ReportedRecipient[] {
  const { status } = outcome;
  if (status !== 'failed' && status !== 'expired' && status !== 'delayed' && status !== 'delivered')
    return [];
  const recipient = message.recipients.find(({ recipientId }) => recipientId === outcome.recipientId);
  if (!recipient) return [];
  const { detail } = outcome;
  return [{ recipient, status, ...(detail && { outcome: readOutcomeDetail(detail) }) }];
}

/** DSN-02: an address is suppressed only when a host said that it does not exist. */
function isBadMailbox({ status, outcome }: ReportedRecipient): boolean {
  return status === 'failed' && (outcome as Partial<Failed> | undefined)?.action === 'suppress';
}

/** RFC 3461 §4.3: the header; for a failure with RET=FULL the whole message, if it is not too large. */
async function originalOf(
  message: ClaimedMessage,
  store: Pick<QueueStore, 'content'>,
  subject: ReportSubject,
) {
  const { ret } = readQueuedEnvelope(message.envelope, message.sender);
  const full = subject === 'failure' && ret === 'full' && message.size <= maxReturnedBytes;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of message.content ? [message.content] : store.content(message.messageId)) {
    chunks.push(chunk);
    length += chunk.length;
    if (!full && length >= maxHeaderBytes) break;
  }
  const octets = Buffer.concat(chunks);
  if (full) return { message: octets };
  const end = findHeaderEnd(octets);
  // A longer header is cut at the end of a line.
  return {
    headers: octets.subarray(0, end < octets.length ? end : octets.lastIndexOf('\r\n', maxHeaderBytes) + 2),
  };
}
