import type { Learned } from '../learned.ts';
import type { MessageRecord } from '../new-message.ts';
import type { Pacing, SiteLimits } from '../pacing.ts';
import type { StoredState } from '../recipient-state.ts';
import type { Intent } from '../recipient-transition.ts';
import type { IndexedHeap } from './indexed-heap.ts';

/** A message in memory. */
export interface MessageRow {
  readonly id: number;
  readonly record: MessageRecord;
  /** Undefined when deleted. */
  content: readonly Uint8Array[] | undefined;
  readonly acceptedAt: number;
  readonly expiresAt: number;
  readonly recipients: RecipientRow[];
  /** Number of recipients that are not finished. */
  open: number;
  /** True once a recipient is finished without being delivered. */
  failed: boolean;
  finishedAt: number | undefined;
}

/** A recipient in memory. */
export interface RecipientRow {
  readonly message: MessageRow;
  readonly position: number;
  readonly address: string;
  readonly domain: string;
  readonly options: string | null;
  lane: Lane;
  state: StoredState;
  intent: Intent;
  attempts: number;
  abandoned: number;
  due: number;
  deadline: number;
  lease: Lease | undefined;
  finishedAt: number | undefined;
  detail: string | null;
}

/** One tenant's recipients of one priority at one site. */
export interface Lane {
  readonly site: Site;
  readonly priority: number;
  /** The latest turn of the tenant at the site, which its lanes share. */
  readonly turn: { served: number };
  readonly queued: IndexedHeap<RecipientRow>;
  /** Epoch milliseconds until which its recipients are being routed by a worker. */
  heldUntil: number;
}

/** A destination in memory. */
export interface Site {
  readonly key: string;
  /** By priority and tenant. */
  readonly lanes: Map<string, Lane>;
  /** By tenant. */
  readonly turns: Map<string, { served: number }>;
  readonly leases: Set<Lease>;
  pacing: Pacing;
  arrivals: readonly number[];
  limits: Partial<SiteLimits>;
  learned: Learned;
  suspended: boolean;
  note: string | undefined;
  usedAt: number;
  served: number;
}

/** A lease in memory. */
export interface Lease {
  readonly id: string;
  readonly worker: string;
  /** Undefined for an `overdue` claim. */
  readonly site: Site | undefined;
  readonly recipients: Set<RecipientRow>;
  expiresAt: number;
}

/** Whether `a` is due before `b`; at the same time, by message and position. */
export function dueBefore(a: RecipientRow, b: RecipientRow): boolean {
  return a.due === b.due ? acceptedBefore(a, b) : a.due < b.due;
}

export function deadlineBefore(a: RecipientRow, b: RecipientRow): boolean {
  return a.deadline === b.deadline ? acceptedBefore(a, b) : a.deadline < b.deadline;
}

function acceptedBefore(a: RecipientRow, b: RecipientRow): boolean {
  return a.message.id === b.message.id ? a.position < b.position : a.message.id < b.message.id;
}
