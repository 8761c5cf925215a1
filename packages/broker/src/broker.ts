import { hostname as machineName } from 'node:os';
import {
  createMtaStsCache,
  createResolver,
  fetchMtaStsPolicy,
  type MtaStsCache,
  type Resolver,
} from '@mb/dns';
import type { Message } from '@mb/mime';
import { connect } from '@mb/smtp-client';
import { type Clock, systemClock } from './clock.ts';
import type { AttemptEnvironment } from './delivery/attempt-scope.ts';
import { createReplyRules } from './delivery/classify.ts';
import { Connections } from './delivery/connections.ts';
import { DirectSender } from './delivery/direct-sender.ts';
import { type Explanation, explainDelivery } from './delivery/explanation.ts';
import { HostExperiences } from './delivery/host-experiences.ts';
import type { RecipientOutcome } from './delivery/outcome.ts';
import { BrokerError, optionError } from './errors.ts';
import {
  type ComposeEnvironment,
  prepareMessage,
  type SignedMessage,
  signOutgoing,
} from './message/outgoing-message.ts';
import type { ReadyMessage } from './message/ready-message.ts';
import { type ObservationType, type Observer, Observers, observationTypes } from './observer.ts';
import { flag, integer, list, type OptionTable, readOptions, signal, word } from './option-table.ts';
import { type BrokerOptions, type BrokerSettings, resolveOptions } from './options.ts';
import { QueueControl, SuppressionControl } from './queue/control.ts';
import { type EnqueueOptions, type EnqueueResult, enqueueMessage } from './queue/enqueue.ts';
import { type EventHandler, pumpEvents, type SinkOptions, sinkOptions } from './queue/event-sink.ts';
import { type EventsOptions, eventsOptions, streamEvents } from './queue/event-stream.ts';
import { type InboundReport, type InboundReportParts, receiveReport } from './queue/inbound-report.ts';
import { EgressWatch } from './route/egress-watch.ts';
import { LocalWatch } from './route/local-watch.ts';
import { ResolverWatch } from './route/resolver-watch.ts';
import { type SentMessage, sendEach } from './send-many.ts';
import { createKeyring, type Keyring } from './sender/keyring.ts';
import { guarded } from './store/error-listeners.ts';
import type { QueueStats, QueueStore } from './store/port.ts';
import type { QueueEvent } from './store/queue-event.ts';
import type { Records } from './store/records.ts';
import { createFinalOutcomes } from './worker/final-outcomes.ts';
import { createQueueAttempt } from './worker/queue-attempt.ts';
import { createSiteOf } from './worker/site.ts';
import { QueueWorker } from './worker/worker.ts';

/** Options of one `send()`. */
export interface SendOptions {
  /** Ends the attempt: sessions are closed, and recipients not yet decided are deferred. */
  readonly signal?: AbortSignal | undefined;
  /** Only over verified TLS, to hosts that promise the same for the rest of the way (RFC 8689). Default false. */
  readonly requireTls?: boolean | undefined;
}

/** What `SendOptions` accepts. */
const sendOptions = {
  signal: signal(),
  requireTls: flag({ default: false }),
} satisfies OptionTable<SendOptions>;

/** Options of `observe()`. */
interface ObserveOptions {
  readonly types?: readonly ObservationType[] | undefined;
}

const observeOptions = {
  types: list(word(observationTypes), 1),
} satisfies OptionTable<ObserveOptions>;

/** What `stop()` accepts: a number of milliseconds. */
const stopOptions = {
  graceMs: integer(0, 86_400_000, { unit: 'ms' }),
} satisfies OptionTable<{ readonly graceMs?: number | undefined }>;

/**
 * Delivers messages straight to the mail exchangers of their recipients.
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
  readonly #environment: AttemptEnvironment;
  /** For `send()`: nothing idle keeps the process from ending. */
  readonly #connections: Connections;
  readonly #direct: DirectSender;
  readonly #compose: ComposeEnvironment;
  readonly #keyring: Keyring;
  readonly #queue: QueueParts | undefined;

  /**
   * @throws {BrokerError} MB_BROKER_OPTION; DkimError MB_DKIM_KEY_… for a key that cannot sign; DnsError
   *   MB_DNS_OPTION for wrong `dns` options.
   */
  constructor(given: BrokerOptions) {
    const options = resolveOptions(given);
    const { delivery } = options;
    const { clock = systemClock, random = Math.random, randomBytes, openSocket } = options.runtime ?? {};
    const resolver = toResolver(options.dns);
    const mtaSts = createPolicies(options, resolver, clock);
    const { idleConnectionMs } = delivery;
    const observers = new Observers(warn);
    const { onTranscript, observer } = options;
    if (onTranscript) observers.add(['line'], ({ line }) => onTranscript(line));
    if (observer) observers.add(observationTypes, observer);
    this.#connections = new Connections({ connect, clock, idleMs: idleConnectionMs, unref: true });
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
      resolverWatch: new ResolverWatch(clock),
      localWatch: new LocalWatch(clock),
      experiences: new HostExperiences(),
      replyRules: createReplyRules(delivery.replyRules),
      ...(openSocket && { openSocket }),
      observers,
    };
    this.#direct = new DirectSender(this.#environment, this.#connections);
    this.#compose = { now: () => clock.now(), ...(randomBytes && { randomBytes }) };
    this.#keyring = createKeyring(options.dkim, {
      check: options.dkimCheck ?? 'warn',
      resolver,
      onWarning: warn,
    });
    this.#queue = options.store && this.#createQueue(options.store, options);
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
   * for (const outcome of await broker.send(message)) console.log(outcome.recipient, outcome.status);
   */
  async send(message: Message | ReadyMessage, options: SendOptions = {}): Promise<RecipientOutcome[]> {
    return this.#withSigned(message, options, undefined, (signed) =>
      this.#direct.deliver(signed, options.signal),
    );
  }

  /**
   * Makes one attempt for one recipient: one in, one outcome out.
   *
   * The envelope has this recipient alone, whatever `to`, `cc` and `bcc` say; those stay as they are in the header, and
   * a message that names no recipient at all gets `recipient` as its To field.
   *
   * @param recipient  An address, with or without a name.
   * @throws as {@link MailBroker.send}.
   * @example
   * const outcome = await broker.sendTo({ from: 'ann@example.com', text: 'Hello' }, 'bob@example.org');
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
        {
          field: 'recipient',
        },
      );
    }
    const [outcome] = await this.#withSigned(message, options, recipient, (signed) =>
      this.#direct.deliver(signed, options.signal),
    );
    return outcome!;
  }

  /**
   * Sends messages as they come from `messages`, `delivery.concurrency` at once, and gives what became of each as soon as
   * that is known, not in their order. A message that is invalid has an `error` and does not end the others.
   *
   * @throws what `messages` throws, after everything that was under way.
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
    const { concurrency } = this.#environment.delivery;
    return sendEach(messages, concurrency, (message) => this.send(message, options));
  }

  /**
   * Works out what `send()` would do, without connecting to any mail host: groups, routes, hosts and their addresses,
   * what is asked of TLS and why, source, size, extensions needed, signatures. Policies are looked up for real.
   *
   * @throws as {@link MailBroker.send}.
   * @example console.log(formatExplanation(await broker.explain(message)));
   */
  async explain(message: Message | ReadyMessage, options: SendOptions = {}): Promise<Explanation> {
    return this.#withSigned(message, options, undefined, (signed) =>
      explainDelivery(signed, this.#environment, options.signal),
    );
  }

  /**
   * Accepts a message: resolves when it and its recipients are durable. A worker that was started delivers it.
   *
   * @returns the queue's id for the message, and for each envelope recipient whether it is queued or suppressed.
   * @throws {MimeError} for an invalid message or address; {@link BrokerError} MB_BROKER_NO_STORE,
   *   MB_BROKER_NO_RECIPIENTS, MB_BROKER_CONTENT_FAILED, MB_BROKER_SPOOL,
   *   MB_BROKER_NO_SIGNING_KEY, MB_BROKER_MESSAGE_SYNTAX, MB_BROKER_MESSAGE_TOO_LARGE,
   *   MB_BROKER_IDEMPOTENCY_CONFLICT and the MB_BROKER_STORE_… codes. Nothing was accepted then.
   * @example
   * const { id } = await broker.enqueue(message, { idempotencyKey: 'order-17-confirmation' });
   */
  enqueue(message: Message | ReadyMessage, options: EnqueueOptions = {}): Promise<EnqueueResult> {
    const { store } = this.#needQueue();
    return enqueueMessage(message, { store, compose: this.#compose, keyring: this.#keyring }, options);
  }

  /**
   * Calls `listener` with what happens inside: routes, connections, TLS results, session lines, attempts, claims,
   * settlements and errors. It costs nothing where no listener asks for a type. Lines are observed on connections that
   * are opened while somebody listens for them.
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
    if (typeof listener !== 'function') throw optionError('observe: listener must be a function.');
    const { types = observationTypes } = readOptions(options, observeOptions, 'observe: options');
    return this.#environment.observers.add(types, listener);
  }

  /** Begins to deliver what is queued. Call `stop()` before the process ends. @throws {BrokerError} MB_BROKER_NO_STORE */
  start(): void {
    this.#needQueue().worker.start();
  }

  /**
   * Ends delivery: nothing new begins, transactions under way get `graceMs` (default 30,000) to end, and the rest waits
   * for the next start with nothing lost. The store stays open; it belongs to the caller.
   */
  async stop(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    const { graceMs } = readOptions(options, stopOptions, 'stop: options');
    await this.#queue?.worker.stop(graceMs === undefined ? {} : { graceMs });
    this.#queue?.connections.close();
  }

  /**
   * Ends everything: delivery as {@link MailBroker.stop} does, and the idle connections of `send()`. A broker that only
   * sends need not be closed: idle connections do not keep the process from ending. The store stays open.
   *
   * @example
   * await using broker = new MailBroker({ hostname: 'mail.example.com' });
   */
  async close(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    await this.stop(options);
    this.#connections.close(true);
  }

  /** As {@link MailBroker.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * What happens to queued messages, as it happens; resumable by the cursor of the last event seen.
   *
   * @example
   * for await (const event of broker.events({ after: lastCursor })) {
   *   if (event.type === 'failed') console.log(event.address, event.detail);
   *   lastCursor = event.cursor; // keep it beside your own data
   * }
   */
  events(options: EventsOptions = {}): AsyncGenerator<QueueEvent, void, undefined> {
    const { store, onError } = this.#needQueue();
    const checked = readOptions(options, eventsOptions, 'events: options');
    return streamEvents({ store, onError, setTimer: this.#environment.clock.setTimer }, checked);
  }

  /**
   * Hands events to a handler or a webhook, one by one and in order, each until it is taken.
   *
   * @returns when `signal` fires.
   * @throws {BrokerError} MB_BROKER_NO_STORE
   * @example await broker.deliverEvents(webhook('https://app.example.com/hook'), { after, saveCursor, signal });
   */
  async deliverEvents(handler: EventHandler, options: SinkOptions = {}): Promise<void> {
    if (typeof handler !== 'function') {
      throw optionError('deliverEvents: handler must be a function, such as what webhook() returns.');
    }
    const { after, ...rest }: SinkOptions = readOptions(options, sinkOptions, 'deliverEvents: options');
    const events = this.events({ after, signal: rest.signal });
    return pumpEvents(events, handler, rest, this.#environment.clock);
  }

  /**
   * Takes in a report that the application received at a return path: a bounce becomes an event of its recipient, and
   * addresses that do not exist or complained are suppressed. Needs `queue.verp` to know which recipient it is about.
   *
   * @param raw  the message as received.
   * @param recipient  the envelope recipient that it came to.
   * @throws {BrokerError} MB_BROKER_NO_STORE
   */
  async receiveReport(raw: Uint8Array, recipient?: string): Promise<InboundReport> {
    if (!(raw instanceof Uint8Array)) {
      throw optionError('receiveReport: raw must be the octets of the message (a Uint8Array).');
    }
    if (recipient !== undefined && typeof recipient !== 'string') {
      throw optionError('receiveReport: recipient must be an address.');
    }
    return receiveReport(raw, recipient, this.#needQueue().reports);
  }

  /** Looks into the queue and changes it, also while workers run. @throws {BrokerError} MB_BROKER_NO_STORE */
  get queue(): QueueControl {
    return this.#needQueue().control;
  }

  /** The addresses that get no mail. @throws {BrokerError} MB_BROKER_NO_STORE */
  get suppressions(): SuppressionControl {
    return this.#needQueue().suppressions;
  }

  /** Small documents that everybody who uses this store shares. @throws {BrokerError} MB_BROKER_NO_STORE */
  get records(): Records {
    return this.#needQueue().store.records;
  }

  /** The queue at a glance: depth by state and destination, what is paused and why. @throws {BrokerError} MB_BROKER_NO_STORE */
  async health(): Promise<Health> {
    const { store, worker } = this.#needQueue();
    const portBlocked = this.#environment.egress.blocked();
    const resolverTrouble = this.#environment.resolverWatch.trouble();
    const localTroubles = this.#environment.localWatch.troubles();
    return {
      ...(await store.stats()),
      running: worker.running,
      activeClaims: worker.activeClaims,
      ...(portBlocked !== undefined && { portBlocked }),
      ...(resolverTrouble !== undefined && { resolverTrouble }),
      ...(localTroubles.length > 0 && { localTroubles }),
    };
  }

  /** Does something with the message as every host will get it. */
  async #withSigned<Result>(
    message: Message | ReadyMessage,
    options: SendOptions,
    recipient: string | undefined,
    work: (signed: SignedMessage) => Promise<Result>,
  ): Promise<Result> {
    const { signal, requireTls } = readOptions(options, sendOptions, 'send: options');
    const prepared = await prepareMessage(message, this.#compose, { signal, recipient });
    try {
      return await work({ ...(await signOutgoing(prepared, this.#keyring, signal)), requireTls });
    } finally {
      await prepared.release?.();
    }
  }

  #createQueue(given: QueueStore<never>, options: BrokerSettings): QueueParts {
    // Which transactions a store joins is between the caller and the store.
    const store = given as QueueStore<unknown>;
    const { clock, random } = this.#environment;
    const {
      concurrency,
      name,
      leaseMs,
      schedule,
      retention,
      idleConnectionMs,
      verp,
      bounces = true,
      suppress = true,
    } = options.queue ?? {};
    const connections = new Connections({ connect, clock, idleMs: idleConnectionMs ?? 0 });
    const { observers } = this.#environment;
    const toldOfErrors = guarded(options.queue?.onError ?? warn);
    const onError = (error: unknown) => {
      toldOfErrors(error);
      observers.emit({ type: 'error', error });
    };
    store.onBackgroundError?.(onError);
    const worker = new QueueWorker({
      store,
      clock,
      random,
      name: name ?? `${machineName()}:${process.pid}:${Math.floor(random() * 2 ** 32).toString(36)}`,
      attempt: createQueueAttempt({
        environment: this.#environment,
        keyring: this.#keyring,
        connections,
        store,
        ...(verp && { verp }),
      }),
      onFinalOutcomes: createFinalOutcomes({
        hostname: options.hostname,
        ...this.#compose,
        store,
        bounces,
        suppress,
      }),
      siteOf: createSiteOf(this.#environment),
      observers,
      onError,
      ...(concurrency !== undefined && { slots: concurrency }),
      ...(leaseMs !== undefined && { leaseMs }),
      ...(schedule && { schedule }),
      ...(retention !== undefined && { retention }),
    });
    const reports = { store, suppress, ...(verp && { verp }) };
    return {
      store,
      onError,
      reports,
      worker,
      connections,
      control: new QueueControl(store),
      suppressions: new SuppressionControl(store),
    };
  }

  #needQueue(): QueueParts {
    if (this.#queue) return this.#queue;
    throw new BrokerError(
      'MB_BROKER_NO_STORE',
      'api-misuse',
      "This broker has no store, so it can only send(); give it one, such as `new SqliteStore('queue.db')` of @mb/broker/sqlite.",
    );
  }
}

/** The queue at a glance. */
export interface Health extends QueueStats {
  /** Whether this broker's worker was started. */
  readonly running: boolean;
  /** Claims that this worker is executing. */
  readonly activeClaims: number;
  /** One sentence when it seems that nothing gets out on the mail port. */
  readonly portBlocked?: string;
  /** One or two sentences when our own DNS resolver does not work; what waits for it asks again each minute. */
  readonly resolverTrouble?: string;
  /**
   * One or two sentences for each trouble of our own: sockets and addresses of this machine, hosts in `delivery.routes`
   * that cannot be found, credentials that a host refuses. It spends no attempts.
   */
  readonly localTroubles?: readonly string[];
}

interface QueueParts {
  readonly store: QueueStore<unknown>;
  readonly onError: (error: unknown) => void;
  readonly worker: QueueWorker;
  readonly reports: InboundReportParts;
  readonly connections: Connections;
  readonly control: QueueControl;
  readonly suppressions: SuppressionControl;
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error.message : String(error), { type: 'MailBrokerWarning' });
}

function toResolver(dns: BrokerOptions['dns']): Resolver {
  return dns && 'query' in dns ? dns : createResolver(dns);
}

function createPolicies(
  { tls, delivery }: BrokerSettings,
  resolver: Resolver,
  clock: Clock,
): MtaStsCache | undefined {
  if (tls?.mtaSts === false) return undefined;
  const { store, ...fetchOptions } = tls?.mtaSts ?? {};
  const { allowAddresses } = delivery;
  return createMtaStsCache(resolver, {
    clock,
    ...(store && { store }),
    fetchPolicy: (domain, signal) =>
      fetchMtaStsPolicy(domain, resolver, {
        clock,
        allowAddresses,
        ...fetchOptions,
        ...(signal && { signal }),
      }),
  });
}
