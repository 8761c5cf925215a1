import { type Finding, type FindingSeverity, formatPublishedRecord } from '@mb/dns';
import { colors } from '../colors.ts';
import { printable, wrap } from '../terminal.ts';

const marks: Readonly<Record<FindingSeverity, string>> = {
  ok: colors.green('ok     '),
  info: colors.cyan('info   '),
  warning: colors.yellow('warning'),
  error: colors.red('error  '),
};

const order: readonly FindingSeverity[] = ['error', 'warning', 'info', 'ok'];

/** Findings as text, the gravest first; each fix and each record to publish on a line of its own. */
export function formatFindings(domain: string, findings: readonly Finding[]): string {
  const lines = [colors.bold(`Sending as ${printable(domain)}`), ''];
  for (const severity of order) {
    for (const finding of findings.filter((candidate) => candidate.severity === severity)) {
      lines.push(...formatFinding(finding));
    }
  }
  const count = (severity: FindingSeverity) =>
    findings.filter((finding) => finding.severity === severity).length;
  lines.push(
    '',
    `${count('error')} errors, ${count('warning')} warnings, ${count('info')} remarks, ${count('ok')} passed`,
  );
  return `${lines.join('\n')}\n`;
}

function formatFinding({ check, severity, message, evidence, fix, publish }: Finding): string[] {
  const lines = [`${marks[severity]} ${check.padEnd(8)} ${printable(message)}`];
  if (severity !== 'ok') {
    for (const line of evidence) lines.push(colors.dim(`        ${printable(line)}`));
  }
  if (fix !== undefined) lines.push(`        → ${wrap(printable(fix), '          ').trimStart()}`);
  if (publish !== undefined) lines.push(`          ${printable(formatPublishedRecord(publish))}`);
  return lines;
}
