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

/** What follows from final outcomes. */
export interface FinalOutcomesOptions extends Omit<BounceEnvironment, 'original' | 'hostname'> {
  /** Whose host name the reports give. */
  readonly profiles: Profiles;
  readonly store: Pick<QueueStore, 'content' | 'report'>;
  /** Report failures to the return path. */
  readonly bounces: boolean;
  /** Put addresses that do not exist on the suppression list. */
  readonly suppress: boolean;
}

/** A larger message is not returned, whatever RET asks for; nor is more header than this. */
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

/** A report for each subject that the sender wants to hear of; one that cannot be made is an event. */
async function bouncesOf(
  message: ClaimedMessage,
  reported: readonly ReportedRecipient[],
  options: FinalOutcomesOptions,
): Promise<Bounce[]> {
  if (message.sender === '') {
    // RFC 5321 §4.5.5: no report by mail. The recipients that the lost report was about get an event.
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

/** The name of whom the message is sent as; of the broker when that is not known now, as a report must not wait. */
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

/** DSN-02: only what a host said of the address itself speaks against it. */
function isBadMailbox({ status, outcome }: ReportedRecipient): boolean {
  return status === 'failed' && (outcome as Partial<Failed> | undefined)?.action === 'suppress';
}

/** RFC 3461 §4.3: the header, or of a failure the whole message where it was asked for and is not too large. */
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
  // A header without end is cut at a line.
  return {
    headers: octets.subarray(0, end < octets.length ? end : octets.lastIndexOf('\r\n', maxHeaderBytes) + 2),
  };
}
