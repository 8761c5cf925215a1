import type { Resolver } from '@mb/dns';
import type { Message } from '@mb/mime';
import { systemClock } from './clock.ts';
import { optionError } from './errors.ts';
import type { ComposeEnvironment } from './message/outgoing-message.ts';
import type { ReadyMessage } from './message/ready-message.ts';
import { readOptions } from './option-table.ts';
import { checkQueueVerp, type MailQueueOptions, mailQueueOptions, resolveSenderOptions } from './options.ts';
import { warn } from './process-warning.ts';
import { Profiles } from './profiles.ts';
import { QueueControl, SuppressionControl } from './queue/control.ts';
import { enqueueMessage } from './queue/enqueue.ts';
import type { EnqueueOptions, EnqueueResult } from './queue/enqueue-options.ts';
import type { EventHandler } from './queue/event-pump.ts';
import { pumpEvents, type SinkOptions, sinkOptions } from './queue/event-sink.ts';
import { type EventsOptions, eventsOptions, streamEvents } from './queue/event-stream.ts';
import { type InboundReport, receiveReport } from './queue/inbound-report.ts';
import { toResolver } from './sending-parts.ts';
import { guarded } from './store/error-listeners.ts';
import type { QueueStats, QueueStore } from './store/port.ts';
import type { QueueEvent } from './store/queue-event.ts';
import type { Records } from './store/records.ts';
import { Webhooks, type WebhooksParts } from './webhooks/webhooks.ts';

/** What a queue shares with the other roles of its broker. @internal */
export interface QueueParts {
  readonly compose: ComposeEnvironment;
  readonly profiles: Profiles;
  readonly resolver: Resolver;
  readonly random: () => number;
  /** Called after each message that was accepted, or was known. */
  readonly onAccept?: (result: EnqueueResult, options: EnqueueOptions, durationMs: number) => void;
  /** Called with each call of a webhook. */
  readonly onWebhook?: WebhooksParts['onAttempt'];
  readonly onError: (error: unknown) => void;
}

/**
 * What an application and an operator do with a queue. It delivers nothing, so it needs no host name and no keys: a
 * {@link MailWorker} on the same store delivers, in this process or in another one.
 *
 * @example
 * const store = new SqliteStore('queue.db');
 * await store.open();
 * const queue = new MailQueue({ store });
 * const { id } = await queue.enqueue(message, { idempotencyKey: 'order-17-confirmation' });
 * console.log(await queue.control.show(id!));
 */
export class MailQueue {
  readonly #store: QueueStore<unknown>;
  readonly #options: MailQueueOptions;
  readonly #parts: QueueParts;
  readonly #endListening: (() => void) | undefined;
  /** Looks into the queue and changes it, also while workers run. */
  readonly control: QueueControl;
  /** The addresses that get no mail. */
  readonly suppressions: SuppressionControl;
  /** Endpoints that are notified of what happens. */
  readonly webhooks: Webhooks;

  /** @throws {BrokerError} MB_BROKER_OPTION; DkimError MB_DKIM_KEY_… for a key that cannot sign. */
  constructor(given: MailQueueOptions);
  /** @internal For the broker, whose roles share parts. */
  constructor(given: MailQueueOptions, parts: QueueParts);
  constructor(given: MailQueueOptions, parts?: QueueParts) {
    const options: MailQueueOptions = readOptions(given, mailQueueOptions, 'MailQueue: options');
    const { onError } = options.queue ?? {};
    checkQueueVerp(options, 'MailQueue: options');
    this.#options = options;
    // Which transactions a store joins is between the caller and the store.
    this.#store = options.store as QueueStore<unknown>;
    this.#parts = parts ?? createQueueParts(options);
    // A worker on the same store is notified of its failures anyway.
    if (!parts && onError) this.#endListening = this.#store.onBackgroundError?.(this.#parts.onError);
    this.control = new QueueControl(this.#store);
    this.suppressions = new SuppressionControl(this.#store);
    this.webhooks = new Webhooks({
      store: this.#store,
      clock: this.#clock,
      resolver: this.#parts.resolver,
      random: this.#parts.random,
      onError: this.#parts.onError,
      ...(this.#parts.onWebhook && { onAttempt: this.#parts.onWebhook }),
      options: options.webhooks,
    });
  }

  /**
   * Accepts a message: resolves when it and its recipients are durable. A worker that was started delivers it.
   *
   * @returns the queue's id for the message, and for each envelope recipient whether it is queued or suppressed.
   * @throws {MimeError} for an invalid message or address; {@link BrokerError} MB_BROKER_NO_RECIPIENTS,
   *   MB_BROKER_CONTENT_FAILED, MB_BROKER_SPOOL, MB_BROKER_NO_SIGNING_KEY, MB_BROKER_MESSAGE_SYNTAX,
   *   MB_BROKER_MESSAGE_TOO_LARGE, MB_BROKER_IDEMPOTENCY_CONFLICT and the MB_BROKER_STORE_… codes. Nothing was accepted
   *   then.
   * @example
   * const { id } = await queue.enqueue(message, { idempotencyKey: 'order-17-confirmation' });
   */
  async enqueue(message: Message | ReadyMessage, options: EnqueueOptions = {}): Promise<EnqueueResult> {
    const { compose, profiles, onAccept } = this.#parts;
    const begun = performance.now();
    const result = await enqueueMessage(message, { store: this.#store, compose, profiles }, options);
    onAccept?.(result, options, performance.now() - begun);
    return result;
  }

  /** Small documents that all workers share: settings that change at run time. */
  get records(): Records {
    return this.#store.records;
  }

  /** How much waits, where and since when. */
  stats(): Promise<QueueStats> {
    return this.#store.stats();
  }

  /**
   * What happens to queued messages, as it happens; resumable by the cursor of the last event seen.
   *
   * @example
   * for await (const event of queue.events({ after: lastCursor })) {
   *   if (event.type === 'failed') console.log(event.address, event.detail);
   *   lastCursor = event.cursor; // keep it beside your own data
   * }
   */
  events(options: EventsOptions = {}): AsyncGenerator<QueueEvent, void, undefined> {
    const checked = readOptions(options, eventsOptions, 'events: options');
    const { onError } = this.#parts;
    const { setTimer } = this.#clock;
    return streamEvents({ store: this.#store, onError, setTimer }, checked);
  }

  /**
   * Hands events to a handler or a webhook, each until it is taken: those of one message one by one and in their order,
   * those of several messages side by side. For endpoints that are kept in the store, see {@link MailQueue.webhooks}.
   *
   * @returns when `signal` fires.
   * @example await queue.deliverEvents(webhook('https://app.example.com/hook'), { after, saveCursor, signal });
   */
  async deliverEvents(handler: EventHandler, options: SinkOptions = {}): Promise<void> {
    if (typeof handler !== 'function') {
      throw optionError('deliverEvents: handler must be a function, such as what webhook() returns.');
    }
    const { after, ...rest }: SinkOptions = readOptions(options, sinkOptions, 'deliverEvents: options');
    const events = this.events({ after, signal: rest.signal });
    return pumpEvents(events, handler, rest, this.#clock);
  }

  /**
   * Takes in a report that the application received at a return path: a bounce becomes an event of its recipient, and
   * addresses that do not exist or complained are suppressed. It needs `queue.verp`, or the `verp` of sending profiles, to
   * know which recipient it is about: each return path counts only for the profile that its message was sent by.
   *
   * @param raw  the message as received.
   * @param recipient  the envelope recipient that it came to.
   * @throws {BrokerError} MB_BROKER_OPTION; MB_BROKER_PROFILE_FAILED when `profileFor` fails: call again later.
   */
  async receiveReport(raw: Uint8Array, recipient?: string): Promise<InboundReport> {
    if (!(raw instanceof Uint8Array)) {
      throw optionError('receiveReport: raw must be the octets of the message (a Uint8Array).');
    }
    if (recipient !== undefined && typeof recipient !== 'string') {
      throw optionError('receiveReport: recipient must be an address.');
    }
    const { suppress = true } = this.#options.queue ?? {};
    return receiveReport(raw, recipient, {
      store: this.#store,
      suppress,
      profiles: this.#parts.profiles,
    });
  }

  /** Ends the delivery of webhooks and stops listening to the store, which stays open: it belongs to the caller. */
  async close(): Promise<void> {
    await this.webhooks.stop();
    this.#endListening?.();
  }

  /** As {@link MailQueue.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #clock() {
    return this.#options.runtime?.clock ?? systemClock;
  }
}

function createQueueParts({
  queue,
  runtime,
  store: _,
  webhooks: __,
  ...signing
}: MailQueueOptions): QueueParts {
  const { clock = systemClock, randomBytes } = runtime ?? {};
  // The name is for sessions, and a queue holds none.
  const settings = resolveSenderOptions({ hostname: 'queue.invalid', ...signing }, 'MailQueue: options');
  const resolver = toResolver(signing.dns);
  return {
    resolver,
    random: Math.random,
    compose: { now: () => clock.now(), ...(randomBytes && { randomBytes }) },
    profiles: new Profiles({
      settings,
      verp: queue?.verp,
      resolver,
      clock,
      onWarning: warn,
    }),
    onError: guarded(queue?.onError ?? warn),
  };
}
