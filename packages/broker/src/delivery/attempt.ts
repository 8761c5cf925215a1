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
 * When a host cannot be reached, answers 4yz or lacks an extension, the next one is tried. A recipient that a host has
 * accepted or refused permanently is not offered to another host, nor is one whose outcome is unknown.
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
  // RFC 5321 §5.1: shuffled for each message, so that hosts of equal preference share the messages of a claim.
  const hosts = byPreference(route.hosts, scope.environment.random);
  const [first, ...others] = hosts.filter(
    ({ addresses }) => reachableFrom(scope.source, addresses).length > 0,
  );
  // Without an address that the source can reach there is nothing to dial: the platform must not resolve the name.
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
      outcomes[index] = combineOutcomes(outcomes[index]!, results[position]!);
    });
  }
  const { source } = scope;
  return source ? outcomes.map((outcome) => ({ ...outcome, source: source.name })) : outcomes;
}

/**
 * The outcome to report when two hosts left the recipient open: deferred while one of them may accept the message
 * later; of two deferrals the latest, but one with a reply rather than one without.
 */
function combineOutcomes(before: RecipientOutcome, now: RecipientOutcome): RecipientOutcome {
  if (before.status !== 'deferred') return now;
  if (now.status === 'deferred') {
    // Trouble of our own with this host says less than what the host before did.
    if (now.category === 'local') return before;
    return now.reply || !before.reply ? now : before;
  }
  return now.status === 'failed' && mayTryNextHost(now) ? before : now;
}

/** A message for some recipients, and the host to offer it to. */
interface Offer {
  readonly nextHop: ReachableHop;
  readonly host: MailHost;
  readonly recipients: readonly PlannedRecipient[];
  readonly message: SignedMessage;
  readonly attempt: number;
}

/** Offers the message to one host; returns the outcomes in the order of `recipients`. */
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

/** Whether the host is a relay for a domain other than its own: such a relay does not know the mailboxes there. */
function isForeignRelay({ route, protocol }: ReachableHop, { name }: MailHost, domain: string): boolean {
  if (route.via !== 'smarthost' || protocol === 'lmtp') return false;
  const host = name.toLowerCase();
  return host !== domain && !host.endsWith(`.${domain}`);
}

/** RFC 3461 §5.2.2: we send the report of success that was asked for when the host does not. */
function withOwnReport(
  outcome: RecipientOutcome,
  notify: Notify | undefined,
  { protocol }: ReachableHop,
): RecipientOutcome {
  if (outcome.status !== 'delivered' || notify === undefined || notify === 'never') return outcome;
  if (!notify.includes('success')) return outcome;
  return { ...outcome, ownReport: protocol === 'lmtp' ? 'delivered' : 'relayed' };
}

/** The outcome of a message at one host, and whether the host sends reports. */
interface HandOver {
  readonly outcome: DeliveryOutcome;
  /** RFC 3461: the host offers DSN. */
  readonly dsn: boolean;
}

/** Delivers the message over as many connections as needed: a session may take only some of the recipients. */
async function handOver(offer: Offer, plan: UsableHostPlan, scope: AttemptScope): Promise<HandOver> {
  const first = await handOverOnce(offer, plan, scope);
  const { outcome } = first;
  const untouched = [...outcome.recipients.keys()].filter((index) => isUntouched(outcome.recipients[index]!));
  // A session that decided on no recipient made no progress, and another one would make none either.
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
    // RFC 6152 §3: a host without 8BITMIME gets the seven-bit form of the message, if there is one.
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
  // SESS-03: nothing was offered, because the session had ended or was full. A session that answered some message is
  // always followed by another one. One session that answered none may fail, since it may have been idle for too long.
  if (!wasNotOffered(failure) || signal?.aborted) throw failure;
  const passing = connection.answered > 0 || failure.code === 'MB_SMTP_CONNECTION_CLOSED';
  const spent = passing ? 0 : withoutProgress + 1;
  if (spent > 1) throw failure;
  return handOverOnce(offer, plan, scope, spent);
}

/** the worker stops; a delivery that has not begun waits for the next start. */
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
    // @mb/smtp-client finds 8-bit octets in an array itself; in a stream only the composer knows of them.
    ...(content instanceof Uint8Array ? {} : { body: requires.eightBit ? '8bitmime' : '7bit' }),
  };
}

function isCallersFault({ kind }: SmtpError): boolean {
  return kind === 'api-misuse' || kind === 'invalid-input';
}
