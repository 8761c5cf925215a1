import { hostname as machineName } from 'node:os';
import { connect } from '@mb/smtp-client';
import { Connections } from './delivery/connections.ts';
import { followStoredRules } from './delivery/stored-reply-rules.ts';
import { type ObserveOptions, type Observer, observeWith } from './observer.ts';
import { integer, type OptionTable, readOptions } from './option-table.ts';
import {
  type MailWorkerOptions,
  mailWorkerOptions,
  type QueueOptions,
  resolveBrokerOptions,
} from './options.ts';
import { createSendingParts, type SendingParts } from './sending-parts.ts';
import { guarded } from './store/error-listeners.ts';
import type { QueueStats, QueueStore } from './store/port.ts';
import { createFinalOutcomes } from './worker/final-outcomes.ts';
import { createQueueAttempt } from './worker/queue-attempt.ts';
import { createSiteOf } from './worker/site.ts';
import { QueueWorker } from './worker/worker.ts';

/** What `stop()` accepts. */
export interface StopOptions {
  /** Time that transactions under way get to end, in milliseconds. Default 30,000. */
  readonly graceMs?: number | undefined;
}

const stopOptions = {
  graceMs: integer(0, 86_400_000, { unit: 'ms' }),
} satisfies OptionTable<StopOptions>;

/** Milliseconds to wait, if any were given. @throws {BrokerError} MB_BROKER_OPTION */
export function checkStopOptions(options: StopOptions): StopOptions {
  return readOptions<StopOptions, typeof stopOptions>(options, stopOptions, 'stop: options');
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

/** What a worker shares with the other roles of its broker. */
export interface WorkerParts {
  readonly queue: QueueOptions;
  readonly store: QueueStore<unknown>;
  readonly parts: SendingParts;
}

/**
 * Delivers what a queue holds, for days if need be. Any number of workers may share a store.
 *
 * @example
 * await using worker = new MailWorker({
 *   store,
 *   hostname: 'mail.example.com',
 *   dkim: { domain: 'example.com', selector: 's1', privateKey: pem },
 * });
 * worker.start();
 * await new Promise((resolve) => process.once('SIGTERM', resolve));
 */
export class MailWorker {
  readonly #parts: SendingParts;
  readonly #store: QueueStore<unknown>;
  readonly #connections: Connections;
  readonly #worker: QueueWorker;
  readonly #endListening: (() => void)[] = [];
  /** Follows the reply rules of the store. */
  #following:
    | { readonly end: AbortController; readonly known: Promise<void>; readonly done: Promise<void> }
    | undefined;
  /** Reports trouble that this process lives through to the observers, `queue.onError` among them. */
  readonly #onError: (error: unknown) => void;

  /**
   * @param shared  For the broker, whose roles share them.
   * @throws {BrokerError} MB_BROKER_OPTION; DkimError MB_DKIM_KEY_… for a key that cannot sign; DnsError
   *   MB_DNS_OPTION for wrong `dns` options.
   */
  constructor(options: MailWorkerOptions, shared?: WorkerParts) {
    const { queue, store, parts } = shared ?? createWorkerParts(options);
    this.#parts = parts;
    this.#store = store;
    const { clock, random, observers } = parts.environment;
    const { bounces = true, suppress = true, idleConnectionMs = 0 } = queue;
    this.#connections = new Connections({ connect, clock, idleMs: idleConnectionMs });
    if (queue.onError) {
      const onError = guarded(queue.onError);
      this.#endListening.push(observers.add(['error'], ({ error }) => onError(error)));
    }
    this.#onError = (error) => observers.reportError(error);
    const ending = store.onBackgroundError?.(this.#onError);
    if (ending) this.#endListening.push(ending);
    const { concurrency, name, leaseMs, schedule, retention } = queue;
    const attempt = createQueueAttempt({
      environment: parts.environment,
      profiles: parts.profiles,
      connections: this.#connections,
      store,
      transcripts: queue.transcripts ?? 'failures',
    });
    this.#worker = new QueueWorker({
      store,
      clock,
      random,
      name: name ?? `${machineName()}:${process.pid}:${Math.floor(random() * 2 ** 32).toString(36)}`,
      attempt: async (claim, context) => {
        // A reply must not be judged before all rules are known.
        await this.#following?.known;
        return attempt(claim, context);
      },
      onFinalOutcomes: createFinalOutcomes({
        profiles: parts.profiles,
        ...parts.compose,
        store,
        bounces,
        suppress,
      }),
      siteOf: createSiteOf(parts.environment, parts.profiles),
      observers,
      onError: this.#onError,
      ...(concurrency !== undefined && { slots: concurrency }),
      ...(leaseMs !== undefined && { leaseMs }),
      ...(schedule && { schedule }),
      ...(retention !== undefined && { retention }),
    });
  }

  /** Begins to deliver what is queued. Call `stop()` before the process ends. */
  start(): void {
    this.#following ??= this.#followRules();
    this.#worker.start();
  }

  /**
   * Ends delivery: nothing new begins, transactions under way get `graceMs` (default 30,000) to end, and the rest waits
   * for the next start with nothing lost. The store stays open; it belongs to the caller.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const { graceMs } = checkStopOptions(options);
    const stopped = this.#worker.stop(graceMs === undefined ? {} : { graceMs });
    // Attempts that wait for the rules go on now, and find that the worker stops.
    this.#following?.end.abort();
    await stopped;
    this.#connections.close();
    await this.#following?.done;
    this.#following = undefined;
  }

  /** The queue at a glance: depth by state and destination, what is paused and why, and how this worker does. */
  async health(): Promise<Health> {
    const { egress, resolverWatch, localWatch } = this.#parts.environment;
    const portBlocked = egress.blocked();
    const resolverTrouble = resolverWatch.trouble();
    const localTroubles = localWatch.troubles();
    return {
      ...(await this.#store.stats()),
      running: this.#worker.running,
      activeClaims: this.#worker.activeClaims,
      ...(portBlocked !== undefined && { portBlocked }),
      ...(resolverTrouble !== undefined && { resolverTrouble }),
      ...(localTroubles.length > 0 && { localTroubles }),
    };
  }

  /**
   * Calls `listener` with what happens inside; see {@link MailBroker.observe}.
   *
   * @returns the function that removes the listener.
   * @throws {BrokerError} MB_BROKER_OPTION
   */
  observe(listener: Observer, options: ObserveOptions = {}): () => void {
    return observeWith(this.#parts.environment.observers, listener, options);
  }

  #followRules() {
    const end = new AbortController();
    const { replyRules } = this.#parts.environment;
    let onKnown = () => {};
    const known = new Promise<void>((resolve) => {
      onKnown = resolve;
    });
    const parts = { signal: end.signal, onError: this.#onError, onKnown };
    const done = followStoredRules(this.#store, replyRules, parts).catch(this.#onError);
    return { end, known, done };
  }

  /** Stops the worker as {@link MailWorker.stop} does, for good. */
  async close(options: StopOptions = {}): Promise<void> {
    await this.stop(options);
    for (const end of this.#endListening.splice(0)) end();
  }

  /** As {@link MailWorker.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function createWorkerParts(given: MailWorkerOptions): WorkerParts {
  const where = 'MailWorker: options';
  const options: MailWorkerOptions = readOptions(given, mailWorkerOptions, where);
  const { sending, queue, store } = resolveBrokerOptions(options, where);
  return { queue, store: store!, parts: createSendingParts(sending, queue.verp) };
}
