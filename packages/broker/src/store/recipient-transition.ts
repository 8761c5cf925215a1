/**
 * Every transition of a recipient's record, in one place.
 *
 *             accept
 *               │
 *               ▼        claim               delivered · failed · expired
 *     ┌────► queued ───────────► in flight ─────────────────────────────► (final)
 *     │        │ ▲                 │  │
 *     │ hold   │ └─────────────────┘  │ held · unknown
 *     │        │  deferred · unattempted · rerouted · delayed · lease lost
 *     │        ▼                      ▼
 *     └──── held, unknown ◄───────────┘
 *   release
 *
 * Invariant: a recipient is in flight if and only if a lease holds it. An operator's hold or cancel of a recipient in
 * flight cannot stop the attempt; it is stored as an intent and takes effect when the recipient returns.
 */

import type { Outcome, UnknownPolicy } from './port.ts';
import type { QueueEventType } from './queue-event.ts';
import { isFinal, type StoredState } from './recipient-state.ts';

/** What an operator wants for a recipient in flight when it returns to the queue. */
export type Intent = 'hold' | 'cancel' | null;

/** The fields of a recipient's record that decide on transitions. */
export interface RecipientRecord {
  readonly state: StoredState;
  readonly intent: Intent;
  readonly attempts: number;
  /** How many leases in a row were lost. */
  readonly abandoned: number;
}

/** A transition of a record. */
export interface RecipientChange {
  readonly state: StoredState;
  readonly attempts: number;
  readonly abandoned: number;
  /** When it is due again, in milliseconds from now; undefined when unchanged. */
  readonly dueInMs?: number;
  readonly events: readonly QueueEventType[];
}

/**
 * Who reports: the lease that holds the recipient, for an attempt or because it is overdue, or a lease that held it.
 */
export type Reporter = 'attempt' | 'overdue' | 'stale';

/**
 * The transition for an outcome.
 *
 * @returns undefined when the outcome is refused.
 */
export function changeByOutcome(
  record: RecipientRecord,
  outcome: Outcome,
  reporter: Reporter,
): RecipientChange | undefined {
  // A delivery is a fact, so it is recorded without the lease too, however late; all else needs the lease.
  if (reporter === 'stale' && (outcome.status !== 'delivered' || isFinal(record.state))) return undefined;
  const { attempts } = record;
  // The claim counted an attempt that did not take place.
  const given = { attempts: reporter === 'attempt' ? Math.max(0, attempts - 1) : attempts, abandoned: 0 };
  switch (outcome.status) {
    case 'delivered':
    case 'failed':
      return { state: outcome.status, attempts, abandoned: 0, events: [outcome.status] };
    case 'expired':
      return { state: 'expired', ...given, events: ['expired'] };
    case 'held':
    case 'unknown':
      return park(record, { state: outcome.status, attempts, abandoned: 0, events: [outcome.status] });
    case 'deferred':
      return requeue(record, { attempts, abandoned: 0 }, Math.floor(outcome.retryAfterMs), ['deferred']);
    case 'unattempted':
      return requeue(record, given, Math.floor(outcome.retryAfterMs), ['returned']);
    case 'rerouted':
      return requeue(record, given, 0, ['returned']);
    case 'delayed':
      return requeue(record, { attempts, abandoned: 0 }, undefined, ['delayed']);
  }
}

/** The transition for a recipient that no outcome named when its lease was released. */
export function changeByRelease(record: RecipientRecord, reporter: 'attempt' | 'overdue'): RecipientChange {
  const { attempts } = record;
  if (reporter === 'overdue') return requeue(record, { attempts, abandoned: 0 }, undefined, []);
  return requeue(record, { attempts: Math.max(0, attempts - 1), abandoned: 0 }, 0, ['returned']);
}

/** A recipient whose lease is lost again waits longer each time, because it may be what crashes the workers. */
const firstAbandonedMs = 60_000;
const longestAbandonedMs = 3_600_000;

/**
 * The transition for a recipient whose lease ran out. How its attempt ended is not known, so the message's policy for
 * unknown outcomes decides; the attempt counts.
 */
export function changeByLostLease(
  record: RecipientRecord,
  policy: UnknownPolicy,
  reporter: 'attempt' | 'overdue',
): RecipientChange {
  const { attempts } = record;
  if (reporter === 'overdue') return requeue(record, { attempts, abandoned: 0 }, undefined, []);
  if (policy !== 'retry') {
    const state = policy === 'hold' ? 'held' : 'unknown';
    return park(record, { state, attempts, abandoned: 0, events: [state] });
  }
  const abandoned = record.abandoned + 1;
  const delay = abandoned === 1 ? 0 : Math.min(firstAbandonedMs * 2 ** (abandoned - 2), longestAbandonedMs);
  return requeue(record, { attempts, abandoned }, delay, ['deferred']);
}

function requeue(
  record: RecipientRecord,
  counts: { attempts: number; abandoned: number },
  dueInMs: number | undefined,
  events: readonly QueueEventType[],
): RecipientChange {
  const due = dueInMs === undefined ? {} : { dueInMs };
  return park(record, { state: 'queued', ...counts, ...due, events });
}

/** Applies the operator's intent to a recipient that is not finished. */
function park(record: RecipientRecord, change: RecipientChange): RecipientChange {
  if (record.intent === 'cancel') {
    return { ...change, state: 'cancelled', events: [...change.events, 'cancelled'] };
  }
  if (record.intent === 'hold' && change.state !== 'held') {
    return { ...change, state: 'held', events: [...change.events, 'held'] };
  }
  return change;
}

/** An operator's command. */
export type Command = 'hold' | 'release' | 'cancel';

/** The transition for a command: a change of state, an intent for later, or none (undefined). */
export function changeByCommand(
  record: { readonly state: StoredState; readonly intent: Intent },
  command: Command,
): { readonly state: StoredState; readonly event: QueueEventType } | { readonly intent: Intent } | undefined {
  const { state, intent } = record;
  switch (command) {
    case 'hold':
      if (state === 'in-flight') return intent === null ? { intent: 'hold' } : undefined;
      return state === 'queued' || state === 'unknown' ? { state: 'held', event: 'held' } : undefined;
    case 'cancel':
      if (state === 'in-flight') return intent === 'cancel' ? undefined : { intent: 'cancel' };
      return isFinal(state) ? undefined : { state: 'cancelled', event: 'cancelled' };
    case 'release':
      if (state === 'in-flight') return intent === 'hold' ? { intent: null } : undefined;
      return state === 'held' || state === 'unknown' ? { state: 'queued', event: 'released' } : undefined;
  }
}
