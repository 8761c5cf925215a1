import { allRecipients } from './invariants.ts';
import { tenantCoverage } from './tenants.ts';
import type { RunRecord } from './world.ts';

/** What runs went through: how often each thing happened, by the name that a person reads. */
export type Coverage = Map<string, number>;

/** What one run went through: the faults it met, what happened to it, and how its recipients ended. */
export async function coverageOf(record: RunRecord): Promise<Coverage> {
  const { hosts, scenario, acceptances, accepted, processes, happened } = record;
  const coverage: Coverage = new Map(happened);
  const add = (what: string, times: number) => coverage.set(what, (coverage.get(what) ?? 0) + times);
  for (const { met } of hosts) for (const [trouble, times] of met) add(`host: ${trouble}`, times);
  for (const { kind } of scenario.events) add(`event: ${kind}`, 1);
  for (const what of tenantCoverage(scenario.tenants, acceptances)) add(what, 1);
  add('processes', processes.length);
  add('messages accepted', accepted.size);
  add(
    'handed over',
    acceptances.reduce((sum, { recipients }) => sum + recipients.length, 0),
  );
  add('handed over without a reply', acceptances.filter(({ replied }) => !replied).length);
  for (const { state, attempts } of await allRecipients(record.store)) {
    add('recipients', 1);
    add(`recipients: ${state}`, 1);
    add('attempts that counted', attempts);
  }
  return coverage;
}

/** Adds what one run went through to what others did. */
export function addCoverage(total: Coverage, one: Iterable<readonly [string, number]>): void {
  for (const [what, times] of one) total.set(what, (total.get(what) ?? 0) + times);
}

/** A line for each kind of thing: `host: refused 12 · silent 3`. */
export function formatCoverage(coverage: Coverage): string {
  const groups = new Map<string, string[]>();
  for (const [what, times] of [...coverage].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const [group, name] = what.includes(': ') ? (what.split(': ') as [string, string]) : ['in all', what];
    groups.set(group, [...(groups.get(group) ?? []), `${name} ${times.toLocaleString('en')}`]);
  }
  return [...groups].map(([group, items]) => `${group}: ${items.join(' · ')}`).join('\n');
}
