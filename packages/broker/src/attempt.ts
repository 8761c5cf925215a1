import { findMailRoute, type MailHost, type MailRoute, type Resolver, type RouteFailure } from '@mb/dns';
import {
  type ConnectOptions,
  type DeliveryOutcome,
  type RecipientResult,
  type SmtpConnection,
  SmtpError,
  type Timeouts,
} from '@mb/smtp-client';
import { classifyError, mayTryNextHost } from './classify.ts';
import type { Clock } from './clock.ts';
import type { EgressWatch } from './egress-watch.ts';
import type { DeliverySettings, SessionLine, TlsOptions } from './options.ts';
import type { RecipientOutcome } from './outcome.ts';
import type { SignedMessage } from './outgoing-message.ts';
import type { PlannedDelivery, PlannedRecipient } from './plan.ts';

/** What every attempt of a broker shares. */
export interface AttemptEnvironment {
  readonly hostname: string;
  readonly resolver: Resolver;
  readonly connect: (options: ConnectOptions) => Promise<SmtpConnection>;
  readonly delivery: DeliverySettings;
  readonly tls: TlsOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly egress: EgressWatch;
  readonly openSocket?: ConnectOptions['openSocket'];
  readonly onTranscript?: (line: SessionLine) => void;
}

/** What differs from attempt to attempt. */
export interface AttemptOptions {
  /** Number of this attempt, 1 for the first. */
  readonly attempt: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries to deliver one message to recipients of one domain, host after host (RFC 5321 §5.1).
 *
 * A host that cannot be reached, answers 4yz or lacks an extension is followed by the next one; recipients that a
 * host has decided on are not offered to another, above all not after an unknown end.
 *
 * @returns one outcome for each recipient, in their order; failures are outcomes, never exceptions.
 */
export async function attemptDelivery(
  delivery: PlannedDelivery,
  message: SignedMessage,
  environment: AttemptEnvironment,
  options: AttemptOptions,
): Promise<RecipientOutcome[]> {
  const route = await lookUpRoute(delivery.domain, environment, options);
  if (route.status !== 'found') {
    return delivery.recipients.map((recipient) => routeOutcome(recipient, route, options));
  }
  const outcomes = new Map<PlannedRecipient, RecipientOutcome>();
  let open: readonly PlannedRecipient[] = delivery.recipients;
  for (const host of route.hosts) {
    const results = await tryHost(host, open, message, environment, options);
    open.forEach((recipient, index) => {
      outcomes.set(recipient, moreHopeful(outcomes.get(recipient), results[index]!));
    });
    open = open.filter((_, index) => mayTryNextHost(results[index]!));
    if (open.length === 0 || options.signal?.aborted) break;
  }
  return delivery.recipients.map((recipient) => outcomes.get(recipient)!);
}

function lookUpRoute(
  domain: string,
  environment: AttemptEnvironment,
  { signal }: AttemptOptions,
): Promise<MailRoute> {
  const { allowAddresses, families, maxHosts } = environment.delivery;
  const { random, hostname } = environment;
  const self = { names: [hostname] };
  return findMailRoute(domain, environment.resolver, {
    random,
    allowAddresses,
    families,
    maxHosts,
    self,
    signal,
  });
}

/**
 * Of two hosts that both left the recipient open, the outcome to report: as long as one host may take the message
 * later the recipient is deferred, and a host that said something tells more than one that did not.
 */
function moreHopeful(before: RecipientOutcome | undefined, now: RecipientOutcome): RecipientOutcome {
  if (before?.status !== 'deferred') return now;
  if (now.status === 'deferred') return now.reply || !before.reply ? now : before;
  return now.status === 'failed' && mayTryNextHost(now) ? before : now;
}

function routeOutcome(
  recipient: PlannedRecipient,
  route: RouteFailure,
  { attempt }: AttemptOptions,
): RecipientOutcome {
  return {
    status: route.status === 'permanent' ? 'failed' : 'deferred',
    recipient: recipient.address,
    stage: 'route',
    attempt,
    maybeDelivered: false,
    category: route.status === 'permanent' ? 'bad-domain' : 'temporary-host',
    enhanced: route.enhancedCode,
    reason: route.reason,
    transcript: [],
  };
}

/** Offers the message to one host; gives the results in the order of `recipients`. */
async function tryHost(
  host: MailHost,
  recipients: readonly PlannedRecipient[],
  message: SignedMessage,
  environment: AttemptEnvironment,
  options: AttemptOptions,
): Promise<RecipientOutcome[]> {
  try {
    const outcome = await handOver(host, recipients, message, environment, options);
    return outcome.recipients.map((result, index) =>
      recipientOutcome(recipients[index]!, result, outcome, options.attempt),
    );
  } catch (error) {
    if (!SmtpError.isInstance(error) || error.kind === 'api-misuse') throw error;
    return recipients.map((recipient) =>
      sessionOutcome(recipient, host, error, environment, options.attempt),
    );
  }
}

async function handOver(
  host: MailHost,
  recipients: readonly PlannedRecipient[],
  message: SignedMessage,
  environment: AttemptEnvironment,
  { signal }: AttemptOptions,
): Promise<DeliveryOutcome> {
  const connection = await dial(host, environment, signal);
  try {
    const { envelope, requires, size, content } = message;
    return await connection.deliver(
      {
        from: envelope.from,
        to: recipients.map(({ address }) => address),
        smtputf8: requires.smtputf8,
        ...(size === undefined ? {} : { size }),
        // One array is looked at octet by octet anyway; of a stream only the composer knows.
        ...(content instanceof Uint8Array ? {} : { body: requires.eightBit ? '8bitmime' : '7bit' }),
      },
      content,
      signal ? { signal } : {},
    );
  } finally {
    void connection.close();
  }
}

async function dial(
  host: MailHost,
  environment: AttemptEnvironment,
  signal: AbortSignal | undefined,
): Promise<SmtpConnection> {
  const { egress } = environment;
  try {
    const connection = await environment.connect(connectOptions(host, environment, signal));
    egress.answered();
    return connection;
  } catch (error) {
    if (SmtpError.isInstance(error) && error.kind !== 'aborted') egress.failed(host, error);
    throw error;
  }
}

/** The configured time-out, unless a shorter one will do. */
function shortened(timeouts: Partial<Timeouts>, connectMs: number | undefined): Partial<Timeouts> {
  if (connectMs === undefined) return {};
  return { connectMs: Math.min(connectMs, timeouts.connectMs ?? connectMs) };
}

function connectOptions(
  host: MailHost,
  environment: AttemptEnvironment,
  signal: AbortSignal | undefined,
): ConnectOptions {
  const { delivery, egress, hostname, clock, tls, openSocket, onTranscript } = environment;
  return {
    host: host.name,
    addresses: host.addresses.map(({ address }) => address),
    port: delivery.port,
    hostname,
    tls: { level: tls.minimum ?? 'opportunistic', ...(tls.ca === undefined ? {} : { ca: tls.ca }) },
    timeouts: { ...delivery.timeouts, ...shortened(delivery.timeouts, egress.connectMs()) },
    limits: delivery.limits,
    clock,
    ...(openSocket && { openSocket }),
    ...(onTranscript && { onTranscript: (entry) => onTranscript({ ...entry, host: host.name }) }),
    ...(signal && { signal }),
  };
}

/** The session did not come about: the same outcome for every recipient. */
function sessionOutcome(
  { address: recipient }: PlannedRecipient,
  host: MailHost,
  error: SmtpError,
  { egress }: AttemptEnvironment,
  attempt: number,
): RecipientOutcome {
  const blocked = error.code === 'MB_SMTP_CONNECT_TIMEOUT' ? egress.blocked() : undefined;
  return {
    // RFC 5321 §4.2.1 and §5.1: even a 5yz greeting is about the host; its mail may go elsewhere, or later.
    status: 'deferred',
    recipient,
    stage: error.stage,
    attempt,
    maybeDelivered: false,
    host: host.name,
    ...classifyError(error),
    ...(blocked && { category: 'local' as const }),
    reason: blocked ?? error.message,
    transcript: error.transcript ?? [],
    ...(error.address === undefined ? {} : { address: error.address }),
    ...(error.reply && { reply: error.reply }),
  };
}

/** What the host said about one recipient. */
function recipientOutcome(
  { address: recipient }: PlannedRecipient,
  result: RecipientResult,
  { host, address, tls, transcript }: DeliveryOutcome,
  attempt: number,
): RecipientOutcome {
  const { status, stage, reply } = result;
  const maybeDelivered = status === 'unknown' || status === 'delivered';
  const evidence = {
    recipient,
    stage,
    attempt,
    maybeDelivered,
    host,
    address,
    tls,
    transcript,
    ...(reply && { reply }),
  };
  if (status === 'delivered') return { ...evidence, status, reply: result.reply };
  const reason = result.error.message;
  if (status === 'unknown') return { ...evidence, status, reason };
  return { ...evidence, status, ...classifyError(result.error), reason };
}
