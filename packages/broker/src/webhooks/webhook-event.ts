import { createHash } from 'node:crypto';
import { type QueueEvent, queueEventTypes } from '../store/queue-event.ts';

/** Types of events that an endpoint can be notified of: those of the queue, alerts, and the test that an operator asks for. */
export const webhookEventTypes = [...queueEventTypes, 'alert-fired', 'alert-recovered', 'test'] as const;

/** One of {@link webhookEventTypes}. */
export type WebhookEventType = (typeof webhookEventTypes)[number];

/** What an endpoint is notified of. */
export interface WebhookEvent {
  /** The `webhook-id`: equal in all attempts, also after a crash, and for all endpoints. */
  readonly id: string;
  readonly type: WebhookEventType;
  /** When it happened, in epoch milliseconds. */
  readonly at: number;
  /** Events of one message are delivered in their order. */
  readonly messageId?: string;
  readonly tenant?: string;
  readonly data: object;
}

/** An event of the queue as endpoints get it. */
export function webhookEventOf(event: QueueEvent): WebhookEvent {
  const { cursor, type, at, messageId, tenant, nextAttemptAt, ...rest } = event;
  return {
    // In a store that was restored from a backup, the same cursor could name another event.
    id: eventId([cursor, String(at), messageId, type, event.recipientId ?? '']),
    type,
    at,
    messageId,
    ...(tenant !== '' && { tenant }),
    data: {
      messageId,
      ...(tenant !== '' && { tenant }),
      ...rest,
      ...(nextAttemptAt !== undefined && { nextAttemptAt: new Date(nextAttemptAt).toISOString() }),
    },
  };
}

/** An id that is always the same for the same words. */
export function eventId(words: readonly string[]): string {
  return `evt_${createHash('sha256').update(JSON.stringify(words)).digest('base64url').slice(0, 24)}`;
}

/** The body of a call (Standard Webhooks 1.0.0, "Payload structure"); equal in all attempts. */
export function bodyOf({ type, at, data }: WebhookEvent): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
}
