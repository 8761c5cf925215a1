import { type ExplainedReply, explainReply, parseReply, type Stage } from '@mb/broker';
import { Command, Option } from 'commander';
import { colors as pc } from '../colors.ts';
import { print, printJson } from '../output.ts';
import { readReplyRules } from '../send/reply-rules.ts';
import { printable, terminalWidth, wrap } from '../terminal.ts';

interface ExplainReplyFlags {
  readonly host?: string;
  readonly stage: Stage;
  readonly viaRelay?: true;
  readonly replyRules?: string;
  readonly json?: true;
}

const STAGES = [
  'connect',
  'greeting',
  'ehlo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'content',
  'final',
];

const EXAMPLES = `
Examples:
  mb explain-reply '550 5.1.1 No such user'
  mb explain-reply '421 Too many connections' --stage greeting --host mx.example.com
  mb explain-reply '550-5.7.1 Blocked' '550 5.7.1 See https://example.com/' --json

Exit codes:
  0   the reply was explained`;

/** `mb explain-reply REPLY`: prints the reply rule that matches, its source, and what follows. */
export function explainReplyCommand(): Command {
  return new Command('explain-reply')
    .description('explain what a reply of a mail host means and what follows')
    .argument('<reply...>', 'the reply; several lines as several arguments, or with \\n between them')
    .option('--host <name>', 'the mail exchanger that gave it; some rules apply to one provider only')
    .addOption(
      new Option('--stage <stage>', 'the command or phase that it answered').choices(STAGES).default('rcpt'),
    )
    .option('--via-relay', 'a relay gave it, about a recipient of another domain')
    .option('--reply-rules <file>', 'JSON list of reply rules to try first')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(reply: readonly string[], flags: ExplainReplyFlags): Promise<void> {
  const { host, stage, viaRelay = false, replyRules, json } = flags;
  const rules = replyRules === undefined ? [] : await readReplyRules(replyRules);
  const context = { stage, ...(host !== undefined && { host }), ...(viaRelay && { relay: true }) };
  const explained = explainReply(parseReply(reply.join('\n')), context, rules);
  if (json) printJson({ exitCode: 0, ...explained });
  else print(formatExplainedReply(explained));
}

/** The explanation as text. */
function formatExplainedReply({ classification, rule, own, consequence }: ExplainedReply): string {
  const width = terminalWidth();
  const line = (name: string, text: string) => `${name.padEnd(10)}${printable(text)}\n`;
  return [
    `${pc.bold(classification.category)}\n`,
    line('Concerns', classification.scope),
    line('Action', classification.action),
    `${wrap(printable(consequence), ' '.repeat(10), width)}\n`,
    line('Rule', `${rule.id}${own ? ' (your own)' : ''}`),
    ...(rule.source === undefined ? [] : [line('Source', rule.source)]),
  ].join('');
}
