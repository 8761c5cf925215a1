import type { RecipientOutcome } from '@mb/broker';
import pc from 'picocolors';
import { printable, terminalWidth, wrap } from '../terminal.ts';

type Status = RecipientOutcome['status'];

const SIGNS: Readonly<Record<Status, string>> = {
  delivered: pc.green('✓'),
  deferred: pc.yellow('…'),
  failed: pc.red('✗'),
  unknown: pc.yellow('?'),
};

const WORDS: Readonly<Record<Status, string>> = {
  delivered: 'delivered',
  deferred: 'deferred: not delivered, may be later',
  failed: 'failed: trying again changes nothing',
  unknown: 'unknown: may have been delivered, a repetition may arrive twice',
};

/** What became of one recipient, in a few lines. */
export function formatReceipt(outcome: RecipientOutcome, width = terminalWidth()): string {
  const { recipient, status } = outcome;
  const lines = [`${SIGNS[status]} ${pc.bold(printable(recipient))}  ${WORDS[status]}`];
  const session = [outcome.host && formatHost(outcome), outcome.tls && formatTls(outcome.tls)]
    .filter(Boolean)
    .join(', ');
  if (session) lines.push(wrap(printable(session), '    ', width));
  if (outcome.reply) lines.push(wrap(printable(formatReply(outcome.reply)), '    ', width));
  if (status !== 'delivered') {
    // Beside the reply itself, a sentence that the server refused with this code says nothing new.
    const reason = printable(outcome.reason);
    if (!outcome.reply || !reason.includes(String(outcome.reply.code)))
      lines.push(wrap(reason, '    ', width));
    if ('category' in outcome)
      lines.push(pc.dim(`    ${outcome.category}, ${outcome.enhanced}, at ${outcome.stage}`));
  }
  return lines.join('\n');
}

/** How many recipients ended how. */
export function formatSummary(outcomes: readonly RecipientOutcome[], messageId: string): string {
  const counts = Object.entries(countByStatus(outcomes)).map(([status, count]) => `${count} ${status}`);
  return `${counts.join(', ')}${messageId ? `  ${pc.dim(`Message-ID ${printable(messageId)}`)}` : ''}`;
}

export function countByStatus(outcomes: readonly RecipientOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function formatHost({ host, address }: RecipientOutcome): string {
  return address ? `${host} [${address}]` : String(host);
}

function formatTls({
  secure,
  protocol,
  cipher,
  verifiedBy,
  error,
}: NonNullable<RecipientOutcome['tls']>): string {
  if (!secure) return `not encrypted${error ? ` (${error})` : ''}`;
  const trust =
    verifiedBy === 'none'
      ? `certificate not verified (${error ?? 'nobody asked'})`
      : `verified by ${verifiedBy}`;
  return `${protocol} ${cipher}, ${trust}`;
}

function formatReply({ code, lines }: NonNullable<RecipientOutcome['reply']>): string {
  return `${code} ${lines.join('\n')}`;
}
