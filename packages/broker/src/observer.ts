import type { TlsEvidence, TlsResultType, TranscriptEntry } from '@mb/smtp-client';
import type { RecipientOutcome } from './delivery/outcome.ts';
import { optionError } from './errors.ts';
import { list, type OptionTable, readOptions, word } from './option-table.ts';
import type { EnqueueResult } from './queue/enqueue-options.ts';
import type { SecurityBasis } from './route/tls-policy.ts';
import type { WebhookAttempt } from './webhooks/attempt.ts';
import type { WebhookEvent, WebhookEventType } from './webhooks/webhook-event.ts';

/** A line of a session, with the host that it was held with. */
export interface SessionLine extends TranscriptEntry {
  readonly host: string;
}

/** A domain was routed: its hosts were found, or why they were not. */
export interface RouteObservation {
  readonly type: 'route';
  readonly domain: string;
  /** `found`, `temporary` or `permanent`. */
  readonly status: string;
  /** Names of the hosts in the order of their preference; empty unless found. */
  readonly hosts: readonly string[];
  readonly durationMs: number;
}

/** A connection was opened, or could not be. Connections that are used again are not observed. */
export interface ConnectObservation {
  readonly type: 'connect';
  readonly domain: string;
  readonly host: string;
  readonly port: number;
  /** The egress source, where sources are configured. */
  readonly source?: string;
  /** From the first attempt to dial until the session was ready, TLS and AUTH included. */
  readonly durationMs: number;
  /** The code of the `SmtpError`; absent when the session is ready. */
  readonly errorCode?: string;
}

/**
 * How TLS went with one host, in the terms of TLS reporting (RFC 8460 §4): one for each new session, and one for each
 * host that a policy ruled out before it was dialled.
 */
export interface TlsObservation {
  readonly type: 'tls';
  /** The recipients' domain, whose policy applies. */
  readonly domain: string;
  readonly host: string;
  /** Policy type by RFC 8460 §4.4. */
  readonly policy: 'tlsa' | 'sts' | 'no-policy-found';
  /** What decided how the host was talked to. */
  readonly basis: SecurityBasis;
  /** Result type by RFC 8460 §4.3. */
  readonly result: 'success' | TlsResultType;
  /** One sentence; only for failures. */
  readonly detail?: string;
  /** Absent when there was no session. */
  readonly evidence?: TlsEvidence;
}

/** A line of a session: a command, a reply or a note; never content, never secrets. */
export interface LineObservation {
  readonly type: 'line';
  readonly line: SessionLine;
}

/** One message was offered to the hosts of one next hop, in one transaction at each. */
export interface AttemptObservation {
  readonly type: 'attempt';
  /** The domain that was routed: the first of {@link AttemptObservation.domains}. */
  readonly domain: string;
  /** Domains of the recipients; more than one only where a relay or mail store is configured for them. */
  readonly domains: readonly string[];
  /** The Message-ID of the message, in angle brackets. */
  readonly messageId: string;
  /** Number of the attempt, 1 for the first. */
  readonly attempt: number;
  readonly outcomes: readonly RecipientOutcome[];
  readonly durationMs: number;
  /** Epoch milliseconds. */
  readonly endedAt: number;
  /** Name of the sending profile; absent without `profileFor`. */
  readonly profile?: string;
  /** The queue's id of the message; absent for `send()`. */
  readonly queueId?: string;
  /** When the queue accepted the message, in epoch milliseconds; absent for `send()`. */
  readonly acceptedAt?: number;
}

/** The queue accepted a message. */
export interface AcceptObservation {
  readonly type: 'accept';
  /** The queue's id of the message. */
  readonly queueId: string;
  readonly recipients: number;
  readonly tenant?: string;
  readonly durationMs: number;
  /** Epoch milliseconds. */
  readonly endedAt: number;
}

/** The worker took recipients out of the queue. */
export interface ClaimObservation {
  readonly type: 'claim';
  /** `attempt`, or `overdue` for recipients whose lifetime or delay notice is due. */
  readonly kind: 'attempt' | 'overdue';
  readonly site: string;
  readonly messages: number;
  readonly recipients: number;
  /** How long the store took. */
  readonly durationMs: number;
}

/** The worker wrote outcomes into the queue. */
export interface SettleObservation {
  readonly type: 'settle';
  readonly outcomes: number;
  /** How long the store took; retries after failures included. */
  readonly durationMs: number;
}

/** A webhook was called. */
export interface WebhookObservation {
  readonly type: 'webhook';
  /** Id of the endpoint. */
  readonly endpoint: string;
  readonly eventId: string;
  /** Type of the event. */
  readonly event: WebhookEventType;
  /** The message that the event is about. */
  readonly messageId?: string;
  /** Number of the attempt, 1 for the first. */
  readonly attempt: number;
  readonly succeeded: boolean;
  /** The HTTP status; absent when there was no answer. */
  readonly status?: number;
  readonly durationMs: number;
  /** From the event to the end of the call. */
  readonly lagMs: number;
  /** Epoch milliseconds. */
  readonly endedAt: number;
}

/** Something failed in the background and will be tried again. */
export interface ErrorObservation {
  readonly type: 'error';
  readonly error: unknown;
}

/** What happens inside a broker; see {@link MailBroker.observe}. */
export type Observation =
  | RouteObservation
  | ConnectObservation
  | TlsObservation
  | LineObservation
  | AcceptObservation
  | AttemptObservation
  | ClaimObservation
  | SettleObservation
  | WebhookObservation
  | ErrorObservation;

/** Names of {@link Observation}s. */
export type ObservationType = Observation['type'];

/** Takes observations, in the order in which they happen. It must return quickly: delivery waits for it. */
export type Observer = (observation: Observation) => void;

/** Options of `observe()`. */
export interface ObserveOptions {
  /** What to listen to. Default: all. */
  readonly types?: readonly ObservationType[] | undefined;
}

type Of<Type extends ObservationType> = Extract<Observation, { readonly type: Type }>;

/**
 * The listeners of a broker. Ask {@link Observers.wants} before making an observation: without a listener none is needed.
 */
export class Observers {
  readonly #listeners = new Map<ObservationType, Set<(observation: never) => void>>();
  readonly #onFailure: (error: unknown) => void;

  /** @param onFailure  Called with what a listener throws, and with errors that have no listener. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Whether anyone listens to this type. */
  wants(type: ObservationType): boolean {
    return this.#listeners.has(type);
  }

  /** Adds a listener for some types; returns the function that removes it. */
  add<Type extends ObservationType>(
    types: readonly Type[],
    listener: (observation: Of<Type>) => void,
  ): () => void {
    // A function of its own, so that a listener that is added twice is removed once.
    const entry = (observation: Of<Type>) => listener(observation);
    for (const type of types) {
      const known = this.#listeners.get(type) ?? new Set();
      this.#listeners.set(type, known.add(entry));
    }
    return () => {
      for (const type of types) {
        const known = this.#listeners.get(type);
        known?.delete(entry);
        if (known?.size === 0) this.#listeners.delete(type);
      }
    };
  }

  /** Reports what failed in the background: to the listeners, or as what a listener throws when there is none. */
  reportError(error: unknown): void {
    if (this.wants('error')) this.emit({ type: 'error', error });
    else this.#onFailure(error);
  }

  /** Passes an observation to the listeners of its type. */
  emit(observation: Observation): void {
    for (const listener of this.#listeners.get(observation.type) ?? []) {
      try {
        listener(observation as never);
      } catch (error) {
        this.#onFailure(error);
      }
    }
  }
}

/** All types of observations. */
export const observationTypes = [
  'route',
  'connect',
  'tls',
  'line',
  'accept',
  'attempt',
  'claim',
  'settle',
  'webhook',
  'error',
] as const satisfies readonly ObservationType[];

const observeOptions = {
  types: list(word(observationTypes), 1),
} satisfies OptionTable<ObserveOptions>;

/** Adds a listener as an application gives it. @throws {BrokerError} MB_BROKER_OPTION */
export function observeWith(observers: Observers, listener: Observer, options: ObserveOptions): () => void {
  if (typeof listener !== 'function') throw optionError('observe: listener must be a function.');
  const { types = observationTypes } = readOptions(options, observeOptions, 'observe: options');
  return observers.add(types, listener);
}

/** Observes a call of a webhook. */
export function observeWebhook(
  observers: Observers,
  endpoint: string,
  { at, eventId, messageId, attempt, succeeded, status, durationMs }: WebhookAttempt,
  event: WebhookEvent,
): void {
  if (!observers.wants('webhook')) return;
  observers.emit({
    type: 'webhook',
    endpoint,
    eventId,
    event: event.type,
    ...(messageId !== undefined && { messageId }),
    attempt,
    succeeded,
    ...(status !== undefined && { status }),
    durationMs,
    lagMs: Math.max(0, at + durationMs - event.at),
    endedAt: at + durationMs,
  });
}

/** Observes the acceptance of a message; a message that was known or has no recipient left is none. */
export function observeAcceptance(
  observers: Observers,
  { id, duplicate, recipients }: EnqueueResult,
  {
    tenant,
    durationMs,
    endedAt,
  }: { readonly tenant: string | undefined; readonly durationMs: number; readonly endedAt: number },
): void {
  if (id === undefined || duplicate || !observers.wants('accept')) return;
  observers.emit({
    type: 'accept',
    queueId: id,
    recipients: recipients.length,
    ...(tenant !== undefined && { tenant }),
    durationMs,
    endedAt,
  });
}
