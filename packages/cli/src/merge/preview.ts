import { type Explanation, formatExplanation, type MailBroker } from '@mb/broker';
import { formatAddress, type Message } from '@mb/mime';
import { colors as pc } from '../colors.ts';
import { exitCodeOf } from '../exit-code.ts';
import { jsonLine, print } from '../output.ts';
import type { SendFlags } from '../send/flags.ts';
import { interruptible } from '../signals.ts';
import { fitLines, printable } from '../terminal.ts';
import type { MergedMessage } from './merged-message.ts';
import type { RecipientsFile } from './recipients-file.ts';
import { formatBadRows, formatPlan } from './report.ts';
import { decideRow, type RowPlan } from './row-plan.ts';
import { RowProblem } from './row-problem.ts';
import type { RowStates } from './row-states.ts';

/** What a preview needs. */
export interface PreviewParts {
  readonly file: RecipientsFile;
  readonly message: MergedMessage;
  readonly states: RowStates;
  readonly plan: RowPlan;
  readonly broker: MailBroker;
}

/** `--dry-run` of a mail merge: prints how many rows would be sent, and the first messages with their routes. */
export async function previewRows(
  { file, message, states, plan, broker }: PreviewParts,
  flags: SendFlags,
): Promise<void> {
  const { preview = 3, json, quiet, requireTls = false, resendUnknown = false, timeout } = flags;
  const interruption = interruptible(undefined);
  const failures: { status: string }[] = [];
  let shown = 0;
  try {
    if (!json && !quiet)
      print(`${formatPlan(file.path, plan)}\n${plan.bad > 0 ? `${formatBadRows(plan)}\n` : ''}`);
    for await (const row of file.rows()) {
      if (shown >= preview) break;
      if (!['send', 'again'].includes(decideRow(states.get(row.row), resendUnknown))) continue;
      let merged: ReturnType<MergedMessage['compose']>;
      try {
        message.check(row);
        merged = message.compose(row);
      } catch (error) {
        if (error instanceof RowProblem) continue;
        throw error;
      }
      shown += 1;
      const explanation = await broker.explain(merged.message, {
        requireTls,
        signal: interruption.signal,
        ...(timeout !== undefined && { timeoutMs: timeout * 1000 }),
      });
      for (const { failure } of explanation.deliveries) {
        if (failure) failures.push({ status: failure.status === 'permanent' ? 'failed' : 'deferred' });
      }
      if (json) print(jsonLine(factsOf(row.row, merged.address, merged.message, explanation)));
      else if (!quiet) print(formatPreview(row.row, merged.message, explanation));
    }
  } finally {
    interruption.end();
  }
  process.exitCode = exitCodeOf(failures);
  if (json) print(jsonLine({ exitCode: process.exitCode, ...plan }));
}

function factsOf(row: number, address: string, message: Message, explanation: Explanation) {
  const { subject, text, html } = message;
  return { row, address, ...(subject !== undefined && { subject }), text, html, explanation };
}

function formatPreview(row: number, message: Message, explanation: Explanation): string {
  const { to, subject, text, html } = message;
  const [recipient] = to as readonly [{ readonly address: string; readonly name?: string }];
  const body = text ?? html ?? '';
  return `${[
    '',
    pc.bold(`Row ${row}`),
    `To: ${printable(formatAddress(recipient))}`,
    `Subject: ${printable(subject ?? '')}`,
    '',
    ...body
      .trimEnd()
      .split(/\r?\n/)
      .map((line) => `  ${printable(line)}`),
    '',
  ].join('\n')}\n${fitLines(formatExplanation(explanation).trimEnd().split('\n'))}`;
}
