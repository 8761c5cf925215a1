import { type Finding, type FindingSeverity, formatPublishedRecord } from '@mb/dns';
import { colors } from '../colors.ts';
import { plural } from '../plural.ts';
import { hanging, printable, terminalWidth, wrap } from '../terminal.ts';

const marks: Readonly<Record<FindingSeverity, string>> = {
  ok: colors.green('ok     '),
  info: colors.cyan('info   '),
  warning: colors.yellow('warning'),
  error: colors.red('error  '),
};

const order: readonly FindingSeverity[] = ['error', 'warning', 'info', 'ok'];

/** Findings as text, the most serious first; each fix and each record to publish has its own line. */
export function formatFindings(
  domain: string,
  findings: readonly Finding[],
  width = terminalWidth(),
): string {
  const lines = [colors.bold(`Sending as ${printable(domain)}`), ''];
  for (const severity of order) {
    for (const finding of findings.filter((candidate) => candidate.severity === severity)) {
      lines.push(...formatFinding(finding, width));
    }
  }
  const count = (severity: FindingSeverity) =>
    findings.filter((finding) => finding.severity === severity).length;
  const counts = [
    plural(count('error'), 'error'),
    plural(count('warning'), 'warning'),
    plural(count('info'), 'remark'),
    `${count('ok')} passed`,
  ];
  lines.push('', counts.join(', '));
  return `${lines.join('\n')}\n`;
}

/** A line of evidence, which keeps the indentation of a tree. */
function formatEvidence(line: string, width: number): string {
  const indent = ' '.repeat(8 + line.length - line.trimStart().length);
  return wrap(line.trimStart(), indent, width);
}

/** Columns of the severity and the name of the check. */
const labelWidth = 17;

function formatFinding(
  { check, severity, message, evidence, fix, publish }: Finding,
  width: number,
): string[] {
  const label = `${marks[severity]} ${check.padEnd(8)} `;
  const lines = [hanging(label, labelWidth, printable(message), width)];
  if (severity !== 'ok') {
    for (const line of evidence) lines.push(colors.dim(formatEvidence(printable(line), width)));
  }
  if (fix !== undefined) lines.push(hanging('        → ', 10, printable(fix), width));
  // Not wrapped, so that it can be copied into a zone file.
  if (publish !== undefined) lines.push(`          ${printable(formatPublishedRecord(publish))}`);
  return lines;
}
