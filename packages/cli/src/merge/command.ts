import { basename } from 'node:path';
import { type BrokerOptions, MailBroker, MailQueue } from '@mb/broker';
import type { Attachment, Message } from '@mb/mime';
import { CliError } from '../errors.ts';
import { withStore } from '../queue/store.ts';
import { brokerOptions, willSign } from '../send/broker-options.ts';
import { readDkimKey } from '../send/dkim-key.ts';
import { enqueueOptions } from '../send/enqueue.ts';
import type { SendFlags } from '../send/flags.ts';
import { authorDomain, readMessage } from '../send/message-flags.ts';
import { refuseQueueFlags } from '../send/queue-flags.ts';
import { formatMoment } from '../time.ts';
import { MergeRun } from './merge-run.ts';
import { MergedMessage } from './merged-message.ts';
import { PacedSender } from './paced-sender.ts';
import { previewRows } from './preview.ts';
import { QueueSender } from './queue-sender.ts';
import { RecipientsFile } from './recipients-file.ts';
import { formatBadRows } from './report.ts';
import { ResultsFile, type RunFacts, type RunLine } from './results-file.ts';
import { planRows, type RowPlan } from './row-plan.ts';

/**
 * `mb send --to-file`: sends one message for each row, and records results in a file from which the next run continues.
 *
 * @throws {CliError} MB_CLI_RECIPIENTS, MB_CLI_RESULTS, MB_CLI_USAGE, MB_CLI_FILE: nothing was sent.
 */
export async function sendToFile(
  path: string,
  flags: SendFlags,
  warn: (text: string) => void,
): Promise<void> {
  if (!flags.queue) refuseQueueFlags(flags);
  const file = await RecipientsFile.open(path);
  const { to: [to, second] = [], ...common } = flags;
  if (second !== undefined) throw new CliError('MB_CLI_USAGE', 'With --to-file, give --to only once.');
  const base = await withContent(await readMessage(common));
  const recipient = {
    ...(to !== undefined && { to }),
    ...(flags.toColumn !== undefined && { toColumn: flags.toColumn }),
  };
  const message = new MergedMessage(base, recipient, file);
  const results = flags.results ?? defaultResults(path, flags);
  if (flags.dryRun) return preview(file, message, results, flags, warn);
  await run(file, message, await ResultsFile.open(results), flags, warn);
}

/** Reads attachments once for all messages. */
async function withContent(message: Message): Promise<Message> {
  if (!message.attachments) return message;
  const load = async (attachment: Attachment): Promise<Attachment> => {
    if (!('content' in attachment) || typeof attachment.content !== 'function') return attachment;
    const { content, size: _, ...rest } = attachment;
    const chunks: Uint8Array[] = [];
    for await (const chunk of content() as AsyncIterable<Uint8Array>) chunks.push(chunk);
    return { ...rest, content: new Uint8Array(Buffer.concat(chunks)) };
  };
  return { ...message, attachments: await Promise.all(message.attachments.map(load)) };
}

/**
 * The results file beside the recipients. Runs with --dev have their own, since their mail was not really delivered.
 */
function defaultResults(path: string, { dev }: SendFlags): string {
  return `${path.replace(/\.(csv|tsv|txt)$/i, '')}.${dev === undefined ? '' : 'dev-'}results.jsonl`;
}

async function preview(
  file: RecipientsFile,
  message: MergedMessage,
  results: string,
  flags: SendFlags,
  warn: (text: string) => void,
): Promise<void> {
  const { states, lastRun } = await ResultsFile.read(results);
  const plan = await planRows(file, message, states, flags.resendUnknown ?? false);
  refuseChanges(lastRun, runOf(file, message, flags), flags, file.path, results);
  refuseBadRows(plan, flags, file.path);
  const options = await brokerOptions(flags, authorDomain(flags.from ?? ''), warn);
  await previewRows({ file, message, states, plan, broker: new MailBroker(options) }, flags);
}

async function run(
  file: RecipientsFile,
  message: MergedMessage,
  results: ResultsFile,
  flags: SendFlags,
  warn: (text: string) => void,
): Promise<void> {
  try {
    const plan = await planRows(file, message, results.states, flags.resendUnknown ?? false);
    const line = runOf(file, message, flags);
    refuseChanges(results.lastRun, line, flags, file.path, results.path);
    refuseBadRows(plan, flags, file.path);
    const work = new MergeRun(file, message, results, plan, flags);
    if (flags.queue) await queueRows(work, line, flags, warn);
    else await deliverRows(work, line, flags, warn);
    work.report();
    if (file.digest !== line.recipients) {
      warn(
        `${file.path} was changed while it was read; some rows may have been sent from the old and some from the new file.`,
      );
    }
  } finally {
    await results.close();
  }
}

function runOf(file: RecipientsFile, message: MergedMessage, { queue, dev, store }: SendFlags): RunFacts {
  const target = queue ? `queue ${store?.identity}` : dev === undefined ? 'send' : 'dev';
  return { recipients: file.digest!, message: message.digest, target };
}

/** Refuses to continue a run with other recipients or another message by accident. @throws {CliError} MB_CLI_RESULTS */
function refuseChanges(
  before: RunLine | undefined,
  now: RunFacts,
  { acceptChanges }: SendFlags,
  path: string,
  results: string,
): void {
  if (!before) return;
  if ((before.target === 'dev') !== (now.target === 'dev')) {
    const message = `${results} has results of a run ${before.target === 'dev' ? 'with' : 'without'} --dev; give another --results.`;
    throw new CliError('MB_CLI_RESULTS', message);
  }
  if (acceptChanges) return;
  const changed = [
    ...(before.recipients === now.recipients ? [] : [basename(path)]),
    ...(before.message === now.message ? [] : ['the message']),
  ];
  if (changed.length === 0) return;
  const message = `Since ${results} was begun, ${changed.join(' and ')} changed. To send the remaining rows, add --accept-changes; to send all rows again, give another --results.`;
  throw new CliError('MB_CLI_RESULTS', message);
}

function refuseBadRows(plan: RowPlan, { onBadRow = 'stop' }: SendFlags, path: string): void {
  if (plan.bad === 0 || onBadRow === 'skip') return;
  const rows = plan.bad === 1 ? 'A row cannot be sent' : `${plan.bad} rows cannot be sent`;
  const message = `${path}: ${rows}, so nothing was sent. Correct the file, or skip such rows with --on-bad-row skip.\n${formatBadRows(plan)}\n`;
  throw new CliError('MB_CLI_RECIPIENTS', message);
}

async function deliverRows(
  work: MergeRun,
  line: RunFacts,
  flags: SendFlags,
  warn: (text: string) => void,
): Promise<void> {
  const options: BrokerOptions = await brokerOptions(flags, authorDomain(flags.from ?? ''), warn);
  const { tenant } = flags;
  const signed = await willSign(options, { authorDomain: authorDomain(flags.from ?? ''), tenant });
  if (!signed && !flags.quiet && !flags.json && flags.dev === undefined) {
    warn(
      'The messages are not signed; many receivers reject unsigned mail. Give --dkim-key and --dkim-selector.',
    );
  }
  const { concurrency, requireTls = false } = flags;
  await work.send(line, (_runId, write, note) => {
    const onError = (error: unknown) => note(`warning: ${(error as Error).message}`);
    const onPause = (site: string, until: number) => {
      note(`${site} asks for less mail; nothing is sent to it until ${formatMoment(until).slice(11)}.`);
    };
    return new PacedSender(options, {
      tenant,
      requireTls,
      write,
      onError,
      onPause,
      ...(concurrency !== undefined && { concurrency }),
    });
  });
}

async function queueRows(
  work: MergeRun,
  line: RunFacts,
  flags: SendFlags,
  warn: (text: string) => void,
): Promise<void> {
  const dkim = await readDkimKey(flags, authorDomain(flags.from ?? ''), warn);
  await withStore(flags, 'create', (store) => {
    const queue = new MailQueue({ store, ...(dkim && { dkim }) });
    const options = enqueueOptions(flags, dkim !== undefined);
    return work.send(line, (runId, write) => new QueueSender(queue, options, runId, write));
  });
}
