import type { Message } from '@mb/mime';
import type { Explanation } from './delivery/explanation.ts';
import type { RecipientOutcome } from './delivery/outcome.ts';
import { BrokerError } from './errors.ts';
import { MailQueue } from './mail-queue.ts';
import { type ExplainOptions, MailSender, type SendOptions } from './mail-sender.ts';
import { checkStopOptions, type Health, MailWorker, type StopOptions } from './mail-worker.ts';
import type { ReadyMessage } from './message/ready-message.ts';
import { type ObserveOptions, type Observer, observeAcceptance, observeWebhook } from './observer.ts';
import { type BrokerOptions, resolveBrokerOptions } from './options.ts';
import type { QueueControl, SuppressionControl } from './queue/control.ts';
import type { EnqueueOptions, EnqueueResult } from './queue/enqueue-options.ts';
import type { EventHandler } from './queue/event-pump.ts';
import type { SinkOptions } from './queue/event-sink.ts';
import type { EventsOptions } from './queue/event-stream.ts';
import type { InboundReport } from './queue/inbound-report.ts';
import type { SentMessage } from './send-many.ts';
import { createSendingParts } from './sending-parts.ts';
import type { QueueEvent } from './store/queue-event.ts';
import type { Records } from './store/records.ts';
import type { Webhooks } from './webhooks/webhooks.ts';

/**
 * Delivers messages straight to the mail exchangers of their recipients: a {@link MailSender} and, with a store, a
 * {@link MailQueue} and a {@link MailWorker} in one object.
 *
 * `send()` makes one attempt and answers; `enqueue()` accepts durably, and `start()` delivers what was accepted, for
 * days if need be.
 *
 * @example
 * const broker = new MailBroker({
 *   hostname: 'mail.example.com',
 *   dkim: { domain: 'example.com', selector: 's1', privateKey: pem },
 * });
 * const outcomes = await broker.send({ from: 'ann@example.com', to: 'bob@example.org', subject: 'Hi', text: 'Hello' });
 */
export class MailBroker {
  readonly #sender: MailSender;
  readonly #queued: { readonly queue: MailQueue; readonly worker: MailWorker } | undefined;

  /**
   * @throws {BrokerError} MB_BROKER_OPTION; DkimError MB_DKIM_KEY_… for a key that cannot sign; DnsError
   *   MB_DNS_OPTION for wrong `dns` options.
   */
  constructor(options: BrokerOptions) {
    const { sending, queue, store, webhooks } = resolveBrokerOptions(options, 'MailBroker: options');
    const parts = createSendingParts(sending, queue.verp);
    this.#sender = new MailSender(sending, parts);
    if (!store) return;
    const { compose, profiles } = parts;
    const { suppress } = queue;
    const { observers, resolver, random, clock } = parts.environment;
    this.#queued = {
      // `queue.onError` is a listener of the worker, and gets the errors of both.
      queue: new MailQueue(
        { store, queue: { suppress }, webhooks, runtime: { clock } },
        {
          compose,
          profiles,
          resolver,
          random,
          onError: (error) => observers.reportError(error),
          onAccept: (result, { tenant }, durationMs) =>
            observeAcceptance(observers, result, { tenant, durationMs, endedAt: clock.now() }),
          onWebhook: (id, attempt, event) => observeWebhook(observers, id, attempt, event),
        },
      ),
      worker: new MailWorker({ ...sending, store }, { queue, store, parts }),
    };
  }

  /**
   * Makes one attempt for every recipient of `to`, `cc` and `bcc`; see {@link MailSender.send}.
   *
   * @example
   * for (const outcome of await broker.send(message)) console.log(outcome.recipient, outcome.status);
   */
  send(message: Message | ReadyMessage, options: SendOptions = {}): Promise<RecipientOutcome[]> {
    return this.#sender.send(message, options);
  }

  /**
   * Makes one attempt for one recipient, whatever the message's own say; see {@link MailSender.sendTo}.
   *
   * @example
   * const outcome = await broker.sendTo({ from: 'ann@example.com', text: 'Hello' }, 'bob@example.org');
   */
  sendTo(
    message: Message | ReadyMessage,
    recipient: string,
    options: SendOptions = {},
  ): Promise<RecipientOutcome> {
    return this.#sender.sendTo(message, recipient, options);
  }

  /**
   * Sends messages as they come, several at once; see {@link MailSender.sendMany}.
   *
   * @example
   * for await (const { message, outcomes, error } of broker.sendMany(newsletter())) {
   *   if (error) console.error(message.to, error);
   *   else for (const { recipient, status } of outcomes) console.log(recipient, status);
   * }
   */
  sendMany<Input extends Message | ReadyMessage>(
    messages: AsyncIterable<Input> | Iterable<Input>,
    options: SendOptions = {},
  ): AsyncGenerator<SentMessage<Input>, void, undefined> {
    return this.#sender.sendMany(messages, options);
  }

  /**
   * Works out what `send()` would do, without connecting to any mail host; see {@link MailSender.explain}.
   *
   * @example console.log(formatExplanation(await broker.explain(message)));
   */
  explain(message: Message | ReadyMessage, options: ExplainOptions = {}): Promise<Explanation> {
    return this.#sender.explain(message, options);
  }

  /**
   * Accepts a message: resolves when it and its recipients are durable. A worker that was started delivers it; see
   * {@link MailQueue.enqueue}.
   *
   * @throws as {@link MailQueue.enqueue}; {@link BrokerError} MB_BROKER_NO_STORE.
   * @example
   * const { id } = await broker.enqueue(message, { idempotencyKey: 'order-17-confirmation' });
   */
  enqueue(message: Message | ReadyMessage, options: EnqueueOptions = {}): Promise<EnqueueResult> {
    return this.#needQueue().queue.enqueue(message, options);
  }

  /**
   * Calls `listener` with what happens inside: routes, connections, TLS results, session lines, attempts, claims,
   * settlements and errors. It costs nothing where no listener asks for a type. Lines are observed on connections that
   * are opened while there is a listener for them.
   *
   * A listener must return quickly, since delivery waits for it; what it throws becomes a process warning.
   *
   * @param options  `types`: what to listen to; default all.
   * @returns the function that removes the listener.
   * @throws {BrokerError} MB_BROKER_OPTION
   * @example
   * const stop = broker.observe((seen) => {
   *   if (seen.type === 'tls' && seen.result !== 'success') console.log(seen.host, seen.result, seen.detail);
   * }, { types: ['tls'] });
   */
  observe(listener: Observer, options: ObserveOptions = {}): () => void {
    return this.#sender.observe(listener, options);
  }

  /** Begins to deliver what is queued. Call `stop()` before the process ends. @throws {BrokerError} MB_BROKER_NO_STORE */
  start(): void {
    this.#needQueue().worker.start();
  }

  /** Ends delivery, also of webhooks; what is left waits for the next start with nothing lost. See {@link MailWorker.stop}. */
  async stop(options: StopOptions = {}): Promise<void> {
    checkStopOptions(options);
    const { worker, queue } = this.#queued ?? {};
    await Promise.all([worker?.stop(options), queue?.webhooks.stop(options)]);
  }

  /**
   * Ends everything: delivery as {@link MailBroker.stop} does, and the idle connections of `send()`. A broker that only
   * sends need not be closed: idle connections do not keep the process from ending. The store stays open.
   *
   * @example
   * await using broker = new MailBroker({ hostname: 'mail.example.com' });
   */
  async close(options: StopOptions = {}): Promise<void> {
    checkStopOptions(options);
    await this.#queued?.worker.close(options);
    await this.#queued?.queue.close();
    await this.#sender.close();
  }

  /** As {@link MailBroker.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * What happens to queued messages, as it happens; see {@link MailQueue.events}.
   *
   * @throws {BrokerError} MB_BROKER_NO_STORE
   */
  events(options: EventsOptions = {}): AsyncGenerator<QueueEvent, void, undefined> {
    return this.#needQueue().queue.events(options);
  }

  /**
   * Hands events to a handler or a webhook; see {@link MailQueue.deliverEvents}.
   *
   * @returns when `signal` fires.
   * @throws {BrokerError} MB_BROKER_NO_STORE
   */
  async deliverEvents(handler: EventHandler, options: SinkOptions = {}): Promise<void> {
    return this.#needQueue().queue.deliverEvents(handler, options);
  }

  /**
   * Takes in a report that the application received at a return path; see {@link MailQueue.receiveReport}.
   *
   * @throws {BrokerError} MB_BROKER_NO_STORE
   */
  async receiveReport(raw: Uint8Array, recipient?: string): Promise<InboundReport> {
    return this.#needQueue().queue.receiveReport(raw, recipient);
  }

  /** Looks into the queue and changes it, also while workers run. @throws {BrokerError} MB_BROKER_NO_STORE */
  get queue(): QueueControl {
    return this.#needQueue().queue.control;
  }

  /** The addresses that get no mail. @throws {BrokerError} MB_BROKER_NO_STORE */
  get suppressions(): SuppressionControl {
    return this.#needQueue().queue.suppressions;
  }

  /** Endpoints that are notified of what happens to messages. @throws {BrokerError} MB_BROKER_NO_STORE */
  get webhooks(): Webhooks {
    return this.#needQueue().queue.webhooks;
  }

  /** Small documents that all workers share: settings that change at run time. @throws {BrokerError} MB_BROKER_NO_STORE */
  get records(): Records {
    return this.#needQueue().queue.records;
  }

  /** The queue at a glance: depth by state and destination, what is paused and why. @throws {BrokerError} MB_BROKER_NO_STORE */
  async health(): Promise<Health> {
    return this.#needQueue().worker.health();
  }

  #needQueue() {
    if (this.#queued) return this.#queued;
    throw new BrokerError(
      'MB_BROKER_NO_STORE',
      'api-misuse',
      "This broker has no store, so it can only send(); give it one, such as `new SqliteStore('queue.db')` of @mb/broker/sqlite.",
    );
  }
}
