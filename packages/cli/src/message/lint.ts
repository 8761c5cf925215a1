import { type LintFinding, lintMessage } from '@mb/broker/lint';
import { Command } from 'commander';
import { colors as pc } from '../colors.ts';
import { processTerminal, type ResolverFlags, resolverFlags, resolverFor } from '../dns/terminal.ts';
import { print, printJson } from '../output.ts';
import { plural } from '../plural.ts';
import { readInput } from '../send/file.ts';
import { printable, terminalWidth, wrap } from '../terminal.ts';

interface LintFlags extends ResolverFlags {
  readonly transactional?: true;
  /** False with --no-dns. */
  readonly dns: boolean;
}

const EXAMPLES = `
Examples:
  mb message lint newsletter.eml
  mb message lint receipt.eml --transactional
  mb message lint draft.eml --no-dns --json | jq '.findings[] | select(.severity != "ok")'

Checks what large receivers require of bulk senders: a DKIM signature by the domain of From, a DMARC
policy, one-click unsubscribe, valid From, Date and Message-ID, line lengths, size, plain text beside HTML.
Exit codes: 0 no warnings, 1 warnings, 2 errors.`;

/** `mb message lint FILE`: checks what large receivers require of bulk mail, and says what to change. */
export function lintCommand(): Command {
  const command = new Command('lint')
    .description('check a message against what large receivers require of bulk mail')
    .argument('[file]', 'the message, - for standard input', '-')
    .option('--transactional', 'the message is not bulk mail and needs no unsubscribe link')
    .option('--no-dns', 'no DNS lookups: skip DKIM and DMARC');
  for (const option of resolverFlags()) command.addOption(option);
  return command.addHelpText('after', EXAMPLES).action(async (path: string, flags: LintFlags) => {
    const octets = await readInput('file', path);
    const { findings } = await lintMessage(octets, {
      resolver: flags.dns ? resolverFor(flags, processTerminal) : undefined,
      transactional: flags.transactional,
    });
    process.exitCode = exitCodeFor(findings);
    if (flags.json) printJson({ exitCode: process.exitCode, findings });
    else print(formatLint(findings));
  });
}

function exitCodeFor(findings: readonly LintFinding[]): number {
  if (findings.some(({ severity }) => severity === 'error')) return 2;
  return findings.some(({ severity }) => severity === 'warning') ? 1 : 0;
}

const MARKS: Readonly<Record<LintFinding['severity'], string>> = {
  error: pc.red('✗'),
  warning: pc.yellow('!'),
  ok: pc.green('✓'),
};

function formatLint(findings: readonly LintFinding[], width = terminalWidth()): string {
  const count = (wanted: LintFinding['severity']) =>
    findings.filter(({ severity }) => severity === wanted).length;
  const lines = (['error', 'warning', 'ok'] as const).flatMap((wanted) =>
    findings
      .filter(({ severity }) => severity === wanted)
      .flatMap(({ check, severity, message, fix }) => [
        `${MARKS[severity]} ${wrap(printable(`${check}: ${message}`), '  ', width).trimStart()}`,
        ...(fix === undefined ? [] : [wrap(printable(`→ ${fix}`), '    ', width)]),
      ]),
  );
  const counts = [
    plural(count('error'), 'error'),
    plural(count('warning'), 'warning'),
    `${count('ok')} passed`,
  ];
  lines.push('', counts.join(', '));
  return `${lines.join('\n')}\n`;
}
