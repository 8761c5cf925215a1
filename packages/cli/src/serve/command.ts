import type { MailServer, SubmissionAddress, SubmissionOptions } from '@mb/server';
import { Command, Option } from 'commander';
import { alertOptions } from '../alert/alert-flags.ts';
import { colors as pc } from '../colors.ts';
import { openQueueKeys, type QueueKeys } from '../domain/managed-profiles.ts';
import { masterKeyFlag } from '../domain/master-key.ts';
import { CliError } from '../errors.ts';
import { readFlagsAgain } from '../flags-again.ts';
import { notice, warn } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import { type OpenStore, withStore } from '../queue/store.ts';
import { keepContentOption, storeFlag } from '../queue/store-flag.ts';
import { concurrencyOption, deliveryOptions, signatureOptions } from '../send/flags.ts';
import { onSignals } from '../signals.ts';
import { labelled } from '../terminal.ts';
import { webhookAllowOption } from '../webhook/webhook-access.ts';
import type { WorkLog } from '../work/log.ts';
import { noteWorker } from '../work/other-workers.ts';
import { graceOption, logEvents, logOptions, openLog, stopOnRequest } from '../work/until-stopped.ts';
import type { Certificate } from './certificate.ts';
import { type ListenAddress, type ServeFlags, serveAddressOptions } from './flags.ts';
import { RunningBroker, readSettings } from './service.ts';
import { Supervisor } from './supervisor.ts';

const EXAMPLES = `
Examples:
  mb key new --store queue.db --name shop --scope send,read
  mb serve --store queue.db --hostname mail.example.com \\
    --dkim-key dkim.pem --dkim-selector 2026 --dkim-domain example.com
  mb serve --submission 0.0.0.0:587 --tls-key key.pem --tls-cert chain.pem
  mb serve --store postgres://mail@db.example.com/mail --role http

The HTTP API listens on 127.0.0.1:8025 unless --http is given; its description is at /openapi.json.
Use a proxy with TLS to make it reachable from other machines. API keys are also the passwords of
SMTP submission. A queue in PostgreSQL may have any number of processes that serve and deliver; a
queue in a file has one.

Mail of the domains in "mb domain" is sent with their settings and keys. The master key decrypts
these keys and the secrets of webhooks. A domain in the configuration overrides a managed domain
with the same name, or one above it.

The worker checks for problems, such as a full disk or mail that bounces: "mb alert ls" shows them,
and --alert-to and --alert-webhook set where alerts are sent.

SIGHUP reloads the configuration, keys and certificates. Sessions continue, and the old settings
stay if the new ones are invalid. Changes of store, roles and addresses need a restart.

Ctrl-C or SIGTERM stops the service: it accepts no new work, and exits when the work in progress is
done, after at most --grace seconds. A second signal stops it at once. No accepted mail is lost.

Exit codes:
  0   stopped
  64  a flag or key is wrong
  69  the store or an address cannot be used
  74  the log could not be written: a closed pipe, a full disk
  130 stopped at once`;

/** `mb serve`: accepts mail by HTTP and SMTP, and delivers it. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the service: an HTTP API and SMTP submission in front of a queue, and its worker')
    .addOption(storeFlag())
    .addOption(keepContentOption())
    .addOption(concurrencyOption())
    .addOption(graceOption())
    .addOption(webhookAllowOption())
    .addOption(
      new Option(
        '--drain <seconds>',
        'time before stopping in which /readyz returns 503 and requests are still served',
      )
        .default(0)
        .argParser(wholeNumber(0, 3600)),
    );
  for (const option of [
    ...serveAddressOptions(),
    ...logOptions(),
    ...deliveryOptions(),
    ...signatureOptions(),
    masterKeyFlag(),
    ...alertOptions(),
  ]) {
    command.addOption(option);
  }
  return command.addHelpText('after', EXAMPLES).action(serve);
}

async function serve(flags: ServeFlags): Promise<void> {
  const log = await openLog(flags, 'server');
  // Loaded here: no other command needs it.
  const { createServer } = await import('@mb/server');
  const { dashboard } = await import('@mb/dashboard');
  const { Alerts } = await import('@mb/broker/alerts');
  await withStore(flags, 'work', async (store) => {
    const keys = await openQueueKeys(flags, store);
    const { domains } = keys;
    const settings = await readSettings(flags, store, log, keys);
    const { broker, certificate, hostname, dns } = settings;
    const alerts = new Alerts(broker, settings.alerts);
    const server = createServer({
      broker,
      domains,
      alerts,
      maxMessageBytes: flags.maxMessageMb * 1024 * 1024,
      dns,
      ...(flags.ui && { dashboard: dashboard() }),
      sessions: { readOnly: flags.uiReadOnly ?? false },
      onError: (error) => log.onError(error),
      onWarning: (text) => log.onError(new Error(text)),
    });
    const running = new RunningBroker(server, broker, alerts, flags, (error) => log.onError(error));
    const supervisor = new Supervisor((error) => log.onError(error));
    let ended: Promise<void> | undefined;
    const end = (graceMs: number) => (ended ??= endAll(graceMs));
    const endAll = async (graceMs: number) => {
      supervisor.stopping();
      // Refuse new requests first, then finish those in progress.
      await server.close({ graceMs, drainMs: graceMs === 0 ? 0 : flags.drain * 1000 });
      await domains?.stop();
      await running.stop(graceMs);
    };
    let endReloading = () => {};
    let endNote = () => Promise.resolve();
    try {
      if (flags.role.includes('worker')) endNote = await noteWorker(store, flags.store, warn);
      const cursor = await store.eventsEnd();
      const addresses = await listen(server, flags, hostname, certificate);
      if (flags.role.includes('http')) await hintAtKeys(server);
      running.start();
      if (flags.role.includes('worker')) domains?.start();
      endReloading = onSignals(['SIGHUP'], () => void reloadSettings(flags, { store, running, log, keys }));
      // Signals are handled before "started" is logged, since a supervisor may stop the process right after it.
      const stopped = stopOnRequest(end, flags.grace, log, ['SIGINT', 'SIGTERM']);
      log.onState('started', { store: String(flags.store), hostname, pid: process.pid, ...addresses });
      supervisor.ready(() => isAlive(server));
      await logEvents(store, broker, cursor, stopped, log);
    } finally {
      endReloading();
      supervisor.close();
      await endNote();
      await end(0);
    }
    log.onState('stopped', {});
  });
}

/** What a reload needs. */
interface Reloaded {
  readonly store: OpenStore;
  readonly running: RunningBroker;
  readonly log: WorkLog;
  readonly keys: QueueKeys;
}

/** Reloads the configuration; the old settings stay if the new ones are invalid. */
async function reloadSettings(old: ServeFlags, { store, running, log, keys }: Reloaded): Promise<void> {
  try {
    const flags = await readFlagsAgain<ServeFlags>('serve');
    running.replace(await readSettings(flags, store, log, keys));
    const fixed = fixedFlags.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(flags[name]));
    log.onState('reloaded', fixed.length > 0 ? { needsRestart: fixed.join(', ') } : {});
  } catch (error) {
    log.onError(error);
    log.onState('not-reloaded', { reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Flags that a reload cannot change. */
const fixedFlags = [
  'store',
  'keepContent',
  'masterKey',
  'role',
  'http',
  'submission',
  'submissions',
  'submissionSocket',
  'inbound',
  'inboundDomain',
  'maxMessageMb',
  'grace',
  'drain',
  'json',
  'logLevel',
] as const;

async function isAlive(server: MailServer): Promise<boolean> {
  const { status } = await server.fetch(new Request('http://localhost/livez'));
  return status === 200;
}

async function hintAtKeys({ keys }: MailServer): Promise<void> {
  if ((await keys.list({ limit: 1 })).rows.length > 0) return;
  notice(
    labelled('hint', pc.cyan, 'There is no API key yet; make one: mb key new --name shop --scope send,read'),
  );
}

/** Listens on the addresses in the flags; returns the actual addresses by purpose. */
async function listen(
  server: MailServer,
  flags: ServeFlags,
  hostname: string,
  tls: Certificate | undefined,
): Promise<Record<string, string>> {
  const { role, http, submission, submissions, submissionSocket } = flags;
  const addresses: Record<string, string> = {};
  if (role.includes('http')) addresses.http = shown(await server.listen(http));
  if (role.includes('inbound') && flags.inbound) {
    addresses.inbound = shown(await listenInbound(server, flags, flags.inbound, hostname, tls));
  }
  if (!role.includes('submission')) return addresses;
  const secure = (
    security: 'starttls' | 'tls',
    address: { host: string; port: number },
  ): SubmissionOptions => {
    if (!tls) throw new CliError('MB_CLI_USAGE', 'SMTP submission needs --tls-key and --tls-cert.');
    return { security, ...address, hostname, tls };
  };
  if (submission) addresses.submission = shown(await server.listenSubmission(secure('starttls', submission)));
  if (submissions) addresses.submissions = shown(await server.listenSubmission(secure('tls', submissions)));
  if (submissionSocket !== undefined) {
    const local = { security: 'local', path: submissionSocket, hostname } as const;
    addresses.submissionSocket = shown(await server.listenSubmission(local));
  }
  return addresses;
}

/** Listens for bounces to the return paths that `verp` of the configuration makes. */
function listenInbound(
  server: MailServer,
  { inboundDomain }: ServeFlags,
  address: ListenAddress,
  hostname: string,
  tls: Certificate | undefined,
): Promise<{ readonly host: string; readonly port: number }> {
  if (!inboundDomain) {
    throw new CliError('MB_CLI_USAGE', '--inbound needs --inbound-domain, the domain of the return paths.');
  }
  return server.listenInbound({ ...address, hostname, domains: inboundDomain, ...(tls && { tls }) });
}

function shown(address: SubmissionAddress): string {
  if ('path' in address) return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
