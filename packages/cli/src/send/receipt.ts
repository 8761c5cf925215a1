import type { RecipientOutcome } from '@mb/broker';
import { colors as pc } from '../colors.ts';
import { printable, printableLines, terminalWidth, wrap } from '../terminal.ts';

type Status = RecipientOutcome['status'];

const SIGNS: Readonly<Record<Status, string>> = {
  delivered: pc.green('✓'),
  deferred: pc.yellow('…'),
  failed: pc.red('✗'),
  unknown: pc.yellow('?'),
};

/** Advice for each status. */
const ADVICE: Readonly<Record<Exclude<Status, 'delivered'>, string>> = {
  deferred: 'Not delivered. Try again later.',
  failed: 'Not delivered. Trying again does not help.',
  unknown: 'Possibly delivered. Sending again may deliver it twice.',
};

/** Formats the outcome of a recipient as a few lines. */
export function formatReceipt(outcome: RecipientOutcome, width = terminalWidth()): string {
  const { recipient, status } = outcome;
  const lines = [`${SIGNS[status]} ${pc.bold(printable(recipient))}  ${status}`];
  const say = (text: string) => lines.push(wrap(printable(text), '    ', width));
  const session = [outcome.host && formatHost(outcome), outcome.tls && formatTls(outcome.tls)].filter(
    Boolean,
  );
  if (session.length > 0) say(session.join(', '));
  // Keep the lines of the reply.
  if (outcome.reply) lines.push(wrap(printableLines(formatReply(outcome.reply)), '    ', width));
  if (status === 'delivered') return lines.join('\n');
  // A reason that repeats the code of the reply says nothing new.
  if (!outcome.reply || !outcome.reason.includes(String(outcome.reply.code))) say(outcome.reason);
  const facts =
    'category' in outcome ? ` (${outcome.category}, ${outcome.enhanced}, at ${outcome.stage})` : '';
  say(ADVICE[status] + facts);
  return lines.join('\n');
}

/** The number of recipients by status, and the Message-ID. */
export function formatSummary(outcomes: readonly RecipientOutcome[], messageId: string): string {
  const counts = Object.entries(countByStatus(outcomes)).map(([status, count]) => `${count} ${status}`);
  return `${counts.join(', ')}${messageId ? `\n${pc.dim(`Message-ID ${printable(messageId)}`)}` : ''}`;
}

/** Counts outcomes by status. */
export function countByStatus(outcomes: readonly RecipientOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function formatHost({ host, address }: RecipientOutcome): string {
  return address ? `${host} at ${address}` : String(host);
}

function formatTls({
  secure,
  protocol,
  cipher,
  verifiedBy,
  error,
}: NonNullable<RecipientOutcome['tls']>): string {
  if (!secure) return `not encrypted${error ? `: ${error}` : ''}`;
  const trust =
    verifiedBy === 'none'
      ? `certificate not verified${error === undefined ? '' : `: ${error}`}`
      : `verified by ${verifiedBy}`;
  return `${protocol} ${cipher}, ${trust}`;
}

function formatReply({ code, lines }: NonNullable<RecipientOutcome['reply']>): string {
  return `${code} ${lines.join('\n')}`;
}
