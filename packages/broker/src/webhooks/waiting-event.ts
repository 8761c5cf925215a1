import { everyRow, type Page, type PageRequest } from '../store/page.ts';
import type { Records, StoredRecord } from '../store/records.ts';
import type { WebhookEvent } from './webhook-event.ts';

/** An event that waits for another attempt, as its record has it. */
export interface WaitingEvent {
  readonly event: WebhookEvent;
  /** Events of one message are delivered in this order: grows with each event that an endpoint waits for. */
  readonly order: number;
  /** Attempts made. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly dueAt: number;
  /** After this moment a failure is the last, in epoch milliseconds. */
  readonly deadline: number;
}

/** An event that could not be delivered. */
export interface DeadLetter {
  /** For `replay()`. */
  readonly id: string;
  readonly event: WebhookEvent;
  readonly attempts: number;
  /** When it was given up, in epoch milliseconds. */
  readonly diedAt: number;
  /** Why the last attempt failed. */
  readonly error: string;
}

const waitingCollection = 'webhook-waiting';
const deadCollection = 'webhook-dead';

/** Collection of the records of {@link WaitingEvent}s. */
export { waitingCollection };

/** Most dead letters of an endpoint; the oldest are deleted. */
export const mostDeadLetters = 10_000;

/** The key of an event that waits. */
export function waitingKey(endpointId: string, eventId: string): string {
  return `${endpointId}/${eventId}`;
}

/** All events that wait for an endpoint. */
export async function readWaiting(records: Records, endpointId: string): Promise<readonly StoredRecord[]> {
  return allOf(records, waitingCollection, `${endpointId}/`);
}

/** The order number of an event that is handed in: higher than all present ones. */
export function orderAt(now: number): number {
  return now * 1000;
}

/** Gives up an event. The id sorts as the time of the event does. */
export async function bury(
  records: Records,
  endpointId: string,
  { event, attempts }: Pick<WaitingEvent, 'event' | 'attempts'>,
  diedAt: number,
  error: string,
): Promise<void> {
  const value = { event, attempts, diedAt, error };
  await records.put(deadCollection, `${endpointId}/${deadId(event)}`, value);
}

/** Dead letters of an endpoint, the oldest event first. */
export async function listDead(
  records: Records,
  endpointId: string,
  { after, limit }: PageRequest = {},
): Promise<Page<DeadLetter>> {
  const prefix = `${endpointId}/`;
  const page = await records.list(deadCollection, {
    prefix,
    limit,
    ...(after !== undefined && { after: `${prefix}${after}` }),
  });
  return {
    rows: page.rows.map(({ key, value }) => ({
      id: key.slice(prefix.length),
      ...(value as Omit<DeadLetter, 'id'>),
    })),
    ...(page.next !== undefined && { next: page.next.slice(prefix.length) }),
  };
}

/** One dead letter; undefined when there is none. */
export async function readDead(
  records: Records,
  endpointId: string,
  id: string,
): Promise<DeadLetter | undefined> {
  const row = await records.get(deadCollection, `${endpointId}/${id}`);
  return row ? { id, ...(row.value as Omit<DeadLetter, 'id'>) } : undefined;
}

/** Forgets a dead letter. */
export async function deleteDead(records: Records, endpointId: string, id: string): Promise<void> {
  await records.delete(deadCollection, `${endpointId}/${id}`);
}

/** How many dead letters an endpoint has. */
export async function countDead(records: Records, endpointId: string): Promise<number> {
  return (await allOf(records, deadCollection, `${endpointId}/`)).length;
}

/** Forgets the dead letter with the oldest event. */
export async function deleteOldestDead(records: Records, endpointId: string): Promise<void> {
  const { rows } = await records.list(deadCollection, { prefix: `${endpointId}/`, limit: 1 });
  if (rows[0]) await records.delete(deadCollection, rows[0].key);
}

/** The beginning of the ids of dead letters from a moment. */
export function deadIdFrom(at: number): string {
  return String(at).padStart(15, '0');
}

/** Deletes the waiting events of an endpoint, and its dead letters. */
export async function deleteEvents(records: Records, endpointId: string): Promise<void> {
  for (const collection of [waitingCollection, deadCollection]) {
    for (const { key } of await allOf(records, collection, `${endpointId}/`)) {
      await records.delete(collection, key);
    }
  }
}

function deadId({ at, id }: WebhookEvent): string {
  return `${deadIdFrom(at)}-${id}`;
}

async function allOf(records: Records, collection: string, prefix: string): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for await (const row of everyRow((page) => records.list(collection, { ...page, prefix }))) all.push(row);
  return all;
}
