import { everyRow } from '../store/page.ts';
import type { EventCursor } from '../store/queue-event.ts';
import type { Records, StoredRecord } from '../store/records.ts';

/** The progress of an endpoint, as its record has it. The process whose name is in `owner` delivers to it. */
export interface DeliveryState {
  /** Events up to this one are delivered, wait in a record of their own, or were given up. */
  readonly cursor: EventCursor;
  /** Absent: no process delivers. */
  readonly owner?: string;
  /** Calls that succeeded. */
  readonly delivered: number;
  /** Calls that failed. */
  readonly failed: number;
  /** Events that wait for another attempt. */
  readonly waiting: number;
  /** Epoch milliseconds up to which all events were handed to the endpoint at least once. */
  readonly upTo?: number;
  /** When the oldest event that was taken from the log and not delivered happened, in epoch milliseconds. */
  readonly oldestAt?: number;
  readonly lastSuccessAt?: number;
  readonly lastFailureAt?: number;
  readonly lastError?: string;
  /** Since when every call fails, in epoch milliseconds. */
  readonly failingSince?: number;
}

const collection = 'webhook-state';

/** The progress of an endpoint; null when there is no such endpoint. */
export async function readState(
  records: Records,
  id: string,
): Promise<(StoredRecord & { readonly value: DeliveryState }) | null> {
  return (await records.get(collection, id)) as (StoredRecord & { readonly value: DeliveryState }) | null;
}

/** Writes the progress of an endpoint. @throws {BrokerError} MB_BROKER_RECORD_CONFLICT */
export async function writeState(
  records: Records,
  id: string,
  state: DeliveryState,
  ifVersion: number,
): Promise<number> {
  const { version } = await records.put(collection, id, state, { ifVersion });
  return version;
}

/** Deletes the progress of an endpoint. */
export async function deleteState(records: Records, id: string): Promise<void> {
  await records.delete(collection, id);
}

/** Age of the oldest event that an endpoint has not taken; while no process delivers, at least the time since then. */
export function lagOf(
  { value: { owner, oldestAt, upTo }, updatedAt }: StoredRecord & { readonly value: DeliveryState },
  now: number,
  silentAfterMs: number,
): number {
  const isDelivering = owner !== undefined && now - updatedAt <= silentAfterMs;
  const since = oldestAt ?? (isDelivering ? now : upTo) ?? now;
  return Math.max(0, now - since);
}

/** The progress of all endpoints. */
export function allStates(
  records: Records,
): AsyncGenerator<StoredRecord & { readonly value: DeliveryState }, void, undefined> {
  return everyRow((page) => records.list(collection, page)) as ReturnType<typeof allStates>;
}
