import type { FoundRoute, MailHost, RouteFailure } from '@mb/dns';
import {
  type ConnectOptions,
  type DeliveryOutcome,
  type RecipientResult,
  SmtpError,
  type Timeouts,
} from '@mb/smtp-client';
import { classifyError, mayTryNextHost } from './classify.ts';
import type { Clock } from './clock.ts';
import { type ConnectionScope, wasStale } from './connections.ts';
import { type EgressSource, openFrom, reachableFrom } from './egress-source.ts';
import type { EgressWatch } from './egress-watch.ts';
import { findHostSecurity, type SecuritySources } from './host-security.ts';
import { findNextHop, type NextHop } from './next-hop.ts';
import type { DeliverySettings, SessionLine, TlsOptions } from './options.ts';
import type { RecipientOutcome } from './outcome.ts';
import type { SignedMessage } from './outgoing-message.ts';
import type { PlannedDelivery, PlannedRecipient } from './plan.ts';
import { configuredSecurity, type HostSecurity, type SenderPolicy } from './tls-policy.ts';

/** What every attempt of a broker shares. */
export interface AttemptEnvironment extends SecuritySources {
  /** Our EHLO name where the source has none of its own. */
  readonly hostname: string;
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
  readonly connections: ConnectionScope;
  /** Where to send from; absent: as the machine chooses. */
  readonly source?: EgressSource | undefined;
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
  const nextHop = await findNextHop(delivery.domain, environment, options.signal);
  const { route } = nextHop;
  if (route.status !== 'found') {
    return delivery.recipients.map((recipient) => routeOutcome(recipient, route, options));
  }
  const outcomes = new Map<PlannedRecipient, RecipientOutcome>();
  let open: readonly PlannedRecipient[] = delivery.recipients;
  for (const host of route.hosts) {
    const results = await tryHost({ nextHop, route, host, recipients: open, message }, environment, options);
    open.forEach((recipient, index) => {
      outcomes.set(recipient, moreHopeful(outcomes.get(recipient), results[index]!));
    });
    open = open.filter((_, index) => mayTryNextHost(results[index]!));
    if (open.length === 0 || options.signal?.aborted) break;
  }
  return delivery.recipients.map((recipient) => outcomes.get(recipient)!);
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
  { address: recipient }: PlannedRecipient,
  route: RouteFailure,
  { attempt }: AttemptOptions,
): RecipientOutcome {
  const permanent = route.status === 'permanent';
  return {
    status: permanent ? 'failed' : 'deferred',
    recipient,
    stage: 'route',
    attempt,
    maybeDelivered: false,
    category: permanent ? 'bad-domain' : 'temporary-host',
    enhanced: route.enhancedCode,
    reason: route.reason,
    transcript: [],
  };
}

/** One host of a route and what it is to be offered. */
interface Offer {
  readonly nextHop: NextHop;
  readonly route: FoundRoute;
  readonly host: MailHost;
  readonly recipients: readonly PlannedRecipient[];
  readonly message: SignedMessage;
}

/** Offers the message to one host; gives the results in the order of `recipients`. */
async function tryHost(
  offer: Offer,
  environment: AttemptEnvironment,
  options: AttemptOptions,
): Promise<RecipientOutcome[]> {
  const { host, recipients } = offer;
  const security = await securityOf(offer, environment, options.signal);
  if (!security.usable)
    return recipients.map((recipient) => policyOutcome(recipient, host, security, options));
  const connect = connectOptions(offer, security, environment, options);
  try {
    const outcome = await handOver(offer, connect, environment, options);
    return outcome.recipients.map((result, index) =>
      recipientOutcome(recipients[index]!, host, result, outcome, options.attempt),
    );
  } catch (error) {
    if (!SmtpError.isInstance(error) || error.kind === 'api-misuse') throw error;
    return recipients.map((recipient) =>
      sessionOutcome(recipient, host, error, environment, options.attempt),
    );
  }
}

/** What a configured host was configured with, or what DANE, MTA-STS and the sender ask of a mail exchanger. */
async function securityOf(
  { nextHop, route, host, message }: Offer,
  environment: AttemptEnvironment,
  signal: AbortSignal | undefined,
): Promise<HostSecurity> {
  if (nextHop.tls) return configuredSecurity(host, nextHop.tls);
  const sender: SenderPolicy = {
    minimum: environment.tls.minimum ?? 'opportunistic',
    requireTls: message.requireTls ?? false,
  };
  return findHostSecurity(route, host, sender, environment, signal);
}

async function handOver(
  offer: Offer,
  connect: ConnectOptions,
  environment: AttemptEnvironment,
  options: AttemptOptions,
): Promise<DeliveryOutcome> {
  const { host, recipients, message } = offer;
  const { signal } = options;
  const { envelope, requires, size, content, requireTls } = message;
  const connection = await dial(host, connect, environment, options);
  try {
    return await connection.deliver(
      {
        from: envelope.from,
        to: recipients.map(({ address }) => address),
        smtputf8: requires.smtputf8,
        ...(size === undefined ? {} : { size }),
        ...(requireTls && { requireTls }),
        // One array is looked at octet by octet anyway; of a stream only the composer knows.
        ...(content instanceof Uint8Array ? {} : { body: requires.eightBit ? '8bitmime' : '7bit' }),
      },
      content,
      signal ? { signal } : {},
    );
  } catch (error) {
    // Nothing was offered: the server had ended the connection while it was idle. That is no failed attempt.
    if (wasStale(error)) return handOver(offer, connect, environment, options);
    throw error;
  }
}

async function dial(
  host: MailHost,
  connect: ConnectOptions,
  { egress, tls }: AttemptEnvironment,
  { connections, source }: AttemptOptions,
) {
  // POL-02: what a connection was opened for must be all that the next message asks for.
  const { host: name, addresses, port, hostname, protocol, auth } = connect;
  const key = JSON.stringify([
    name,
    addresses,
    port,
    hostname,
    protocol,
    auth,
    tlsKey(connect),
    tls.ca,
    source,
  ]);
  try {
    const connection = await connections.acquire(key, connect);
    egress.answered();
    return connection;
  } catch (error) {
    if (SmtpError.isInstance(error) && error.kind !== 'aborted') egress.failed(host, error);
    throw error;
  }
}

function tlsKey({ tls }: ConnectOptions): unknown {
  const records = tls?.tlsa?.map(({ data, ...rest }) => ({
    ...rest,
    data: Buffer.from(data).toString('hex'),
  }));
  return [tls?.level, records, tls?.alsoNames, tls?.implicit];
}

/** The configured time-out, unless a shorter one will do. */
function shortened(timeouts: Partial<Timeouts>, connectMs: number | undefined): Partial<Timeouts> {
  if (connectMs === undefined) return {};
  return { connectMs: Math.min(connectMs, timeouts.connectMs ?? connectMs) };
}

function connectOptions(
  { host, nextHop }: Offer,
  security: Extract<HostSecurity, { usable: true }>,
  environment: AttemptEnvironment,
  { source, signal }: AttemptOptions,
): ConnectOptions {
  const { delivery, egress, clock, tls, onTranscript } = environment;
  const openSocket = source ? openFrom(source, environment.openSocket) : environment.openSocket;
  return {
    host: security.tlsName,
    addresses: reachableFrom(source, host.addresses).map(({ address }) => address),
    port: nextHop.port,
    protocol: nextHop.protocol,
    hostname: source?.hostname ?? environment.hostname,
    tls: {
      ...security.tls,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(nextHop.implicitTls && { implicit: true }),
    },
    timeouts: { ...delivery.timeouts, ...shortened(delivery.timeouts, egress.connectMs()) },
    limits: delivery.limits,
    clock,
    ...(nextHop.auth && { auth: nextHop.auth }),
    ...(openSocket && { openSocket }),
    ...(onTranscript && { onTranscript: (entry) => onTranscript({ ...entry, host: host.name }) }),
    ...(signal && { signal }),
  };
}

/** The host must not be used under the policy that holds for it. */
function policyOutcome(
  { address: recipient }: PlannedRecipient,
  host: MailHost,
  { enhanced, why }: Extract<HostSecurity, { usable: false }>,
  { attempt }: AttemptOptions,
): RecipientOutcome {
  return {
    status: enhanced.startsWith('5') ? 'failed' : 'deferred',
    recipient,
    stage: 'policy',
    attempt,
    maybeDelivered: false,
    host: host.name,
    category: 'tls-policy',
    enhanced,
    reason: why,
    transcript: [],
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
  { name: host }: MailHost,
  result: RecipientResult,
  { address, tls, transcript }: DeliveryOutcome,
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
