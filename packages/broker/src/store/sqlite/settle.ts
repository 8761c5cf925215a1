import { mergeLearned } from '../learned.ts';
import { detailText, type MessageRecord } from '../new-message.ts';
import { applyFeedback } from '../pacing.ts';
import type { LeaseId, Settled, Settlement } from '../port.ts';
import { returnToRates } from '../rate.ts';
import { changeByLostLease, changeByOutcome, changeByRelease } from '../recipient-transition.ts';
import { acceptMessage } from './accept.ts';
import { applyChange, logRecipient, type Recipient, readRecipient, recipientsOfLease } from './recipients.ts';
import { type LaneKey, openLane, readBusySite, readSite, readyAt, siteReady, writeSite } from './sites.ts';
import { addSuppressions } from './suppression-list.ts';
import type { WriteContext } from './write-context.ts';

interface Lease {
  readonly id: number;
  readonly site: string | null;
  readonly worker: string;
}

/** The lease of a settlement. */
interface EndingLease {
  readonly site: string | null;
  /** 1 when it holds recipients that were not settled. */
  readonly holds: number;
}

/** The number of a lease; -1 when this store did not return the id. */
export function leaseNumber(id: LeaseId): number {
  return /^\d{1,15}$/.test(id) ? Number(id) : -1;
}

/** Maximum number of leases that one call of `reap` ends. */
const reapBatch = 500;

/** @param bounces  The records of `settlement.bounces`, checked. */
export function settle(
  context: WriteContext,
  settlement: Settlement,
  bounces: readonly MessageRecord[],
): Settled {
  const { sql, now } = context;
  const leaseId = leaseNumber(settlement.leaseId);
  const refused: string[] = [];
  let returned = 0;
  for (const outcome of settlement.outcomes) {
    const recipient = readRecipient(context, outcome.recipientId);
    const reporter = recipient?.lease === leaseId ? kindOf(recipient.leaseSite) : 'stale';
    const change = recipient && changeByOutcome(recipient, outcome, reporter);
    if (!recipient || !change) {
      refused.push(outcome.recipientId);
      continue;
    }
    if (change.events[0] === 'returned') returned++;
    applyChange(context, moved(context, recipient, outcome), change, detailText(outcome.detail));
  }
  const bounceIds = (settlement.bounces ?? []).map(({ recipients }, i) => {
    const reported = recipients.filter((id) => !refused.includes(id));
    return reported.length === 0 ? undefined : acceptBounce(context, bounces[i]!, reported);
  });
  addSuppressions(sql, settlement.suppress ?? [], now);
  // Outcomes alone do not change the site; a recipient that waits again has woken its lane already.
  if (settlement.feedback || settlement.learned || settlement.release || returned > 0) {
    endLease(context, leaseId, settlement, returned);
  }
  return { refused, bounceIds };
}

const selectLease = `SELECT site, EXISTS (SELECT 1 FROM mb_recipient WHERE lease = mb_lease.id) AS holds
  FROM mb_lease WHERE id = ?`;

/** Ends the lease if it is released, and updates its site. */
function endLease(context: WriteContext, leaseId: number, settlement: Settlement, returned: number): void {
  const lease = context.sql.get<EndingLease>(selectLease, leaseId);
  if (!lease) return;
  const released = settlement.release ? release(context, leaseId, lease) : 0;
  if (lease.site) teachSite(context, lease.site, settlement, returned + released);
}

function kindOf(site: string | null): 'attempt' | 'overdue' {
  return site === null ? 'overdue' : 'attempt';
}

/** The recipient after what an outcome changes beside its state: its lane or its deadline. */
function moved(
  context: WriteContext,
  recipient: Recipient,
  outcome: Settlement['outcomes'][number],
): Recipient {
  const { sql, now } = context;
  if (outcome.status === 'delayed') {
    sql.run('UPDATE mb_recipient SET deadline = ? WHERE id = ?', recipient.expires, recipient.id);
  }
  if (outcome.status !== 'rerouted') return recipient;
  const select = 'SELECT tenant, priority FROM mb_lane WHERE id = ?';
  const lane = openLane(context, outcome.site, sql.get<LaneKey>(select, recipient.lane)!, now);
  sql.run('UPDATE mb_recipient SET lane = ? WHERE id = ?', lane, recipient.id);
  return { ...recipient, lane };
}

function acceptBounce(context: WriteContext, record: MessageRecord, recipients: readonly string[]): string {
  const { messageId } = acceptMessage(context, record);
  for (const id of recipients) {
    const recipient = readRecipient(context, id);
    if (!recipient) continue;
    logRecipient(
      context,
      'bounced',
      recipient,
      recipient.attempts,
      JSON.stringify({ bounceMessageId: messageId }),
    );
  }
  return messageId;
}

/** Ends a lease; returns how many recipients were not attempted. */
function release(context: WriteContext, leaseId: number, { site, holds }: EndingLease): number {
  let returned = 0;
  for (const recipient of holds ? recipientsOfLease(context, leaseId) : []) {
    const change = changeByRelease(recipient, kindOf(site));
    if (change.events[0] === 'returned') returned++;
    applyChange(context, recipient, change, null);
  }
  context.sql.run('DELETE FROM mb_lease WHERE id = ?', leaseId);
  return returned;
}

/** Writes what the connection showed about its site, and when the site is ready next. */
function teachSite(
  context: WriteContext,
  name: string,
  { feedback, learned, release: released }: Settlement,
  returned: number,
): void {
  const found = readBusySite(context, name);
  if (!found) return;
  const { site, lanes, open } = found;
  // The connection that reports counts as open, even if it has just ended.
  const connections = open.count + Number(released);
  const pacing = feedback
    ? applyFeedback(site.pacing, feedback, site.limits, connections, context.now)
    : site.pacing;
  const arrivals = returnToRates(site.limits.rates, site.arrivals, returned);
  const changed = { ...site, pacing, arrivals };
  writeSite(context, changed, readyAt(changed, lanes, open), learned && mergeLearned(site.learned, learned));
}

/** Returns the recipients of expired leases to the queue; returns how many there were. */
export function reap(context: WriteContext): number {
  const { sql, now } = context;
  const leases = sql.all<Lease>(
    'SELECT id, site, worker FROM mb_lease WHERE expires <= ? ORDER BY expires LIMIT ?',
    now,
    reapBatch,
  );
  let count = 0;
  for (const lease of leases) {
    const detail = JSON.stringify({ reason: 'lease-lost', worker: lease.worker });
    for (const recipient of recipientsOfLease(context, lease.id)) {
      const change = changeByLostLease(recipient, recipient.onUnknown, kindOf(lease.site));
      applyChange(context, recipient, change, change.events.length > 0 ? detail : null);
      count++;
    }
    sql.run('DELETE FROM mb_lease WHERE id = ?', lease.id);
    const site = lease.site === null ? undefined : readSite(context, lease.site);
    if (site) writeSite(context, site, siteReady(context, site));
  }
  return count;
}

/** Extends leases; returns those that exist. */
export function heartbeat(
  { sql, now }: WriteContext,
  leaseIds: readonly LeaseId[],
  leaseMs: number,
): LeaseId[] {
  const prolong = 'UPDATE mb_lease SET expires = ? WHERE id = ?';
  return leaseIds.filter((id) => sql.run(prolong, now + leaseMs, leaseNumber(id)).changes > 0);
}
