import {
  createMtaStsCache,
  createResolver,
  fetchMtaStsPolicy,
  type MtaStsCache,
  type Resolver,
} from '@mb/dns';
import type { Message } from '@mb/mime';
import { connect } from '@mb/smtp-client';
import { type AttemptEnvironment, attemptDelivery } from './attempt.ts';
import { type Clock, systemClock } from './clock.ts';
import { Connections } from './connections.ts';
import { EgressWatch } from './egress-watch.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { type BrokerOptions, resolveDelivery } from './options.ts';
import type { RecipientOutcome } from './outcome.ts';
import { type ComposeEnvironment, prepareMessage, signOutgoing } from './outgoing-message.ts';
import { planRecipients } from './plan.ts';
import type { ReadyMessage } from './ready-message.ts';

/** Options of one `send()`. */
export interface SendOptions {
  /** Ends the attempt: sessions are closed, and recipients not yet decided are deferred. */
  readonly signal?: AbortSignal;
  /** Only over verified TLS, to hosts that promise the same for the rest of the way (RFC 8689). Default false. */
  readonly requireTls?: boolean;
}

/**
 * Delivers messages straight to the mail exchangers of their recipients.
 *
 * @example
 * const broker = new MailBroker({
 *   hostname: 'mail.example.com',
 *   dkim: { domain: 'example.com', selector: 's1', privateKey: pem },
 * });
 * const outcomes = await broker.send({ from: 'ann@example.com', to: 'bob@example.org', subject: 'Hi', text: 'Hello' });
 */
export class MailBroker {
  readonly #environment: AttemptEnvironment;
  readonly #connections: Connections;
  readonly #compose: ComposeEnvironment;
  readonly #keyring: Keyring;

  /**
   * @throws {BrokerError} MB_BROKER_OPTION; DkimError MB_DKIM_KEY_… for a key that cannot sign; DnsError
   *   MB_DNS_OPTION_… for wrong `dns` options.
   */
  constructor(options: BrokerOptions) {
    const delivery = resolveDelivery(options);
    const { clock = systemClock, random = Math.random, randomBytes, openSocket } = options.runtime ?? {};
    const resolver = toResolver(options.dns);
    const mtaSts = createPolicies(options, resolver, clock);
    this.#connections = new Connections({ connect, clock, idleMs: 0 });
    this.#environment = {
      hostname: options.hostname,
      resolver,
      ...(mtaSts && { mtaSts }),
      dane: options.tls?.dane ?? true,
      port: delivery.port,
      delivery,
      tls: options.tls ?? {},
      clock,
      random,
      egress: new EgressWatch(clock, delivery.port),
      ...(openSocket && { openSocket }),
      ...(options.onTranscript && { onTranscript: options.onTranscript }),
    };
    this.#compose = { now: () => clock.now(), ...(randomBytes && { randomBytes }) };
    this.#keyring = createKeyring(options.dkim);
  }

  /**
   * Makes one attempt for every recipient of `to`, `cc` and `bcc`; nothing is stored and nothing tried again.
   *
   * Domains are delivered to side by side; what happens to one neither delays nor fails the others.
   *
   * @returns one outcome for each envelope recipient, in their order (`to`, `cc`, `bcc`; an address given twice gets
   *   one copy). A refused recipient or an unreachable domain is an outcome, not an exception.
   * @throws {MimeError} for a message or an address that is none; {@link BrokerError} MB_BROKER_NO_SIGNING_KEY and
   *   DkimError when the message cannot be signed as asked. Nothing has been sent then.
   * @example
   * for (const outcome of await broker.send(message)) console.log(outcome.recipient, outcome.status);
   */
  async send(message: Message | ReadyMessage, options: SendOptions = {}): Promise<RecipientOutcome[]> {
    const { signal, requireTls = false } = options;
    const prepared = await prepareMessage(message, this.#compose, signal);
    const signed = { ...(await signOutgoing(prepared, this.#keyring, signal)), requireTls };
    const { delivery } = this.#environment;
    const plan = planRecipients(signed.envelope.to, delivery.maxRecipients);
    const outcomes: RecipientOutcome[] = [];
    await inParallel(plan.deliveries, delivery.concurrency, async (planned) => {
      const connections = this.#connections.open();
      const results = await attemptDelivery(planned, signed, this.#environment, {
        attempt: 1,
        connections,
        signal,
      });
      await connections.end();
      planned.recipients.forEach(({ index }, position) => {
        outcomes[index] = results[position]!;
      });
    });
    return plan.firstIndex.map((index, position) =>
      index === position
        ? outcomes[index]!
        : { ...outcomes[index]!, recipient: signed.envelope.to[position]! },
    );
  }
}

function toResolver(dns: BrokerOptions['dns']): Resolver {
  return dns && 'query' in dns ? dns : createResolver(dns);
}

function createPolicies(
  { tls, delivery }: BrokerOptions,
  resolver: Resolver,
  clock: Clock,
): MtaStsCache | undefined {
  if (tls?.mtaSts === false) return undefined;
  const { store, ...fetchOptions } = tls?.mtaSts ?? {};
  const allow = delivery?.allowAddresses && { allowAddresses: delivery.allowAddresses };
  return createMtaStsCache(resolver, {
    clock,
    ...(store && { store }),
    fetchPolicy: (domain, signal) =>
      fetchMtaStsPolicy(domain, resolver, { clock, ...allow, ...fetchOptions, ...(signal && { signal }) }),
  });
}

/** Works on all items, at most `width` at a time. */
async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
