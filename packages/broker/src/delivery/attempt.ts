import { byPreference, type MailHost } from '@mb/dns';
import { type DeliveryOutcome, type Envelope, type RecipientResult, SmtpError } from '@mb/smtp-client';
import type { SignedMessage } from '../message/outgoing-message.ts';
import type { Notify } from '../message/queued-envelope.ts';
import type { ReachableHop } from '../route/next-hop.ts';
import { reachableFrom } from '../sender/egress-source.ts';
import {
  policyOutcome,
  recipientOutcome,
  routeOutcome,
  sessionOutcome,
  unreachableOutcome,
} from './attempt-outcome.ts';
import type { AttemptScope } from './attempt-scope.ts';
import { mayTryNextHost } from './classify.ts';
import { wasNotOffered } from './connections.ts';
import type { UsableHostPlan } from './host-plan.ts';
import type { RecipientOutcome } from './outcome.ts';
import type { PlannedDelivery, PlannedRecipient } from './plan.ts';

/** No further host is tried once an attempt has lasted this long; each session is bounded by its own timeouts. */
const longestAttemptMs = 10 * 60_000;

/** What the queue knows of a message. */
export interface QueuedFacts {
  readonly queueId: string;
  readonly acceptedAt: number;
}

/**
 * Tries to deliver one message to recipients of one next hop, host after host (RFC 5321 §5.1).
 *
 * A host that cannot be reached, answers 4yz or lacks an extension is followed by the next one; recipients that a
 * host has decided on are not offered to another, above all not after an unknown end.
 *
 * @param attempt  Number of this attempt, 1 for the first.
 * @param queued  What the queue knows of the message, for observers.
 * @returns one outcome for each recipient, in their order; failures are outcomes, never exceptions.
 */
export async function attemptDelivery(
  delivery: PlannedDelivery,
  message: SignedMessage,
  attempt: number,
  scope: AttemptScope,
  queued?: QueuedFacts,
): Promise<RecipientOutcome[]> {
  const { clock, localWatch, observers, profile } = scope.environment;
  const startedAt = clock.now();
  const outcomes = await tryHosts(delivery, message, attempt, scope);
  const { domain, recipients } = delivery;
  localWatch.saw(domain, outcomes);
  if (observers.wants('attempt')) {
    const endedAt = clock.now();
    const domains = [...new Set(recipients.map((recipient) => recipient.domain))];
    const { messageId } = message;
    observers.emit({
      type: 'attempt',
      domain,
      domains,
      messageId,
      attempt,
      outcomes,
      durationMs: endedAt - startedAt,
      endedAt,
      ...(profile !== '' && { profile }),
      ...queued,
    });
  }
  return outcomes;
}

async function tryHosts(
  delivery: PlannedDelivery,
  message: SignedMessage,
  attempt: number,
  scope: AttemptScope,
): Promise<RecipientOutcome[]> {
  const { recipients } = delivery;
  const nextHop = await scope.nextHop(delivery.domain);
  const { route } = nextHop;
  if (route.status !== 'found') {
    return recipients.map((recipient) => routeOutcome(recipient, route, attempt));
  }
  const offer = { nextHop: { ...nextHop, route }, message, attempt };
  // RFC 5321 §5.1: hosts of equal preference share the load, message by message, though the route is that of the claim.
  const hosts = byPreference(route.hosts, scope.environment.random);
  const [first, ...others] = hosts.filter(
    ({ addresses }) => reachableFrom(scope.source, addresses).length > 0,
  );
  // An empty list of addresses means that there is nothing to dial, never that the platform may resolve the name.
  if (!first) return recipients.map((one) => unreachableOutcome(one, hosts[0]!, scope.source!, attempt));
  const { clock } = scope.environment;
  const startedAt = clock.now();
  const outcomes = await tryHost({ ...offer, host: first, recipients }, scope);
  for (const host of others) {
    const open = [...outcomes.keys()].filter((index) => mayTryNextHost(outcomes[index]!));
    if (open.length === 0 || scope.signal?.aborted || clock.now() - startedAt >= longestAttemptMs) break;
    const left = open.map((index) => recipients[index]!);
    const results = await tryHost({ ...offer, host, recipients: left }, scope);
    open.forEach((index, position) => {
      outcomes[index] = moreHopeful(outcomes[index]!, results[position]!);
    });
  }
  const { source } = scope;
  return source ? outcomes.map((outcome) => ({ ...outcome, source: source.name })) : outcomes;
}

/**
 * Of two hosts that both left the recipient open, the outcome to report: as long as one host may take the message
 * later the recipient is deferred, and a host that said something tells more than one that did not.
 */
function moreHopeful(before: RecipientOutcome, now: RecipientOutcome): RecipientOutcome {
  if (before.status !== 'deferred') return now;
  if (now.status === 'deferred') {
    // Trouble of our own with one host says nothing about what another one said.
    if (now.category === 'local') return before;
    return now.reply || !before.reply ? now : before;
  }
  return now.status === 'failed' && mayTryNextHost(now) ? before : now;
}

/** One host of a route and what it is to be offered. */
interface Offer {
  readonly nextHop: ReachableHop;
  readonly host: MailHost;
  readonly recipients: readonly PlannedRecipient[];
  readonly message: SignedMessage;
  readonly attempt: number;
}

/** Offers the message to one host; gives the results in the order of `recipients`. */
async function tryHost(offer: Offer, scope: AttemptScope): Promise<RecipientOutcome[]> {
  const { nextHop, host, recipients, message, attempt } = offer;
  const plan = await scope.hostPlan(nextHop, host, message.requireTls ?? false);
  if (!plan.usable) {
    return recipients.map((recipient) => policyOutcome(recipient, host, plan, attempt));
  }
  const { replyRules: rules } = scope.environment;
  const factsOf = ({ domain }: PlannedRecipient) => {
    return { host, relay: isForeignRelay(nextHop, host, domain), rules, attempt };
  };
  try {
    const { outcome, dsn } = await handOver(offer, plan, scope);
    const kept =
      scope.transcripts === 'all' ||
      (scope.transcripts === 'failures' && outcome.recipients.some(({ status }) => status !== 'delivered'));
    const transcript = kept ? outcome.transcript : [];
    // RFC 2033 §4.2: only LMTP answers for each recipient after the content.
    const accepted = outcome.recipients.filter(({ stage }) => stage !== 'rcpt').length;
    const shared = nextHop.protocol === 'smtp' && accepted > 1;
    return outcome.recipients.map((result, index) =>
      withOwnReport(
        recipientOutcome(recipients[index]!, result, {
          ...factsOf(recipients[index]!),
          outcome,
          transcript,
          shared,
        }),
        dsn ? 'never' : message.dsn?.recipients.get(recipients[index]!.address)?.notify,
        nextHop,
      ),
    );
  } catch (error) {
    if (!SmtpError.isInstance(error) || isCallersFault(error)) throw error;
    const egress = scope.egressOf(nextHop);
    return recipients.map((recipient) => sessionOutcome(recipient, error, egress, factsOf(recipient)));
  }
}

/** A relay knows the mailboxes of its own domain; what it says about others is about us or about itself. */
function isForeignRelay({ route, protocol }: ReachableHop, { name }: MailHost, domain: string): boolean {
  if (route.via !== 'smarthost' || protocol === 'lmtp') return false;
  const host = name.toLowerCase();
  return host !== domain && !host.endsWith(`.${domain}`);
}

/** RFC 3461 §5.2.2: where a report of success was asked for and the host will not send one, we do. */
function withOwnReport(
  outcome: RecipientOutcome,
  notify: Notify | undefined,
  { protocol }: ReachableHop,
): RecipientOutcome {
  if (outcome.status !== 'delivered' || notify === undefined || notify === 'never') return outcome;
  if (!notify.includes('success')) return outcome;
  return { ...outcome, ownReport: protocol === 'lmtp' ? 'delivered' : 'relayed' };
}

/** What became of a message at one host, and whether that host reports on it. */
interface HandOver {
  readonly outcome: DeliveryOutcome;
  /** RFC 3461: the host offers DSN. */
  readonly dsn: boolean;
}

/** Hands the message to the host, over as many connections as it takes: a session may be full before the message is. */
async function handOver(offer: Offer, plan: UsableHostPlan, scope: AttemptScope): Promise<HandOver> {
  const first = await handOverOnce(offer, plan, scope);
  const { outcome } = first;
  const untouched = [...outcome.recipients.keys()].filter((index) => isUntouched(outcome.recipients[index]!));
  // A session that decided on none of them made no progress, and would make none the next time either.
  if (untouched.length === 0 || untouched.length === outcome.recipients.length) return first;
  const recipients = untouched.map((index) => offer.recipients[index]!);
  try {
    const { outcome: rest, dsn } = await handOver({ ...offer, recipients }, plan, scope);
    const results = [...outcome.recipients];
    untouched.forEach((index, position) => {
      results[index] = rest.recipients[position]!;
    });
    const { host, address, tls } = rest;
    const transcript = [...outcome.transcript, ...rest.transcript];
    return { outcome: { recipients: results, transcript, host, address, tls }, dsn };
  } catch (error) {
    if (!SmtpError.isInstance(error) || isCallersFault(error)) throw error;
    return first;
  }
}

function isUntouched(result: RecipientResult): boolean {
  return result.status === 'deferred' && result.untouched === true;
}

async function handOverOnce(
  offer: Offer,
  plan: UsableHostPlan,
  scope: AttemptScope,
  withoutProgress = 0,
): Promise<HandOver> {
  const { recipients, message } = offer;
  const { signal } = scope;
  const connection = await scope.connect(plan);
  let failure: unknown;
  try {
    const { eightBitMime, dsn } = connection.capabilities;
    // RFC 6152 §3: to a host without 8BITMIME goes the message in seven bits, where there is such a form of it.
    const form = (!eightBitMime && (await message.sevenBit?.())) || message;
    if (scope.stopping?.aborted) throw notBegun();
    const envelope = envelopeOf(message, form, recipients);
    const outcome = await connection.deliver(envelope, form.content, signal ? { signal } : {});
    return { outcome, dsn };
  } catch (error) {
    failure = error;
  } finally {
    scope.release(plan);
  }
  // SESS-03: nothing was offered, as the session had ended or was full. Each session that answered something is followed
  // by another one; of those that answered nothing, one may have been idle for too long.
  if (!wasNotOffered(failure) || signal?.aborted) throw failure;
  const passing = connection.answered > 0 || failure.code === 'MB_SMTP_CONNECTION_CLOSED';
  const spent = passing ? 0 : withoutProgress + 1;
  if (spent > 1) throw failure;
  return handOverOnce(offer, plan, scope, spent);
}

/** the worker stops, and what has not begun waits for the next start. */
function notBegun(): SmtpError {
  return new SmtpError('The worker stops; nothing was offered.', {
    code: 'MB_SMTP_ABORTED',
    kind: 'aborted',
    scope: 'message',
    stage: 'idle',
    retryable: true,
  });
}

function envelopeOf(
  { envelope, requireTls, dsn }: SignedMessage,
  { requires, size, content }: Pick<SignedMessage, 'requires' | 'size' | 'content'>,
  recipients: readonly PlannedRecipient[],
): Envelope {
  return {
    from: envelope.from,
    to: recipients.map(({ address }) => {
      const { notify, orcpt } = dsn?.recipients.get(address) ?? {};
      return notify === undefined && orcpt === undefined ? address : { address, notify, orcpt };
    }),
    ...(dsn?.ret && { ret: dsn.ret }),
    ...(dsn?.envid !== undefined && { envid: dsn.envid }),
    smtputf8: requires.smtputf8,
    ...(size === undefined ? {} : { size }),
    ...(requireTls && { requireTls }),
    // One array is looked at octet by octet anyway; of a stream only the composer knows.
    ...(content instanceof Uint8Array ? {} : { body: requires.eightBit ? '8bitmime' : '7bit' }),
  };
}

function isCallersFault({ kind }: SmtpError): boolean {
  return kind === 'api-misuse' || kind === 'invalid-input';
}
