import { MailBroker } from '@mb/broker';
import { Command, Option } from 'commander';
import { colors as pc } from '../colors.ts';
import { CliError } from '../errors.ts';
import { notice, print } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import { type StoreFlags, storeFlag, withStore } from '../queue/store.ts';
import { brokerOptions } from '../send/broker-options.ts';
import {
  concurrencyOption,
  type DeliveryFlags,
  deliveryOptions,
  type SignatureFlags,
  signatureOptions,
} from '../send/flags.ts';
import { labelled } from '../terminal.ts';
import { jsonLog, readableLog } from './log.ts';
import { logEvents, stopWhenTold } from './until-stopped.ts';

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

Ctrl-C, SIGTERM or SIGHUP ends the worker when what is under way is done, at most after --grace
seconds; a second one ends it at once. A log whose reader has gone ends it in the same way; while
the disk of the log is full it goes on without a log. Nothing is lost: what was under way is
attempted again.
On a terminal the log is for people, else one JSON object a line.

Exit codes:
  0   ended as asked
  64  a flag or key is wrong
  69  the store cannot be used
  74  the log could not be written: a closed pipe, a full disk
  129 ended as SIGHUP asked
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
  const options = await brokerOptions(flags, '', (text) => notice(labelled('warning', pc.yellow, text)));
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
    const stopped = stopWhenTold((graceMs) => broker.stop({ graceMs }), flags.grace, log);
    await logEvents(store, broker, cursor, stopped, log);
    log.onState('stopped', {});
  });
}
