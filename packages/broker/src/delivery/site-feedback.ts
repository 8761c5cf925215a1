/**
 * What outcomes say about their site, as a pure function: whether it accepts mail, asks for less, or cannot be reached.
 *
 * a reply is about its recipient unless it says otherwise. A host is slowed down only when it asks for less, by
 * 421, a code of its own or words. Temporary replies to recipients, however many, neither raise nor lower the number of
 * connections.
 */
import { parseServerDelay } from '../store/backoff.ts';
import type { SiteFeedback } from '../store/pacing.ts';
import type { RecipientOutcome, Stage } from './outcome.ts';

/** Stages before the first transaction. */
const beforeMail: readonly Stage[] = ['connect', 'greeting', 'ehlo', 'helo', 'starttls', 'tls', 'auth'];
/** Stages in which no host was contacted. */
const withoutHost: readonly Stage[] = ['suppression', 'route', 'policy'];

/** What the outcomes of one message say about the site; undefined when they say nothing. */
export function siteFeedbackOf(outcomes: readonly RecipientOutcome[]): SiteFeedback | undefined {
  const feedback = combineFeedback(outcomes.flatMap((outcome) => feedbackOf(outcome) ?? []));
  // A message counts once, however many recipients it has.
  return feedback?.kind === 'succeeded' ? { kind: 'succeeded' } : feedback;
}

/**
 * What several messages of one claim say together. The first of these that occurs decides: `throttled` (with the
 * longest pause), `credentials-refused`, `succeeded` (with the sum of the counts), `answered`, `unreachable`.
 */
export function combineFeedback(feedbacks: readonly SiteFeedback[]): SiteFeedback | undefined {
  const throttled = feedbacks.filter((feedback) => feedback.kind === 'throttled');
  if (throttled.length > 0) {
    return throttled.reduce((one, other) =>
      (other.retryAfterMs ?? 0) > (one.retryAfterMs ?? 0) ? other : one,
    );
  }
  const refused = feedbacks.find(({ kind }) => kind === 'credentials-refused');
  if (refused) return refused;
  const succeeded = feedbacks.filter((feedback) => feedback.kind === 'succeeded');
  if (succeeded.length > 0) {
    return { kind: 'succeeded', count: succeeded.reduce((sum, { count = 1 }) => sum + count, 0) };
  }
  return feedbacks.find(({ kind }) => kind === 'answered') ?? feedbacks[0];
}

/** What one outcome says about the site. */
function feedbackOf(outcome: RecipientOutcome): SiteFeedback | undefined {
  const { status, stage, reply } = outcome;
  if (status === 'delivered') return { kind: 'succeeded' };
  // A lost session is neither a success nor proof that the host cannot be reached.
  if (status === 'unknown' || withoutHost.includes(stage)) return undefined;
  if (status === 'deferred' && outcome.untouched) return undefined;
  if (outcome.category === 'local') {
    return outcome.action === 'pause' ? { kind: 'credentials-refused' } : undefined;
  }
  if (outcome.action === 'slow-down' || outcome.action === 'pause') {
    const retryAfterMs = (reply && parseServerDelay(reply.lines.join(' '))) ?? outcome.afterMs;
    return { kind: 'throttled', ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  if (status === 'deferred' && beforeMail.includes(stage)) return { kind: 'unreachable' };
  // RFC 5321 §4.2.1: a permanent reply about a mailbox or a message shows that the host works.
  const decided = status === 'failed' && (outcome.scope === 'recipient' || outcome.scope === 'message');
  if (decided) return { kind: 'succeeded' };
  return reply || stage === 'plan' ? { kind: 'answered' } : undefined;
}
