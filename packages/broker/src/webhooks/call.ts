import type { WebhookAttempt } from './attempt.ts';
import { signatureOf, type WebhookSecret } from './secret.ts';
import type { CallResult, WebhookClient } from './webhook-client.ts';
import { bodyOf, type WebhookEvent } from './webhook-event.ts';

/** Where an endpoint is, and what its calls are signed with. */
export interface CallTarget {
  readonly url: string;
  readonly secrets: readonly WebhookSecret[];
}

/** What {@link callEndpoint} takes from outside. */
export interface CallParts {
  readonly client: WebhookClient;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Notifies an endpoint of an event, signed as Standard Webhooks 1.0.0 specifies. The id, the body and the time in it
 * are equal in all attempts; `webhook-timestamp` is the time of the attempt, since verifiers refuse one that is minutes
 * old.
 */
export async function callEndpoint(
  { url, secrets }: CallTarget,
  event: WebhookEvent,
  number: number,
  { client, now, signal }: CallParts,
): Promise<{ readonly attempt: WebhookAttempt; readonly result: CallResult }> {
  const at = now();
  const timestamp = Math.floor(at / 1000);
  const body = bodyOf(event);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'mb-webhooks',
    'webhook-id': event.id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatureOf(secrets, event.id, timestamp, body),
  };
  const result = await client.post(url, headers, body, signal);
  const { retryAfterMs: _, ...facts } = result;
  const { id: eventId, type, messageId } = event;
  return {
    result,
    attempt: { at, eventId, type, ...(messageId !== undefined && { messageId }), attempt: number, ...facts },
  };
}
