import type { RouteFailure, RouteSource, SkippedHost } from '@mb/dns';
import type { Clock } from '../clock.ts';
import type { SignedMessage } from '../message/outgoing-message.ts';
import { printableText } from '../printable-text.ts';
import { configuredHop } from '../route/next-hop.ts';
import { RouteScope } from '../route/route-scope.ts';
import type { HostSecurity } from '../route/tls-policy.ts';
import { chooseSource } from '../sender/egress-source.ts';
import type { AttemptEnvironment } from './attempt-scope.ts';
import { type PlannedDelivery, planRecipients } from './plan.ts';

/** What would happen to a message, determined without connecting to any mail host. */
export interface Explanation {
  readonly messageId: string;
  /** The reverse-path's mailbox; empty for the null reverse-path. */
  readonly from: string;
  /** Size in octets, with the signatures; absent when it is not known. */
  readonly size?: number;
  /** Extensions that every host must offer. */
  readonly requires: readonly ('8BITMIME' | 'SMTPUTF8' | 'REQUIRETLS')[];
  /** The signatures that the message will carry; empty when no key is configured. */
  readonly signatures: readonly ExplainedSignature[];
  /** In the order in which the recipients were given. */
  readonly deliveries: readonly ExplainedDelivery[];
}

/** A signature, by its tags (RFC 6376 §3.5). */
export interface ExplainedSignature {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: string;
}

/** What would be done for recipients that share a transaction. */
export interface ExplainedDelivery {
  /** The domain that was routed: the first of {@link ExplainedDelivery.domains}. */
  readonly domain: string;
  /** Domains of the recipients; more than one only where a relay or mail store is configured for them. */
  readonly domains: readonly string[];
  readonly recipients: readonly string[];
  /** How the hosts were found; absent when there are none. */
  readonly via?: RouteSource;
  readonly port: number;
  readonly protocol: 'smtp' | 'lmtp';
  /** Name of the egress source, drawn by weight; absent when none is configured. */
  readonly source?: string;
  /** In the order in which they would be tried. */
  readonly hosts: readonly ExplainedHost[];
  /** Hosts that would not be used, and why. */
  readonly skipped: readonly SkippedHost[];
  /** Why there is no host. */
  readonly failure?: Pick<RouteFailure, 'status' | 'enhancedCode' | 'reason'>;
}

/** A host, and how secure a connection to it would have to be. */
export interface ExplainedHost {
  readonly name: string;
  readonly preference: number;
  readonly addresses: readonly string[];
  readonly security: HostSecurity;
}

/** How long an explanation may take. */
interface ExplanationLimits {
  /** Aborts the explanation, which then rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
  /** Time for all lookups together, in milliseconds; the explanation then says what is known. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/** Explains how a message would be delivered. */
export async function explainDelivery(
  message: SignedMessage,
  environment: AttemptEnvironment,
  { signal, timeoutMs }: ExplanationLimits,
): Promise<Explanation> {
  const lookups = new LookupTime(environment.clock, timeoutMs, signal);
  try {
    return await explainAll(message, environment, lookups);
  } finally {
    lookups.end();
  }
}

/** The time that all lookups of an explanation have together. */
class LookupTime {
  /** Ends the lookups. */
  readonly signal: AbortSignal | undefined;
  /** Why something is not known. */
  readonly reason: string;
  readonly #late = new AbortController();
  readonly #cancel: () => void = () => {};

  constructor(clock: Clock, timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    this.reason = `Not known: the lookups (DNS, MTA-STS) did not end within ${(timeoutMs ?? 0) / 1000} s.`;
    this.signal = signal;
    if (timeoutMs === undefined) return;
    this.#cancel = clock.setTimer(() => this.#late.abort(new Error(this.reason)), timeoutMs);
    this.signal = signal ? AbortSignal.any([signal, this.#late.signal]) : this.#late.signal;
  }

  /** The result of a lookup, or `fallback` when there was no time for it. */
  async orElse<Found, Missing>(lookup: Promise<Found>, fallback: Missing): Promise<Found | Missing> {
    try {
      return await lookup;
    } catch (error) {
      if (this.#late.signal.aborted && this.signal?.reason === this.#late.signal.reason) return fallback;
      throw error;
    }
  }

  end(): void {
    this.#cancel();
  }
}

async function explainAll(
  message: SignedMessage,
  environment: AttemptEnvironment,
  lookups: LookupTime,
): Promise<Explanation> {
  const { envelope, messageId, size, requires, requireTls } = message;
  const { maxRecipients, routes } = environment.delivery;
  const hopOf = (domain: string) => configuredHop(domain, routes);
  const { deliveries } = planRecipients(envelope.to, { maxRecipients, hopOf });
  const scope = new RouteScope(environment, lookups.signal);
  return {
    messageId,
    from: envelope.from,
    ...(size === undefined ? {} : { size }),
    requires: [
      ...(requires.eightBit ? (['8BITMIME'] as const) : []),
      ...(requires.smtputf8 ? (['SMTPUTF8'] as const) : []),
      ...(requireTls ? (['REQUIRETLS'] as const) : []),
    ],
    signatures: readSignatures(message.signature),
    deliveries: await Promise.all(
      deliveries.map((delivery) =>
        explainOne(delivery, requireTls ?? false, environment, { scope, lookups }),
      ),
    ),
  };
}

async function explainOne(
  delivery: PlannedDelivery,
  requireTls: boolean,
  environment: AttemptEnvironment,
  { scope, lookups }: { readonly scope: RouteScope; readonly lookups: LookupTime },
): Promise<ExplainedDelivery> {
  const hop = await lookups.orElse(scope.nextHop(delivery.domain), undefined);
  const source = chooseSource(environment.delivery.sources, environment.random)?.name;
  const common = {
    domain: delivery.domain,
    domains: [...new Set(delivery.recipients.map(({ domain }) => domain))],
    recipients: delivery.recipients.map(({ address }) => address),
    ...(source !== undefined && { source }),
  };
  if (hop === undefined) {
    // RFC 3463 §3.5: X.4.3 is trouble with a directory server.
    const failure = { status: 'temporary', enhancedCode: '4.4.3', reason: lookups.reason } as const;
    const { port } = environment.delivery;
    return { ...common, port, protocol: 'smtp', hosts: [], skipped: [], failure };
  }
  const { route, port, protocol } = hop;
  const facts = { ...common, port, protocol, skipped: route.skipped };
  if (route.status !== 'found') {
    const { status, enhancedCode, reason } = route;
    return { ...facts, hosts: [], failure: { status, enhancedCode, reason } };
  }
  const hosts = await Promise.all(
    route.hosts.map(async (host): Promise<ExplainedHost> => {
      const security = await lookups.orElse(scope.security({ ...hop, route }, host, requireTls), {
        usable: false,
        basis: 'dane',
        enhanced: '4.4.3',
        why: lookups.reason,
        local: true,
      } as const);
      const { name, preference } = host;
      return { name, preference, addresses: host.addresses.map(({ address }) => address), security };
    }),
  );
  return { ...facts, via: route.via, hosts };
}

/** The tags of DKIM-Signature fields that we wrote, so that a simple pattern reads them. */
function readSignatures(fields: string): ExplainedSignature[] {
  return fields
    .split(/^DKIM-Signature:/im)
    .slice(1)
    .map((field) => {
      const tag = (name: string) => new RegExp(`(?:^|;)\\s*${name}=\\s*([^;\\s]+)`).exec(field)?.[1] ?? '';
      return { domain: tag('d'), selector: tag('s'), algorithm: tag('a') };
    });
}

/**
 * Writes an explanation as text for a person.
 *
 * @example console.log(formatExplanation(await broker.explain(message)));
 */
export function formatExplanation(explanation: Explanation): string {
  const { messageId, from, size, requires, signatures, deliveries } = explanation;
  const signed = signatures.map(
    ({ domain, selector, algorithm }) => `${selector}._domainkey.${domain} (${algorithm})`,
  );
  const lines = [
    `Message    ${messageId}${size === undefined ? '' : `, ${size} octets`}`,
    `From       <${from}>`,
    `Signed by  ${signed.join(', ') || 'nothing: no key is configured'}`,
    ...(requires.length > 0 ? [`Requires   ${requires.join(', ')}`] : []),
  ];
  for (const delivery of deliveries) lines.push('', ...deliveryLines(delivery));
  // Host names and reasons contain text from DNS, so control characters are escaped.
  return `${lines.map(printableText).join('\n')}\n`;
}

function deliveryLines(delivery: ExplainedDelivery): string[] {
  const { domains, recipients, via, port, protocol, source, hosts, skipped, failure } = delivery;
  const how = `${via === undefined ? '' : `by ${via}, `}${protocol.toUpperCase()} port ${port}${source === undefined ? '' : `, from ${source}`}`;
  return [
    `${domains.join(', ')}: ${recipients.join(', ')} (${how})`,
    ...(failure
      ? [
          `  ${failure.status === 'permanent' ? 'fails' : 'waits'}: ${failure.reason} (${failure.enhancedCode})`,
        ]
      : []),
    ...hosts.flatMap(({ name, preference, addresses, security }, index) => [
      `  ${index + 1}. ${name} (${preference})  ${addresses.join(', ')}`,
      `     ${security.usable ? `TLS ${security.tls.level}` : security.local ? 'TLS not known' : 'not used'}: ${security.why}`,
    ]),
    ...skipped.map(({ name, reason }) => `  not used: ${name}: ${reason}`),
  ];
}
