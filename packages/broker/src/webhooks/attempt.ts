import { isRecordConflict, type Records, type StoredRecord } from '../store/records.ts';
import type { WebhookEventType } from './webhook-event.ts';

/** One call of an endpoint. */
export interface WebhookAttempt {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly eventId: string;
  readonly type: WebhookEventType;
  readonly messageId?: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly succeeded: boolean;
  /** The HTTP status; absent when there was no answer. */
  readonly status?: number;
  readonly durationMs: number;
  /** One sentence; only for failures. */
  readonly error?: string;
  /** The beginning of the body of a failure. */
  readonly answer?: string;
}

const collection = 'webhook-attempts';
/** Attempts of an endpoint that are kept. */
export const keptAttempts = 100;
/** Below the largest record. */
const mostBytes = 60 * 1024;

/** The latest attempts of an endpoint, the newest first. */
export async function readAttempts(records: Records, id: string): Promise<readonly WebhookAttempt[]> {
  return attemptsOf(await records.get(collection, id));
}

/** Adds attempts, the newest last, to those that are kept. Several processes may do so at once. */
export async function addAttempts(
  records: Records,
  id: string,
  added: readonly WebhookAttempt[],
): Promise<void> {
  for (let tries = 0; ; tries++) {
    const row = await records.get(collection, id);
    const attempts = fitting([...added].reverse().concat(attemptsOf(row)).slice(0, keptAttempts));
    try {
      await records.put(collection, id, { attempts }, { ifVersion: row?.version ?? 0 });
      return;
    } catch (error) {
      if (!isRecordConflict(error) || tries === 5) throw error;
    }
  }
}

/** Forgets the attempts of an endpoint. */
export async function deleteAttempts(records: Records, id: string): Promise<void> {
  await records.delete(collection, id);
}

function attemptsOf(row: StoredRecord | null): readonly WebhookAttempt[] {
  return (row?.value as { readonly attempts: readonly WebhookAttempt[] } | undefined)?.attempts ?? [];
}

function fitting(attempts: readonly WebhookAttempt[]): readonly WebhookAttempt[] {
  let size = 0;
  const end = attempts.findIndex((one) => {
    size += Buffer.byteLength(JSON.stringify(one)) + 1;
    return size > mostBytes;
  });
  return end === -1 ? attempts : attempts.slice(0, end);
}
