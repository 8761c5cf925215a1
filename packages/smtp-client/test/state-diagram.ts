import {
  ENVELOPE,
  ENVELOPE_FACTS,
  LOSS,
  REPLIES,
  replyClasses,
  SESSION,
  WRITER,
} from '../src/protocol/session/transitions.ts';

/** The page docs/smtp-states.md, from the tables themselves. */
export function formatStatePage(): string {
  return `# The states of an SMTP session

Generated from \`packages/smtp-client/src/protocol/session/transitions.ts\`; after a change there run
\`vitest run -u src/protocol/session/state-page.test.ts\` in \`packages/smtp-client\`. What is not drawn is illegal.

## The connection

A reply is \`positive\` (2yz), \`intermediate\` (3yz), \`transient\` (4yz), \`permanent\` (5yz), \`not-implemented\`
(500, 502, 504) or \`service-closing\` (421). \`lost\` is an end of stream, a reset, a timeout, garbage or an abort.

${formatDiagram(SESSION, 'greeting', 'closed')}

## Writing one transaction

Transactions are written one after the other: at most one is in \`envelope\`, \`go-ahead\` or \`content\`.

${formatDiagram(WRITER, 'waiting', 'over')}

When the connection is lost, recipients without an answer are:

| State of their transaction | Result |
| --- | --- |
${Object.entries(LOSS)
  .map(
    ([state, result]) =>
      `| ${state} | ${result === 'unknown' ? '**unknown**' : 'deferred: certainly not accepted'} |`,
  )
  .join('\n')}

## One transaction on the server's side

What the replies read so far have made of it. A transaction is open until it is \`over\` above and its last reply was
read.

${formatDiagram(ENVELOPE, 'unanswered')}

| State | A reply was read | MAIL was refused | It is written again | The server is confused |
| --- | --- | --- | --- | --- |
${Object.entries(ENVELOPE_FACTS)
  .map(
    ([state, facts]) =>
      `| ${state} | ${[facts.answered, facts.refused, facts.rewritten, facts.confused].map((holds) => (holds ? 'yes' : '')).join(' | ')} |`,
  )
  .join('\n')}

## What a reply means

Void stages belong to a transaction that cannot deliver to any recipient any more and whose commands were already
written.

| Stage | ${replyClasses.join(' | ')} |
| --- | ${replyClasses.map(() => '---').join(' | ')} |
${Object.entries(REPLIES)
  .map(
    ([stage, row]) =>
      `| ${stage} | ${replyClasses.map((name) => (row[name] === 'never' ? '' : row[name])).join(' | ')} |`,
  )
  .join('\n')}
`;
}

/** One Mermaid diagram; inputs with the same source and target share an arrow. */
function formatDiagram(
  table: Readonly<Record<string, Readonly<Record<string, string>>>>,
  first: string,
  last?: string,
): string {
  const arrows = new Map<string, string[]>();
  for (const [state, row] of Object.entries(table)) {
    for (const [input, next] of Object.entries(row)) {
      const arrow = `${label(state)} --> ${label(next)}`;
      arrows.set(arrow, [...(arrows.get(arrow) ?? []), input]);
    }
  }
  const lines = Array.from(arrows, ([arrow, inputs]) => `  ${arrow}: ${inputs.join(', ')}`);
  return [
    '```mermaid',
    'stateDiagram-v2',
    `  [*] --> ${label(first)}`,
    ...lines,
    ...(last === undefined ? [] : [`  ${label(last)} --> [*]`]),
    '```',
  ].join('\n');
}

/** Mermaid takes no hyphen in a state's name. */
function label(state: string): string {
  return state.replaceAll('-', '_');
}
