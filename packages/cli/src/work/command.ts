import { MailBroker } from '@mb/broker';
import { Command, Option } from 'commander';
import { colors as pc } from '../colors.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import { print } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import { type OpenStore, type StoreFlags, storeFlag, withStore } from '../queue/store.ts';
import { brokerOptions } from '../send/broker-options.ts';
import {
  concurrencyOption,
  type DeliveryFlags,
  deliveryOptions,
  type SignatureFlags,
  signatureOptions,
} from '../send/flags.ts';
import { labelled } from '../terminal.ts';
import { jsonLog, readableLog, type WorkLog } from './log.ts';

interface WorkFlags extends StoreFlags, SignatureFlags, DeliveryFlags {
  readonly concurrency?: number;
  readonly grace: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb work --store queue.db --hostname mail.example.com
  MB_STORE=queue.db mb work --dkim-key dkim.pem --dkim-selector 2026 --dkim-domain example.com
  mb work --store postgres://mail@db.example.com/mail --hostname mail.example.com
  mb work --store queue.db | jq -c 'select(.type == "failed")'

One worker delivers from a file. PostgreSQL takes workers on any number of machines; the log of
each tells what happens to the whole queue. The password comes from PGPASSWORD or ~/.pgpass.

Ctrl-C, SIGTERM or SIGHUP ends the worker when what is under way is done, at most after --grace seconds;
a second one ends it at once. Nothing is lost: what was under way is attempted again.
On a terminal the log is for people, else one JSON object a line. A worker whose log cannot be
written goes on without it.

Exit codes:
  0   ended as asked
  64  a flag or key is wrong
  69  the store cannot be used
  130 ended at once`;

/** `mb work`: delivers what is in a queue until it is told to stop. */
export function workCommand(): Command {
  const command = new Command('work')
    .description('run a worker that delivers what is queued')
    .addOption(storeFlag())
    .addOption(concurrencyOption())
    .addOption(
      new Option('--grace <seconds>', 'time for what is under way when told to stop')
        .default(30)
        .argParser(wholeNumber(0, 3600)),
    )
    .option('--json', 'log JSON lines on a terminal too');
  for (const option of [...deliveryOptions(), ...signatureOptions()]) command.addOption(option);
  return command.addHelpText('after', EXAMPLES).action(work);
}

async function work(flags: WorkFlags): Promise<void> {
  if ((flags.dkimKey ?? process.env.MB_DKIM_KEY) && flags.dkimDomain === undefined) {
    throw new CliError('MB_CLI_USAGE', 'Whose key is it? Give --dkim-domain example.com.');
  }
  const options = await brokerOptions(flags, '', (text) =>
    console.error(labelled('warning', pc.yellow, text)),
  );
  goOnWithoutLog();
  const log = flags.json || !process.stdout.isTTY ? jsonLog(print) : readableLog(print);
  await withStore(flags, 'work', async (store) => {
    const { concurrency } = flags;
    const broker = new MailBroker({
      ...options,
      store,
      queue: { onError: (error) => log.onError(error), ...(concurrency !== undefined && { concurrency }) },
    });
    // From before the worker begins, so that nothing it does goes unseen.
    const cursor = await store.eventsEnd();
    broker.start();
    log.onState('started', { store: String(flags.store), hostname: options.hostname, pid: process.pid });
    const stopped = stopOnSignal(broker, flags.grace, log);
    await logEvents(store, broker, cursor, stopped, log);
    log.onState('stopped', {});
  });
}

/** Signals that end a worker; SIGHUP comes when its terminal closes. */
const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A log that nobody takes any more (a closed pipe, a full disk) ends no worker. */
function goOnWithoutLog(): void {
  let told = false;
  process.stdout.on('error', ({ message }) => {
    if (told) return;
    told = true;
    console.error(
      labelled('warning', pc.yellow, `The log cannot be written (${message}); the worker goes on.`),
    );
  });
}

/** Resolves when a signal came and the worker has stopped; a second signal ends the process. */
function stopOnSignal(broker: MailBroker, graceSeconds: number, log: WorkLog): Promise<void> {
  return new Promise((resolve, reject) => {
    const endAtOnce = () => process.exit(exitCodes.interrupted);
    const stop = (signal: string) => {
      for (const name of endSignals) process.off(name, stop).on(name, endAtOnce);
      log.onState('stopping', { signal, graceSeconds });
      broker.stop({ graceMs: graceSeconds * 1000 }).then(resolve, reject);
    };
    for (const name of endSignals) process.on(name, stop);
  });
}

/** Logs events until the worker has stopped, the last ones included. */
async function logEvents(
  store: OpenStore,
  broker: MailBroker,
  begin: string,
  stopped: Promise<void>,
  log: WorkLog,
): Promise<void> {
  const end = new AbortController();
  let cursor = begin;
  const ending = stopped.finally(() => end.abort());
  // Awaited below; until then its failure is nobody's unhandled rejection.
  ending.catch(() => {});
  for await (const event of broker.events({ after: cursor, signal: end.signal })) {
    log.onEvent(event);
    cursor = event.cursor;
  }
  await ending;
  for (;;) {
    const page = await store.events(cursor);
    if (page.events.length === 0) return;
    for (const event of page.events) log.onEvent(event);
    cursor = page.cursor;
  }
}
