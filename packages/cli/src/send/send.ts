import { createHash } from 'node:crypto';
import {
  type BrokerOptions,
  formatExplanation,
  MailBroker,
  type ReadyMessage,
  type RecipientOutcome,
  type SendOptions,
} from '@mb/broker';
import { composeMessage, type HeaderBlock, type Message, readAuthor } from '@mb/mime';
import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { exitCodeOf, exitCodes } from '../exit-code.ts';
import { notice, print, printJson, warn } from '../output.ts';
import { type Interruption, interruptible } from '../signals.ts';
import { fitLines } from '../terminal.ts';
import { brokerOptions, willSign } from './broker-options.ts';
import { Draft, editorFromEnvironment } from './draft.ts';
import { readInput } from './file.ts';
import type { SendFlags } from './flags.ts';
import { authorDomain, readMessage } from './message-flags.ts';
import type { PreparedMessage } from './prepared-message.ts';
import { type Progress, silent, statusLine, watchSessions } from './progress.ts';
import { refuseQueueFlags } from './queue-flags.ts';
import { readReadyMessage } from './ready-message.ts';
import { countByStatus, formatReceipt, formatSummary } from './receipt.ts';

/** Composes or reads a message, signs and delivers it, and prints the outcome of every recipient. */
export async function send(flags: SendFlags, command: Command): Promise<void> {
  if (flags.eml !== undefined && command.getOptionValueSource('from') === 'cli') {
    throw new CliError(
      'MB_CLI_USAGE',
      '--from cannot change the message of --eml; for the return path give --envelope-from.',
    );
  }
  if (flags.toFile === undefined) refuseMergeFlags(command);
  if (!wantsEditor(flags)) return sendOrMerge(flags);
  const draft = await writeDraft(flags);
  const { textFile: _, ...rest } = flags;
  try {
    await sendOrMerge({ ...rest, text: draft.text });
  } finally {
    // Keep the text unless it was sent.
    const arrived = process.exitCode === exitCodes.ok && !flags.dryRun;
    if (arrived) await draft.discard();
    else notice(`Your text is in ${draft.path}; send it with --text-file.`);
  }
}

async function sendOrMerge(flags: SendFlags): Promise<void> {
  if (flags.toFile === undefined) return sendOne(flags);
  const { sendToFile } = await import('../merge/command.ts');
  return sendToFile(flags.toFile, flags, warn);
}

async function sendOne(flags: SendFlags): Promise<void> {
  const prepared = await prepare(flags);
  if (prepared.recipients === 0) throw noRecipient();
  if (flags.queue) {
    const { enqueue } = await import('./enqueue.ts');
    return enqueue(prepared, flags, warn);
  }
  refuseQueueFlags(flags);
  const options = await brokerOptions(flags, prepared.authorDomain, warn);
  if (flags.dryRun) return explain(prepared.message, options, flags);
  let progress = silent;
  const broker = new MailBroker(options);
  broker.observe((seen) => seen.type === 'line' && progress.onLine(seen.line), { types: ['line'] });
  const { authorDomain: domain } = prepared;
  const signed = await willSign(options, { authorDomain: domain, tenant: flags.tenant });
  if (!signed && !flags.quiet && !flags.json && flags.dev === undefined) {
    warn(
      'The message is not signed; many receivers reject unsigned mail. Give --dkim-key and --dkim-selector.',
    );
  }
  progress = chooseProgress(flags, prepared.recipients);
  const interruption = interruptible(flags.timeout);
  let outcomes: RecipientOutcome[];
  try {
    outcomes = await broker.send(prepared.message, sendOptions(flags, interruption));
  } finally {
    interruption.end();
    progress.end();
  }
  printOutcomes(outcomes, prepared.messageId, flags);
  process.exitCode = exitCodeOf(outcomes);
}

/** Whether to open an editor: with --edit, or without a body on a terminal if VISUAL or EDITOR is set. */
function wantsEditor({ eml, edit, text, textFile, html, htmlFile, alternative }: SendFlags): boolean {
  if (edit && eml === undefined) return true;
  const bodies = [eml, text, textFile, html, htmlFile, alternative];
  const onTerminal = process.stdin.isTTY && process.stdout.isTTY;
  return bodies.every((body) => body === undefined) && onTerminal && editorFromEnvironment() !== undefined;
}

/** Opens the editor for the body, after all flags were checked, so that a wrong flag loses no text. */
async function writeDraft(flags: SendFlags): Promise<Draft> {
  const { text, textFile, toFile, to = [], cc = [], bcc = [], from = '', subject = '' } = flags;
  if (toFile === undefined) {
    const { textFile: _, ...rest } = flags;
    const { envelope } = composeMessage(await readMessage({ ...rest, text: 'x' }));
    if (envelope.to.length === 0) throw noRecipient();
  }
  const before =
    textFile === undefined ? (text ?? '') : (await readInput('--text-file', textFile)).toString();
  const recipients = [...to, ...cc, ...bcc, ...(toFile === undefined ? [] : [`all of ${toFile}`])];
  return Draft.write(before, [`From: ${from}`, `To: ${recipients.join(', ')}`, `Subject: ${subject}`]);
}

function noRecipient(): CliError {
  return new CliError(
    'MB_CLI_USAGE',
    'The message has no recipient. Give --to "Bob <bob@example.org>", --cc, --bcc or --to-file.',
  );
}

/** --dry-run: prints the plan, and sets the exit code to the outcome as far as it is known in advance. */
async function explain(
  message: Message | ReadyMessage,
  options: BrokerOptions,
  flags: SendFlags,
): Promise<void> {
  const interruption = interruptible(undefined);
  try {
    const explanation = await new MailBroker(options).explain(message, {
      ...sendOptions(flags, interruption),
      ...(flags.timeout !== undefined && { timeoutMs: flags.timeout * 1000 }),
    });
    const failures = explanation.deliveries.flatMap(({ failure }) => failure ?? []);
    process.exitCode = exitCodeOf(
      failures.map(({ status }) => ({ status: status === 'permanent' ? 'failed' : 'deferred' })),
    );
    if (flags.json) printJson({ exitCode: process.exitCode, ...explanation });
    else if (!flags.quiet) print(fitLines(formatExplanation(explanation).trimEnd().split('\n')));
  } finally {
    interruption.end();
  }
}

function sendOptions({ requireTls, tenant }: SendFlags, { signal }: Interruption): SendOptions {
  return { signal, requireTls: requireTls ?? false, tenant };
}

const MERGE_FLAGS = ['toColumn', 'onBadRow', 'results', 'resendUnknown', 'acceptChanges', 'preview'];

/** Refuses flags of a mail merge without one; in a configuration they apply to later merges. */
function refuseMergeFlags(command: Command): void {
  const given = command.options.find((option) => {
    const name = option.attributeName();
    return MERGE_FLAGS.includes(name) && command.getOptionValueSource(name) === 'cli';
  });
  if (given) throw new CliError('MB_CLI_USAGE', `${given.long} is for a mail merge; add --to-file.`);
}

/** The domain of the first author; the broker checks it again. */
function domainOfAuthor(headers: HeaderBlock): string {
  const reading = readAuthor(headers);
  return reading.status === 'found' ? reading.domain : (reading.mailboxes[0]?.domain ?? '');
}

/** Reads the message and what must be known before it is sent. */
async function prepare(flags: SendFlags): Promise<PreparedMessage> {
  if (flags.eml !== undefined) {
    const { message, headers } = await readReadyMessage(flags.eml, flags);
    const recipients = message.envelope.to.length;
    const messageId = headers.get('Message-ID') ?? '';
    return { message, messageId, recipients, authorDomain: domainOfAuthor(headers) };
  }
  const message = await readMessage(flags);
  // Composing now fixes the Message-ID and finds every mistake before anything is sent.
  const { messageId, envelope, author } = composeMessage(withStableId(message, flags));
  const fixed = { ...message, messageId };
  return {
    message: fixed,
    messageId,
    recipients: envelope.to.length,
    authorDomain: author.domain,
  };
}

/**
 * Derives the Message-ID from the idempotency key, so that a repeated command makes the same message.
 */
function withStableId(
  message: Message,
  { idempotencyKey, messageId, tenant = '', from = '' }: SendFlags,
): Message {
  if (idempotencyKey === undefined || messageId !== undefined) return message;
  const digest = createHash('sha256')
    .update(JSON.stringify([tenant, idempotencyKey]))
    .digest('hex');
  return { ...message, messageId: `${digest.slice(0, 32)}@${authorDomain(from)}` };
}

function chooseProgress({ watch, json, quiet }: SendFlags, recipients: number): Progress {
  if (watch) return watchSessions(Date.now());
  return json || quiet || !process.stderr.isTTY ? silent : statusLine(recipients, Date.now());
}

function printOutcomes(
  outcomes: readonly RecipientOutcome[],
  messageId: string,
  { json, quiet, watch }: SendFlags,
): void {
  if (json) {
    // Transcripts are long; the object has them only with --watch.
    const recipients = watch ? outcomes : outcomes.map(({ transcript: _, ...rest }) => rest);
    const result = { exitCode: exitCodeOf(outcomes), messageId, counts: countByStatus(outcomes), recipients };
    printJson(result);
  } else if (!quiet) {
    for (const outcome of outcomes) console.log(formatReceipt(outcome));
    console.log(`\n${formatSummary(outcomes, messageId)}`);
  } else {
    for (const outcome of outcomes) if (outcome.status !== 'delivered') notice(formatReceipt(outcome));
  }
}
