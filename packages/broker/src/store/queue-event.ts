import type { MessageId, RecipientId } from './ids.ts';

/**
 * What happened to a message or a recipient.
 *
 * - `accepted`: the message is durable (one event a message).
 * - `attempted`: an attempt was numbered and is about to begin; `returned`: it did not begin, its number is free again.
 * - `delivered`, `failed`, `expired`, `cancelled`: the recipient is finished.
 * - `deferred`: another attempt will follow.
 * - `delayed`: the notice that delivery takes long, once a recipient.
 * - `held`, `released`: the recipient waits for a decision, or no longer does.
 * - `unknown`: the message may or may not have been delivered, and the caller wants to know rather than retry.
 * - `bounced`: a report about the recipient was sent back, or came in from outside.
 * - `unreported`: a report about the recipient was due and could not be made or delivered.
 * - `complained`: the recipient reported the message as unwanted.
 */
export type QueueEventType = (typeof queueEventTypes)[number];

/** Every type of event. */
export const queueEventTypes = [
  'accepted',
  'attempted',
  'returned',
  'delivered',
  'deferred',
  'delayed',
  'failed',
  'bounced',
  'complained',
  'unreported',
  'expired',
  'cancelled',
  'held',
  'released',
  'unknown',
] as const;

/** A place in the event log; opaque, comparable only by the store that gave it. */
export type EventCursor = string;

/** One entry of the event log, written in the transaction of the change that it reports. */
export interface QueueEvent {
  /** Reading on after this cursor gives the next event. */
  readonly cursor: EventCursor;
  readonly type: QueueEventType;
  /** Epoch milliseconds on the store's clock. */
  readonly at: number;
  readonly messageId: MessageId;
  readonly tenant: string;
  readonly tag?: string;
  /** Absent for `accepted`. */
  readonly recipientId?: RecipientId;
  readonly address?: string;
  /** Number of the attempt, 1 for the first; 0 where none was made. */
  readonly attempt: number;
  /** Epoch milliseconds; of `deferred` only. */
  readonly nextAttemptAt?: number;
  /** What the writer of the change said about it: replies, host, reason. */
  readonly detail?: object;
}

/**
 * An event that no change of a recipient brings: a report or a complaint that the application received, or a report of
 * our own that came to nothing.
 */
export interface ReportedEvent {
  readonly type: 'bounced' | 'complained' | 'unreported';
  readonly recipientId: RecipientId;
  readonly detail?: object;
}

/** Part of the event log, in order. */
export interface EventPage {
  readonly events: readonly QueueEvent[];
  /** Where to read on; stays what it was when there was nothing new. */
  readonly cursor: EventCursor;
}
