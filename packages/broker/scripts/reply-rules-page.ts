import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultReplyRules, type ReplyConditions, type ReplyRule } from '../src/index.ts';

/** The file that is generated. */
export const pagePath = join(import.meta.dirname, '../../../docs/reply-rules.md');

const front = `# Reply rules

What the broker makes of 4yz and 5yz replies: the default rules, in the order in which they are tried. The first that fits
decides. Generated from packages/broker/src/delivery/reply-rules.ts by \`pnpm --filter @mb/broker reply-rules\`; rules of
your own go in front of them, as \`delivery.replyRules\` (packages/broker/README.md). \`mb explain-reply\` says which one
fits a reply.

All conditions of a rule must hold; of several values one is enough. A phrase begins and ends at the edge of a word, in any
case, and \`*\` stands for any text. Mail addresses in a reply, and what follows the host in a URL, are not searched. A 4yz
reply stays temporary and a 5yz reply permanent, whatever the rule says.
`;

/** Longer lists of phrases are cut: the table is for reading, the data file for searching. */
const mostPhrases = 8;

/** The page as Markdown. */
export function writePage(): string {
  const rows = defaultReplyRules.map((rule, index) => row(rule, index + 1));
  const head =
    '| | Rule | When | Category | Scope | Action | Source |\n| --- | --- | --- | --- | --- | --- | --- |';
  return `${front}\n${head}\n${rows.join('\n')}\n`;
}

function row(rule: ReplyRule, position: number): string {
  const { id, category, scope, action, afterMs, source = '' } = rule;
  const minutes = afterMs === undefined ? '' : ` (${afterMs / 60_000} min)`;
  return `| ${position} | \`${id}\` | ${conditionsOf(rule)} | ${category} | ${scope} | ${action}${minutes} | ${source} |`;
}

function conditionsOf({ code, enhanced, stage, host, relay, shared, text }: ReplyConditions): string {
  const parts = [
    code !== undefined && `code ${list(code)}`,
    enhanced !== undefined && `enhanced ${list(enhanced)}`,
    stage !== undefined && `at ${list(stage)}`,
    host !== undefined && `host ${list(host)}`,
    relay !== undefined && (relay ? 'from a relay for other domains' : 'not from a relay for other domains'),
    shared !== undefined && (shared ? 'about several recipients' : 'about one recipient'),
    text !== undefined && `text ${list(text)}`,
  ];
  return parts.filter(Boolean).join('; ') || 'always';
}

function list(value: string | number | readonly (string | number)[]): string {
  const values = [value].flat();
  const shown = values.slice(0, mostPhrases).map((one) => `\`${String(one).replaceAll('|', '\\|')}\``);
  const more = values.length > mostPhrases ? `, and ${values.length - mostPhrases} more` : '';
  return shown.join(', ') + more;
}

if (import.meta.main) writeFileSync(pagePath, writePage());
