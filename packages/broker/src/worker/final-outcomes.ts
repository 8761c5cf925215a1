import type { Failed } from '../delivery/outcome.ts';
import { readQueuedEnvelope } from '../message/queued-envelope.ts';
import type { ClaimedMessage, Outcome, QueueStore } from '../store/port.ts';
import { type BounceEnvironment, composeBounce, type ReportedRecipient } from './bounce.ts';
import type { OnFinalOutcomes } from './worker.ts';

/** What follows from final outcomes. */
export interface FinalOutcomesOptions extends Omit<BounceEnvironment, 'original'> {
  readonly store: Pick<QueueStore, 'content'>;
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
    const bounce =
      options.bounces && message.sender !== '' && reported.length > 0
        ? await composeBounce(message, reported, {
            ...options,
            original: await originalOf(message, options.store),
          })
        : undefined;
    const suppress = options.suppress ? reported.filter(isBadMailbox) : [];
    return {
      ...(bounce && { bounces: [bounce] }),
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

function reportedRecipient(message: ClaimedMessage, outcome: Outcome): ReportedRecipient[] {
  if (outcome.kind !== 'failed' && outcome.kind !== 'expired') return [];
  const recipient = message.recipients.find(({ recipientId }) => recipientId === outcome.recipientId);
  if (!recipient) return [];
  const { kind, detail } = outcome;
  return [{ recipient, kind, ...(detail && { outcome: detail }) }];
}

/** DSN-02: only what a host said of the address itself speaks against it. */
function isBadMailbox({ kind, outcome }: ReportedRecipient): boolean {
  return kind === 'failed' && (outcome as Partial<Failed> | undefined)?.action === 'suppress';
}

/** RFC 3461 §4.3: the header, or the whole message where it was asked for and is not too large. */
async function originalOf(message: ClaimedMessage, store: Pick<QueueStore, 'content'>) {
  const { ret } = readQueuedEnvelope(message.envelope, message.sender);
  const full = ret === 'full' && message.size <= maxReturnedBytes;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of message.content ? [message.content] : store.content(message.messageId)) {
    chunks.push(chunk);
    length += chunk.length;
    if (!full && length >= maxHeaderBytes) break;
  }
  const octets = Buffer.concat(chunks);
  if (full) return { message: octets };
  const end = octets.indexOf('\r\n\r\n');
  // A header without end is cut at a line.
  return { headers: octets.subarray(0, end >= 0 ? end + 2 : octets.lastIndexOf('\r\n', maxHeaderBytes) + 2) };
}
