import type { Message } from '@mb/mime';
import { connect } from '@mb/smtp-client';
import { profileOutcome } from './delivery/attempt-outcome.ts';
import type { AttemptEnvironment } from './delivery/attempt-scope.ts';
import { Connections } from './delivery/connections.ts';
import { DirectSender } from './delivery/direct-sender.ts';
import { type Explanation, explainDelivery } from './delivery/explanation.ts';
import type { RecipientOutcome } from './delivery/outcome.ts';
import { profileEnvironment } from './delivery/profile-environment.ts';
import { BrokerError } from './errors.ts';
import {
  type DsnRequest,
  type OutgoingMessage,
  prepareMessage,
  type SignedMessage,
  signOutgoing,
} from './message/outgoing-message.ts';
import type { ReadyMessage } from './message/ready-message.ts';
import { type RenderParts, renderMessage } from './message/render.ts';
import { type ObserveOptions, type Observer, observeWith } from './observer.ts';
import {
  callback,
  flag,
  group,
  integer,
  type OptionTable,
  readOptions,
  signal,
  text,
} from './option-table.ts';
import { resolveSenderOptions, type SenderOptions } from './options.ts';
import { checkRecipientDeliveries, recipientOptionsOf } from './queue/enqueue.ts';
import { dsnOptions, type QueuedDeliveryOptions } from './queue/enqueue-options.ts';
import { type SentMessage, sendEach } from './send-many.ts';
import { isProfileFailure } from './sender/obtain.ts';
import { createSendingParts, type SendingParts } from './sending-parts.ts';

/** Options of one `send()`. */
export interface SendOptions {
  /** Ends the attempt: sessions are closed, and recipients not yet decided are deferred. */
  readonly signal?: AbortSignal | undefined;
  /** Only over verified TLS, to hosts that promise the same for the rest of the way (RFC 8689). Default false. */
  readonly requireTls?: boolean | undefined;
  /** Whose mail it is; `profileFor` chooses by it. */
  readonly tenant?: string | undefined;
  /** A word for what kind of mail it is; `profileFor` chooses by it. */
  readonly tag?: string | undefined;
  /** Makes subject, text, HTML or attachments with a template engine, before anything is sent. */
  readonly render?: RenderParts | undefined;
  /** What hosts that offer DSN are asked to report (RFC 3461 §4); other hosts get the message without it. */
  readonly dsn?: DsnOptions | undefined;
}

/** What hosts are asked to report, with the meanings that `delivery` of `enqueue()` gives them. */
export type DsnOptions = Pick<QueuedDeliveryOptions, 'notify' | 'ret' | 'envid' | 'recipients'>;

const name = text('a string that is not empty', { pattern: /./s });

/** What `SendOptions` accepts. */
export const sendOptions = {
  signal: signal(),
  requireTls: flag({ default: false }),
  tenant: name,
  tag: name,
  render: callback<RenderParts>(),
  dsn: group<DsnOptions>(dsnOptions),
} satisfies OptionTable<SendOptions>;

/** Options of one `explain()`. */
export interface ExplainOptions extends SendOptions {
  /**
   * Time for all lookups, in milliseconds; what is not known by then is reported as such. Default: the time that the
   * resolver gives each lookup.
   */
  readonly timeoutMs?: number | undefined;
}

const explainOptions = {
  ...sendOptions,
  timeoutMs: integer(1, 86_400_000, { unit: 'ms' }),
} satisfies OptionTable<ExplainOptions>;

/**
 * Sends messages without a queue: one attempt for every recipient, now.
 *
 * All calls of one sender share connections, and each destination sees no more of them at once than the queue would
 * open. Idle connections do not keep the process from ending.
 *
 * @example
 * await using sender = new MailSender({
 *   hostname: 'mail.example.com',
 *   dkim: { domain: 'example.com', selector: 's1', privateKey: pem },
 * });
 * const outcomes = await sender.send({ from: 'ann@example.com', to: 'bob@example.org', subject: 'Hi', text: 'Hello' });
 */
export class MailSender {
  readonly #parts: SendingParts;
  readonly #connections: Connections;
  readonly #direct: DirectSender;

  /**
   * @param parts  For the broker, whose roles share them.
   * @throws {BrokerError} MB_BROKER_OPTION; DkimError MB_DKIM_KEY_… for a key that cannot sign; DnsError
   *   MB_DNS_OPTION for wrong `dns` options.
   */
  constructor(
    options: SenderOptions,
    parts: SendingParts = createSendingParts(resolveSenderOptions(options, 'MailSender: options')),
  ) {
    this.#parts = parts;
    const { clock, delivery } = parts.environment;
    this.#connections = new Connections({ connect, clock, idleMs: delivery.idleConnectionMs, unref: true });
    this.#direct = new DirectSender(clock, this.#connections);
  }

  /**
   * Makes one attempt for every recipient of `to`, `cc` and `bcc`; nothing is stored and nothing tried again.
   *
   * Domains are delivered to side by side; what happens to one neither delays nor fails the others.
   *
   * @returns one outcome for each envelope recipient, in their order (`to`, `cc`, `bcc`). An address that a message
   *   names several times is one envelope recipient; the `envelope` of a ready message has one outcome for each entry,
   *   and an address that it lists twice gets one copy. A refused recipient or an unreachable domain is an outcome, not an exception.
   * @throws {MimeError} for an invalid message or address; {@link BrokerError} MB_BROKER_NO_RECIPIENTS,
   *   MB_BROKER_MESSAGE_SYNTAX, MB_BROKER_CONTENT_FAILED, MB_BROKER_SPOOL, MB_BROKER_NO_SIGNING_KEY, and DkimError when the message cannot be signed as asked. Nothing has been sent then.
   * @example
   * for (const outcome of await sender.send(message)) console.log(outcome.recipient, outcome.status);
   */
  async send(message: Message | ReadyMessage, options: SendOptions = {}): Promise<RecipientOutcome[]> {
    return this.#attempt(message, options, undefined);
  }

  /**
   * Makes one attempt for one recipient: one in, one outcome out.
   *
   * The envelope has this recipient alone, whatever `to`, `cc` and `bcc` say; those stay as they are in the header, and
   * a message that names no recipient at all gets `recipient` as its To field.
   *
   * @param recipient  An address, with or without a name.
   * @throws as {@link MailSender.send}.
   * @example
   * const outcome = await sender.sendTo({ from: 'ann@example.com', text: 'Hello' }, 'bob@example.org');
   * if (outcome.status !== 'delivered') console.log(outcome.reason);
   */
  async sendTo(
    message: Message | ReadyMessage,
    recipient: string,
    options: SendOptions = {},
  ): Promise<RecipientOutcome> {
    if (typeof recipient !== 'string' || recipient.trim() === '') {
      throw new BrokerError(
        'MB_BROKER_NO_RECIPIENTS',
        'invalid-input',
        'sendTo() needs the address of one recipient.',
        { field: 'recipient' },
      );
    }
    const [outcome] = await this.#attempt(message, options, recipient);
    return outcome!;
  }

  /**
   * Sends messages as they come from `messages`, `delivery.concurrency` at once, and gives what became of each as soon as
   * that is known, not in their order. A message that is invalid has an `error` and does not end the others.
   *
   * @throws {BrokerError} MB_BROKER_OPTION, at the call. While it runs: what `messages` throws, after everything that was
   * under way.
   * @example
   * for await (const { message, outcomes, error } of sender.sendMany(newsletter())) {
   *   if (error) console.error(message.to, error);
   *   else for (const { recipient, status } of outcomes) console.log(recipient, status);
   * }
   */
  sendMany<Input extends Message | ReadyMessage>(
    messages: AsyncIterable<Input> | Iterable<Input>,
    options: SendOptions = {},
  ): AsyncGenerator<SentMessage<Input>, void, undefined> {
    const checked: SendOptions = readOptions(options, sendOptions, 'sendMany: options');
    const { concurrency } = this.#parts.environment.delivery;
    return sendEach(messages, concurrency, (message) => this.send(message, checked));
  }

  /**
   * Works out what `send()` would do, without connecting to any mail host: groups, routes, hosts and their addresses,
   * what is asked of TLS and why, source, size, extensions needed, signatures. Policies are looked up for real.
   *
   * @throws as {@link MailSender.send}.
   * @example console.log(formatExplanation(await sender.explain(message)));
   */
  async explain(message: Message | ReadyMessage, options: ExplainOptions = {}): Promise<Explanation> {
    const { signal, timeoutMs, render, ...rest } = readOptions(options, explainOptions, 'explain: options');
    const prepared = await prepareMessage(await renderMessage(message, render), this.#parts.compose, {
      signal,
    });
    try {
      const { signed, environment } = await this.#sign(prepared, rest, signal);
      return await explainDelivery(signed, environment, { signal, timeoutMs });
    } finally {
      await prepared.release?.();
    }
  }

  /**
   * Calls `listener` with what happens inside: routes, connections, TLS results, session lines and attempts. See
   * {@link MailBroker.observe}.
   *
   * @returns the function that removes the listener.
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  observe(listener: Observer, options: ObserveOptions = {}): () => void {
    return observeWith(this.#parts.environment.observers, listener, options);
  }

  /** Closes the idle connections; those in use are closed when their messages are done. A sender need not be closed. */
  async close(): Promise<void> {
    this.#connections.close(true);
  }

  /** As {@link MailSender.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #attempt(
    message: Message | ReadyMessage,
    options: SendOptions,
    recipient: string | undefined,
  ): Promise<RecipientOutcome[]> {
    const { signal, render, ...rest } = readOptions(options, sendOptions, 'send: options');
    const prepared = await prepareMessage(await renderMessage(message, render), this.#parts.compose, {
      signal,
      recipient,
    });
    try {
      const { signed, environment } = await this.#sign(prepared, rest, signal);
      return await this.#direct.deliver(signed, environment, signal);
    } catch (error) {
      if (!isProfileFailure(error)) throw error;
      const outcomes = prepared.envelope.to.map((address) => profileOutcome(address, error, 1));
      this.#parts.environment.localWatch.saw(prepared.authorDomain, outcomes);
      return outcomes;
    } finally {
      await prepared.release?.();
    }
  }

  /** The message as every host will get it, and what its attempts share. */
  async #sign(
    prepared: OutgoingMessage,
    { requireTls, tenant, tag, dsn }: Omit<SendOptions, 'signal' | 'render'>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly signed: SignedMessage; readonly environment: AttemptEnvironment }> {
    const { profiles, environment } = this.#parts;
    const { authorDomain, envelope } = prepared;
    const profile = await profiles.for({ tenant, tag, authorDomain, sender: envelope.from }, signal);
    const signed = await signOutgoing(prepared, profile.keyring, signal);
    return {
      signed: {
        ...signed,
        ...(requireTls && { requireTls }),
        ...(dsn && { dsn: dsnRequest(prepared.envelope.to, dsn) }),
      },
      environment: profileEnvironment(environment, profile),
    };
  }
}

/** @throws {BrokerError} MB_BROKER_OPTION for options of an address that is not in the envelope. */
function dsnRequest(addresses: readonly string[], dsn: DsnOptions): DsnRequest {
  checkRecipientDeliveries(addresses, dsn.recipients, 'send: options.dsn.recipients');
  const { ret, envid } = dsn;
  const entries = addresses.flatMap((address) => {
    const { options } = recipientOptionsOf(address, dsn);
    return options ? [[address, options] as const] : [];
  });
  return {
    recipients: new Map(entries),
    ...(ret !== undefined && { ret }),
    ...(envid !== undefined && { envid }),
  };
}
