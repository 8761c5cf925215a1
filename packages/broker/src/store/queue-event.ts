import type { MessageId, RecipientId } from './ids.ts';

/**
 * What happened to a message or a recipient.
 *
 * - `accepted`: the message is durable; one event for each message.
 * - `attempted`: an attempt was counted and is about to begin; `returned`: it did not begin and is not counted.
 * - `delivered`, `failed`, `expired`, `cancelled`: the recipient is finished.
 * - `deferred`: another attempt will follow.
 * - `delayed`: the delay notice; at most one for each recipient.
 * - `held`, `released`: the recipient waits for a decision, or no longer does.
 * - `unknown`: the message may or may not have been delivered, and the caller chose to be told rather than to retry.
 * - `bounced`: a report about the recipient was sent to the return path, or was received.
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

/** A position in the event log; opaque, and meaningful only to the store that returned it. */
export type EventCursor = string;

/** One entry of the event log, written in the transaction of the change that it reports. */
export interface QueueEvent {
  /** Reading after this cursor returns the next event. */
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
  /** Epoch milliseconds; only with `deferred`. */
  readonly nextAttemptAt?: number;
  /** What is known of the change: replies, host, reason. */
  readonly detail?: object;
}

/**
 * An event without a change of a recipient: a report or a complaint that was received, or a report of ours that could
 * not be sent.
 */
export interface ReportedEvent {
  readonly type: 'bounced' | 'complained' | 'unreported';
  readonly recipientId: RecipientId;
  readonly detail?: object;
}

/** Part of the event log, in order. */
export interface EventPage {
  readonly events: readonly QueueEvent[];
  /** The cursor to read after next; unchanged when there were no events. */
  readonly cursor: EventCursor;
}
