import { DkimError } from '@mb/dkim';
import { attemptDelivery } from '../delivery/attempt.ts';
import { profileOutcome } from '../delivery/attempt-outcome.ts';
import { type AttemptEnvironment, AttemptScope } from '../delivery/attempt-scope.ts';
import type { Connections } from '../delivery/connections.ts';
import type { KeptSignature, KeptTranscripts, RecipientOutcome } from '../delivery/outcome.ts';
import { planRecipients, type RecipientPlan } from '../delivery/plan.ts';
import { profileEnvironment } from '../delivery/profile-environment.ts';
import { combineFeedback, siteFeedbackOf } from '../delivery/site-feedback.ts';
import { BrokerError } from '../errors.ts';
import { type Octets, type SignedMessage, signOutgoing } from '../message/outgoing-message.ts';
import { profiledMessage } from '../message/profiled-message.ts';
import { readQueuedEnvelope } from '../message/queued-envelope.ts';
import type { Profiles } from '../profiles.ts';
import { configuredHop } from '../route/next-hop.ts';
import type { Keyring } from '../sender/keyring.ts';
import { isProfileFailure } from '../sender/obtain.ts';
import { formatVerp } from '../sender/verp.ts';
import type { Profile } from '../sending-profile.ts';
import { parseServerDelay } from '../store/backoff.ts';
import type { SiteFeedback } from '../store/pacing.ts';
import type { Claim, ClaimedMessage, ClaimedRecipient, QueueStore } from '../store/port.ts';
import { keptEvidence, signaturesOf } from './kept-evidence.ts';
import { readLastAttempt } from './last-attempt.ts';
import { runPool } from './run-pool.ts';
import { type SendingGroup, SendingGroups } from './sending-groups.ts';
import type { Attempt, AttemptOutcome } from './worker.ts';

/** What {@link createQueueAttempt} needs. */
export interface QueueAttemptParts {
  readonly environment: AttemptEnvironment;
  readonly profiles: Profiles;
  readonly connections: Connections;
  readonly store: Pick<QueueStore, 'content'>;
  readonly transcripts: KeptTranscripts;
}

/** Maximum number of messages in flight on one connection, and so of unknown outcomes when it breaks. */
const messagesInFlight = 16;
/** Number of further recipients to claim when none waits and the connection still works. */
const moreRecipients = 20;
/** After this time nothing more is claimed under a lease, so that no site occupies a slot of the worker forever. */
const longestClaimMs = 30_000;

/**
 * Creates the worker's attempt. Each message of a claim is signed, offered to its hosts and settled on its own;
 * messages with the same profile and egress source share a connection.
 */
export function createQueueAttempt(parts: QueueAttemptParts): Attempt {
  return async (claim, context) => {
    // Long because all groups of a claim share its state.
    const { clock, random, experiences } = parts.environment;
    const startedAt = clock.now();
    const hosts = experiences.open();
    experiences.recall(claim.learned?.hosts ?? {});
    const feedbacks: SiteFeedback[] = [];
    const waiting = new SendingGroups(random);
    const add = async (messages: Claim['messages']): Promise<void> => {
      const outcomes = await addByProfile(messages, waiting, parts, context.signal);
      if (outcomes.length > 0) await context.settle({ outcomes });
    };
    await add(claim.messages);
    /** Messages of the group that are under way or wait. */
    let open = 0;
    /** Outcomes of the last message, which are written when the lease is released if no message follows. */
    let last: readonly AttemptOutcome[] = [];
    const take = async (group: SendingGroup): Promise<Claim['messages']> => {
      const messages = waiting.take(group);
      open += messages.length;
      if (messages.length > 0 && last.length > 0) {
        const outcomes = last;
        last = [];
        await context.settle({ outcomes });
      }
      return messages;
    };
    const more = async (group: SendingGroup): Promise<Claim['messages']> => {
      const young = clock.now() - startedAt < longestClaimMs;
      const answers = ['succeeded', 'answered'].includes(feedbacks.at(-1)?.kind ?? '');
      const goOn = young && answers && !context.stopping.aborted;
      // The connections of one group are given back before those of the next one are opened.
      if (goOn && !waiting.hasOther(group)) await add(await context.more(moreRecipients));
      return take(group);
    };
    for (let group = waiting.next(); group; group = waiting.next()) {
      const messages = await take(group);
      const scope = new AttemptScope(profileEnvironment(parts.environment, group.profile), {
        connections: parts.connections.open(),
        experiences: hosts,
        source: group.source,
        signal: context.signal,
        stopping: context.stopping,
        transcripts: parts.transcripts,
        firstOfSeveral: messages.every(({ recipients }) => recipients.every(({ attempt }) => attempt === 1)),
      });
      const attemptOne = async (message: ClaimedMessage): Promise<void> => {
        const result = context.stopping.aborted
          ? undefined
          : await attemptMessage(message, scope, group.profile, parts);
        open--;
        if (result?.feedback) feedbacks.push(result.feedback);
        if (result && open > 0) await context.settle({ outcomes: result.outcomes });
        else if (result) last = result.outcomes;
      };
      try {
        await runPool(messages, messagesInFlight, attemptOne, () => more(group));
      } catch (error) {
        // Outcomes that are known must not be lost with the error.
        await context.settle({ outcomes: last });
        throw error;
      } finally {
        await scope.end();
      }
    }
    const feedback = combineFeedback(feedbacks);
    const changes = hosts.changes();
    return { outcomes: last, ...(feedback && { feedback }), ...(changes && { hosts: changes }) };
  };
}

async function attemptMessage(
  message: ClaimedMessage,
  scope: AttemptScope,
  { keyring, verp, maxRecipients, routes }: Profile,
  parts: QueueAttemptParts,
): Promise<{ outcomes: AttemptOutcome[]; feedback?: SiteFeedback }> {
  const { recipients } = message;
  const stored = new StoredContent(message, parts.store);
  let signed: SignedMessage;
  try {
    signed = await loadSigned(message, stored.octets, keyring, scope.signal);
  } catch (error) {
    if (isProfileFailure(error)) return { outcomes: withoutProfile(message, error, parts.environment) };
    return { outcomes: recipients.map(({ recipientId }) => ({ recipientId, ...withoutContent(error) })) };
  }
  const { environment } = parts;
  const personal = verp !== undefined && message.sender !== '';
  const plan = planClaimed(recipients, personal ? 1 : maxRecipients, routes);
  const results: RecipientOutcome[] = [];
  for (const delivery of plan.deliveries) {
    const { recipientId } = recipients[delivery.recipients[0]!.index]!;
    const content = personal ? withReturnPath(signed, formatVerp(verp, recipientId)) : signed;
    const attempt = Math.max(...delivery.recipients.map(({ index }) => recipients[index]!.attempt));
    const outcomes = await attemptDelivery(delivery, content, attempt, scope, {
      queueId: message.messageId,
      acceptedAt: message.acceptedAt,
    });
    delivery.recipients.forEach(({ index }, position) => {
      results[index] = outcomes[position]!;
    });
  }
  const facts = {
    attemptedAt: environment.clock.now(),
    acceptedAt: message.acceptedAt,
    transcripts: parts.transcripts,
    signatures: signaturesOf(signed.signature),
  };
  const outcomes = recipients.map((recipient, index) => {
    const { recipientId } = recipient;
    const result = results[plan.firstIndex[index]!]!;
    // Content that could not be read completely was not sent completely either.
    if (stored.failure !== undefined && result.status === 'deferred')
      return { recipientId, ...withoutContent(stored.failure) };
    return toAttemptOutcome(recipient, result, facts);
  });
  const feedback = siteFeedbackOf(results.filter((result) => result !== undefined));
  return { outcomes, ...(feedback && { feedback }) };
}

/**
 * Adds messages to their groups.
 *
 * @returns outcomes for the messages whose profile is not available.
 */
async function addByProfile(
  messages: readonly ClaimedMessage[],
  groups: SendingGroups,
  { profiles, environment }: QueueAttemptParts,
  signal: AbortSignal,
): Promise<AttemptOutcome[]> {
  if (profiles.single) {
    for (const message of messages) groups.add(message, profiles.own);
    return [];
  }
  const found = await Promise.all(
    messages.map(async (message) => {
      try {
        return { message, profile: await profiles.for(profiledMessage(message), signal) };
      } catch (error) {
        return { message, error };
      }
    }),
  );
  return found.flatMap((one) => {
    if ('profile' in one) {
      groups.add(one.message, one.profile);
      return [];
    }
    if (isProfileFailure(one.error)) return withoutProfile(one.message, one.error, environment);
    // The lookup was aborted because the worker stops.
    return one.message.recipients.map(({ recipientId }) => ({ recipientId, status: 'unattempted' as const }));
  });
}

/** a missing profile is trouble of our own and uses up no attempt. */
function withoutProfile(
  message: ClaimedMessage,
  error: BrokerError,
  { localWatch, clock }: AttemptEnvironment,
): AttemptOutcome[] {
  const outcomes = message.recipients.map(({ address, attempt }) => profileOutcome(address, error, attempt));
  localWatch.saw(profiledMessage(message).authorDomain, outcomes);
  return message.recipients.map((recipient, index) =>
    toAttemptOutcome(recipient, outcomes[index]!, {
      attemptedAt: clock.now(),
      acceptedAt: message.acceptedAt,
      transcripts: 'none',
      signatures: [],
    }),
  );
}

/** Plans a claimed message. Nearly all have one recipient, whose domain the queue knows; it need not be parsed. */
function planClaimed(
  recipients: readonly ClaimedRecipient[],
  maxRecipients: number,
  routes: Profile['routes'],
): RecipientPlan {
  const [only, ...others] = recipients;
  if (!only || others.length > 0) {
    return planRecipients(
      recipients.map(({ address }) => address),
      { maxRecipients, hopOf: (domain) => configuredHop(domain, routes) },
    );
  }
  const { address, domain } = only;
  const recipient = { address, domain, index: 0 };
  return { deliveries: [{ domain, recipients: [recipient] }], firstIndex: [0] };
}

function withReturnPath(message: SignedMessage, from: string): SignedMessage {
  return { ...message, envelope: { ...message.envelope, from } };
}

/** The octets of a claimed message: those that came with the claim, or those in the store, read again each time. */
class StoredContent {
  readonly octets: Octets;
  /** The error that ended the reading of the octets, if any. */
  failure: unknown;

  constructor({ content, messageId }: ClaimedMessage, store: Pick<QueueStore, 'content'>) {
    this.octets = content ?? { [Symbol.asyncIterator]: () => this.#read(store.content(messageId)) };
  }

  async *#read(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}

async function loadSigned(
  message: ClaimedMessage,
  octets: Octets,
  keyring: Keyring,
  signal: AbortSignal | undefined,
): Promise<SignedMessage> {
  const { sender, size, envelope, recipients } = message;
  const queued = readQueuedEnvelope(envelope, sender);
  const { signed, requireTls, requires, authorDomain, ret, envid } = queued;
  const outgoing = {
    envelope: { from: sender, to: recipients.map(({ address }) => address) },
    octets,
    size,
    requires,
    messageId: queued.messageId,
    authorDomain,
  };
  const ready = signed
    ? { ...outgoing, content: octets, signature: '' }
    : await signOutgoing(outgoing, keyring, signal);
  const optionsByAddress = new Map(recipients.map(({ address, options = {} }) => [address, options]));
  return {
    ...ready,
    ...(requireTls && { requireTls }),
    dsn: { recipients: optionsByAddress, ...(ret && { ret }), ...(envid !== undefined && { envid }) },
  };
}

/**
 * The outcome of a message that cannot be read or signed. Damaged content is held for an operator; a key that fails is
 * tried again later. The message is not sent without its signature.
 */
function withoutContent(
  error: unknown,
): Omit<AttemptOutcome, 'recipientId'> & { status: 'held' | 'unattempted' } {
  const known = DkimError.isInstance(error) || BrokerError.isInstance(error);
  const detail = {
    code: known ? error.code : 'internal',
    reason: error instanceof Error ? error.message : 'Failed.',
  };
  const damaged = BrokerError.isInstance(error) && !error.retryable;
  return damaged ? { status: 'held', detail } : { status: 'unattempted', detail };
}

/** What the outcomes of one message have in common. */
interface AttemptFacts {
  readonly attemptedAt: number;
  readonly acceptedAt: number;
  readonly transcripts: KeptTranscripts;
  readonly signatures: readonly KeptSignature[];
}

function toAttemptOutcome(
  { recipientId, lastDetail }: ClaimedRecipient,
  outcome: RecipientOutcome,
  { attemptedAt, acceptedAt, transcripts, signatures }: AttemptFacts,
): AttemptOutcome {
  const evidence = keptEvidence(outcome, transcripts, signatures);
  // With `acceptedAt` the event alone gives the time from acceptance to delivery.
  const detail = { ...evidence, attemptedAt, ...(outcome.status === 'delivered' && { acceptedAt }) };
  if (outcome.status !== 'deferred') return { recipientId, status: outcome.status, detail };
  // trouble of our own uses up no attempt, nor does a session that ended before it came to this message.
  if (outcome.category === 'local' || outcome.untouched) {
    // the worker stops and nothing was tried, so there is no detail to keep.
    if (outcome.category === 'local' && outcome.untouched) return { recipientId, status: 'unattempted' };
    const lastAttempt = readLastAttempt(lastDetail);
    return {
      recipientId,
      status: 'unattempted',
      detail: { ...evidence, ...(lastAttempt && { lastAttempt }) },
    };
  }
  const serverDelayMs = (outcome.reply && parseServerDelay(outcome.reply.lines.join(' '))) ?? outcome.afterMs;
  return { recipientId, status: 'deferred', detail, ...(serverDelayMs !== undefined && { serverDelayMs }) };
}
