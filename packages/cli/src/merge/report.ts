import { colors as pc } from '../colors.ts';
import { plural } from '../plural.ts';
import { printable, wrap } from '../terminal.ts';
import type { RowResult } from './results-file.ts';
import type { BadRow, RowPlan } from './row-plan.ts';
import type { RowStatus } from './row-states.ts';

/** What the report of a run shows. */
export interface RunReport {
  readonly plan: RowPlan;
  readonly counts: Readonly<Partial<Record<RowStatus, number>>>;
  /** The first rows that were not delivered or queued. */
  readonly troubles: readonly RowResult[];
  /** Rows that were not started, because the run was stopped. */
  readonly left: number;
  readonly results: string;
}

const SIGNS: Readonly<Partial<Record<RowStatus, string>>> = {
  deferred: pc.yellow('…'),
  unknown: pc.yellow('?'),
  failed: pc.red('✗'),
  skipped: pc.red('✗'),
};

/** The plan of a run in one sentence. */
export function formatPlan(path: string, plan: RowPlan): string {
  const { rows, toSend, again, done, failed, unknown, bad } = plan;
  const facts = [
    `${toSend} to send${again > 0 ? ` (${again} of them again)` : ''}`,
    ...(done > 0 ? [`${done} done before`] : []),
    ...(failed > 0 ? [`${failed} refused before`] : []),
    ...(unknown > 0 ? [`${unknown} with an unknown outcome, not sent again`] : []),
    ...(bad > 0 ? [`${bad} left out`] : []),
  ];
  return wrap(`${printable(path)}: ${plural(rows, 'row')}; ${facts.join(', ')}.`, '');
}

/** Rows that cannot be sent, a line each. */
export function formatBadRows({ bad, badRows }: RowPlan): string {
  const lines = badRows.map(({ row, problem }: BadRow) => `  row ${row}: ${printable(problem)}`);
  return [...lines, ...(bad > badRows.length ? [`  and ${bad - badRows.length} more`] : [])].join('\n');
}

/** The report of a run, and how to continue. */
export function formatReport({ plan, counts, troubles, left, results }: RunReport): string {
  const order = ['delivered', 'queued', 'deferred', 'failed', 'unknown', 'skipped'] as const;
  const parts = order.filter((status) => counts[status]).map((status) => `${counts[status]} ${status}`);
  if (plan.done > 0) parts.push(`${plan.done} done before`);
  if (plan.failed > 0) parts.push(`${plan.failed} refused before`);
  if (left > 0) parts.push(`${left} not started`);
  const lines = troubles.map(
    ({ row, address, status, reply, reason }) =>
      `${SIGNS[status] ?? ' '} ${pc.bold(`row ${row}`)}  ${printable(`${address} ${status}`.trim())}\n${wrap(printable(reply ?? reason ?? ''), '    ')}`,
  );
  const more = (counts.deferred ?? 0) + (counts.failed ?? 0) + (counts.unknown ?? 0) + (counts.skipped ?? 0);
  if (more > troubles.length) lines.push(`  and ${more - troubles.length} more, see the results file`);
  return [
    ...lines,
    ...(lines.length > 0 ? [''] : []),
    wrap(parts.length > 0 ? parts.join(', ') : 'There was nothing to send', ''),
    pc.dim(`Results: ${printable(results)}`),
    ...advice(plan, counts, left).map((sentence) => wrap(sentence, '')),
  ].join('\n');
}

function advice(plan: RowPlan, counts: RunReport['counts'], left: number): string[] {
  const unknown = plan.unknown + (counts.unknown ?? 0);
  const again = left + (counts.deferred ?? 0);
  return [
    ...(again > 0
      ? [`To continue, run the same command again: it sends only the ${again} that remain.`]
      : []),
    ...(unknown > 0
      ? [`${unknown} may or may not have got the message; --resend-unknown sends to them again.`]
      : []),
  ];
}
