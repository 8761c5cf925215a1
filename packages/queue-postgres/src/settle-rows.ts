import {
  detailText,
  type Learned,
  type LeaseId,
  maxLearnedHosts,
  type Outcome,
  type RecipientId,
  type Settlement,
  siteSpeeds,
} from '@mb/broker/store';
import type { Database, Queryable } from './database.ts';
import { recipientRowId } from './recipient-rows.ts';
import { callFunction, type StoreContext } from './statement.ts';

/** The number of a lease; -1 when this store did not return the id. */
export function leaseNumber(id: LeaseId): string {
  return /^\d{1,18}$/.test(id) ? id : '-1';
}

/** Writes the outcomes, feedback and release of a settlement, not its bounces; returns the refused recipients. */
export async function settle(
  db: Queryable | Database,
  { schema, limits, log, now }: StoreContext,
  { leaseId, outcomes, release, feedback, learned }: Settlement,
): Promise<RecipientId[]> {
  // In the order of ids, in which all statements lock recipients and messages.
  const known = outcomes
    .flatMap((outcome) => {
      const id = recipientRowId(outcome.recipientId);
      return id === undefined ? [] : [{ id: BigInt(id), outcome }];
    })
    .sort((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));
  const [row] = await callFunction<{ settle_v1: string[] }>(db, schema, 'settle_v1', [
    leaseNumber(leaseId),
    known.map(({ id }) => String(id)),
    known.map(({ outcome }) => outcome.status),
    known.map(({ outcome }) => delayOf(outcome)),
    known.map(({ outcome }) => (outcome.status === 'rerouted' ? outcome.site : null)),
    known.map(({ outcome }) => detailText(outcome.detail)),
    release,
    feedback ? JSON.stringify(feedback) : null,
    learned ? learnedText(learned) : null,
    maxLearnedHosts,
    limits,
    log,
    now,
  ]);
  return refusedOf(outcomes, row!.settle_v1);
}

function learnedText({ speed, hosts }: Partial<Learned>): string {
  return JSON.stringify({ ...(speed && { speed: siteSpeeds.indexOf(speed) }), ...(hosts && { hosts }) });
}

function delayOf(outcome: Outcome): number | null {
  return 'retryAfterMs' in outcome ? Math.floor(outcome.retryAfterMs) : null;
}

/**
 * The refused recipients in the order of the outcomes, including ids that this store did not return. Of two outcomes
 * for one recipient the second is refused, so refusals are counted from the end.
 */
function refusedOf(outcomes: readonly Outcome[], rowIds: readonly string[]): RecipientId[] {
  const left = new Map<string, number>();
  for (const id of rowIds) left.set(id, (left.get(id) ?? 0) + 1);
  const refused: RecipientId[] = [];
  for (const { recipientId } of [...outcomes].reverse()) {
    const id = recipientRowId(recipientId);
    const count = id === undefined ? 1 : (left.get(id) ?? 0);
    if (count === 0) continue;
    if (id !== undefined) left.set(id, count - 1);
    refused.push(recipientId);
  }
  return refused.reverse();
}
