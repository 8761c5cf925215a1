import { Command } from 'commander';
import { type AlertFlags, alertOptions } from '../alert/alert-flags.ts';
import { serviceAlerts } from '../alert/service-alerts.ts';
import { openQueueKeys } from '../domain/managed-profiles.ts';
import { masterKeyFlag } from '../domain/master-key.ts';
import { warn } from '../output.ts';
import { withStore } from '../queue/store.ts';
import { keepContentOption, storeFlag } from '../queue/store-flag.ts';
import { brokerOptions } from '../send/broker-options.ts';
import { concurrencyOption, deliveryOptions, signatureOptions } from '../send/flags.ts';
import { webhookAllowOption } from '../webhook/webhook-access.ts';
import { noteWorker } from './other-workers.ts';
import { type QueueBrokerFlags, queueBroker } from './queue-broker.ts';
import {
  graceOption,
  type LogFlags,
  logEvents,
  logObservations,
  logOptions,
  openLog,
  stopOnRequest,
} from './until-stopped.ts';

interface WorkFlags extends QueueBrokerFlags, AlertFlags, LogFlags {
  readonly grace: number;
}

const EXAMPLES = `
Examples:
  mb work --store queue.db --hostname mail.example.com
  MB_STORE=queue.db mb work --dkim-key dkim.pem --dkim-selector 2026 --dkim-domain example.com
  mb work --store postgres://mail@db.example.com/mail --hostname mail.example.com
  mb work --store queue.db | jq -c 'select(.type == "failed")'

A queue in a file has one worker. A queue in PostgreSQL may have workers on any number of machines;
each logs the events of the whole queue. The password comes from PGPASSWORD or ~/.pgpass.

Ctrl-C, SIGTERM or SIGHUP stops the worker after the attempts in progress, or after --grace seconds;
a second signal stops it at once. The worker also stops when the reader of its log closes the pipe;
while the disk of the log is full, it continues without a log. No mail is lost: interrupted attempts
are repeated.
On a terminal the log is text, otherwise one JSON object per line.

Exit codes:
  0   stopped by SIGINT or SIGTERM
  64  a flag or key is wrong
  69  the store cannot be used
  74  the log could not be written: a closed pipe, a full disk
  129 stopped by SIGHUP
  130 stopped at once`;

/** `mb work`: delivers the mail of a queue until it is stopped. */
export function workCommand(): Command {
  const command = new Command('work')
    .description('run a worker that delivers queued mail')
    .addOption(storeFlag())
    .addOption(keepContentOption())
    .addOption(concurrencyOption())
    .addOption(graceOption())
    .addOption(webhookAllowOption());
  for (const option of [
    ...logOptions(),
    ...deliveryOptions(),
    ...signatureOptions(),
    masterKeyFlag(),
    ...alertOptions(),
  ]) {
    command.addOption(option);
  }
  return command.addHelpText('after', EXAMPLES).action(work);
}

async function work(flags: WorkFlags): Promise<void> {
  const options = await brokerOptions(flags, '', warn, 'queue');
  const log = await openLog(flags, 'worker');
  await withStore(flags, 'work', async (store) => {
    const keys = await openQueueKeys(flags, store);
    const { domains } = keys;
    const broker = await queueBroker(options, flags, store, keys);
    const onError = (error: unknown) => log.onError(error);
    const alerts = await serviceAlerts(broker, { flags, options, domains, onError });
    logObservations(broker, log);
    const { recordTlsResults } = await import('@mb/server/tls-results');
    const tlsResults = recordTlsResults({ broker, onError });
    const endNote = await noteWorker(store, flags.store, warn);
    // Taken before the worker starts, so that no event is missed.
    const cursor = await store.eventsEnd();
    broker.start();
    domains?.start();
    broker.webhooks.start();
    alerts.start();
    // Signals are handled before "started" is logged, since a supervisor may stop the process right after it.
    const stopped = stopOnRequest((graceMs) => broker.stop({ graceMs }), flags.grace, log);
    log.onState('started', { store: String(flags.store), hostname: options.hostname, pid: process.pid });
    await logEvents(store, broker, cursor, stopped, log);
    await tlsResults.stop();
    await alerts.stop();
    await domains?.stop();
    await endNote();
    log.onState('stopped', {});
  });
}
