import type { MailHost } from '@mb/dns';
import { type ConnectOptions, type DeliveryOutcome, SmtpError, type Timeouts } from '@mb/smtp-client';
import { policyOutcome, recipientOutcome, routeOutcome, sessionOutcome } from './attempt-outcome.ts';
import { mayTryNextHost } from './classify.ts';
import type { Clock } from './clock.ts';
import { type ConnectionScope, wasStale } from './connections.ts';
import { type EgressSource, openFrom, reachableFrom } from './egress-source.ts';
import type { EgressWatch } from './egress-watch.ts';
import { findHostSecurity, type SecuritySources } from './host-security.ts';
import { findNextHop, type ReachableHop } from './next-hop.ts';
import type { DeliverySettings, SessionLine, TlsOptions } from './options.ts';
import type { RecipientOutcome } from './outcome.ts';
import type { SignedMessage } from './outgoing-message.ts';
import type { PlannedDelivery, PlannedRecipient } from './plan.ts';
import type { ResolverWatch } from './resolver-watch.ts';
import type { HostSecurity, SenderPolicy } from './tls-policy.ts';

/** What every attempt of a broker shares. */
export interface AttemptEnvironment extends SecuritySources {
  /** Our EHLO name where the source has none of its own. */
  readonly hostname: string;
  readonly delivery: DeliverySettings;
  readonly tls: TlsOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly egress: EgressWatch;
  readonly resolverWatch: ResolverWatch;
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
  environment.resolverWatch.saw(delivery.domain, route);
  if (route.status !== 'found') {
    return delivery.recipients.map((recipient) => routeOutcome(recipient, route, options.attempt));
  }
  const outcomes = new Map<PlannedRecipient, RecipientOutcome>();
  let open: readonly PlannedRecipient[] = delivery.recipients;
  for (const host of route.hosts) {
    const results = await tryHost(
      { nextHop: { ...nextHop, route }, host, recipients: open, message },
      environment,
      options,
    );
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

/** One host of a route and what it is to be offered. */
interface Offer {
  readonly nextHop: ReachableHop;
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
  const { nextHop, host, recipients, message } = offer;
  const sender: SenderPolicy = {
    minimum: environment.tls.minimum ?? 'opportunistic',
    requireTls: message.requireTls ?? false,
  };
  const security = await findHostSecurity(nextHop, host, sender, environment, options.signal);
  if (!security.usable)
    return recipients.map((recipient) => policyOutcome(recipient, host, security, options.attempt));
  const connect = connectOptions(offer, security, environment, options);
  try {
    const outcome = await handOver(offer, connect, environment, options);
    return outcome.recipients.map((result, index) =>
      recipientOutcome(recipients[index]!, host, result, outcome, options.attempt),
    );
  } catch (error) {
    if (!SmtpError.isInstance(error) || error.kind === 'api-misuse') throw error;
    return recipients.map((recipient) =>
      sessionOutcome(recipient, host, error, environment.egress, options.attempt),
    );
  }
}

async function handOver(
  offer: Offer,
  connect: ConnectOptions,
  environment: AttemptEnvironment,
  options: AttemptOptions,
  staleAllowed = 1,
): Promise<DeliveryOutcome> {
  const { host, recipients, message } = offer;
  const { signal } = options;
  const { envelope, requires, size, content, requireTls, dsn } = message;
  const connection = await dial(host, connect, environment, options);
  try {
    return await connection.deliver(
      {
        from: envelope.from,
        to: recipients.map(({ address }) => {
          const notify = dsn?.notify.get(address);
          return notify === undefined ? address : { address, notify };
        }),
        ...(dsn?.ret && { ret: dsn.ret }),
        ...(dsn?.envid !== undefined && { envid: dsn.envid }),
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
    // Nothing was offered: the server had ended the connection while it was idle. That is no failed attempt, once.
    if (!wasStale(error) || staleAllowed === 0) throw error;
    return handOver(offer, connect, environment, options, staleAllowed - 1);
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
