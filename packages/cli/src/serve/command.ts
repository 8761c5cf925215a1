import { readFile } from 'node:fs/promises';
import { MailBroker } from '@mb/broker';
import type { MailServer, SubmissionAddress, SubmissionOptions } from '@mb/server';
import { Command, Option } from 'commander';
import { colors as pc } from '../colors.ts';
import { CliError } from '../errors.ts';
import { notice, print } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import { withStore } from '../queue/store.ts';
import { type StoreFlags, storeFlag } from '../queue/store-flag.ts';
import { brokerOptions } from '../send/broker-options.ts';
import {
  concurrencyOption,
  type DeliveryFlags,
  deliveryOptions,
  type SignatureFlags,
  signatureOptions,
} from '../send/flags.ts';
import { labelled } from '../terminal.ts';
import { jsonLog, readableLog } from '../work/log.ts';
import { logEvents, stopWhenTold } from '../work/until-stopped.ts';
import { type ServeAddressFlags, serveAddressOptions } from './flags.ts';

interface ServeFlags extends StoreFlags, SignatureFlags, DeliveryFlags, ServeAddressFlags {
  readonly concurrency?: number;
  readonly grace: number;
  readonly drain: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb key new --store queue.db --name shop --scope send,read
  mb serve --store queue.db --hostname mail.example.com \\
    --dkim-key dkim.pem --dkim-selector 2026 --dkim-domain example.com
  mb serve --submission 0.0.0.0:587 --tls-key key.pem --tls-cert chain.pem
  mb serve --store postgres://mail@db.example.com/mail --role http

The HTTP API listens on 127.0.0.1:8025 unless --http says otherwise; its document is at
/openapi.json. Put a proxy with TLS in front of it where others shall reach it. Keys are the
passwords of SMTP submission. With a queue in PostgreSQL, any number of processes serve and
deliver; a file is for one process.

Ctrl-C, SIGTERM or SIGHUP ends the service: it takes nothing new, and ends when what is under way
is done, at most after --grace seconds. A second one ends it at once. Nothing that was accepted is
lost.

Exit codes:
  0   ended as asked
  64  a flag or key is wrong
  69  the store or an address cannot be used
  74  the log could not be written: a closed pipe, a full disk
  129 ended as SIGHUP asked
  130 ended at once`;

/** `mb serve`: takes mail by HTTP and SMTP, and delivers it. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the service: an HTTP API and SMTP submission in front of a queue, and its worker')
    .addOption(storeFlag())
    .addOption(concurrencyOption())
    .addOption(
      new Option('--grace <seconds>', 'time for what is under way when told to stop')
        .default(30)
        .argParser(wholeNumber(0, 3600)),
    )
    .addOption(
      new Option('--drain <seconds>', 'time before that in which /readyz says 503 and requests are served')
        .default(0)
        .argParser(wholeNumber(0, 3600)),
    )
    .option('--json', 'log JSON lines on a terminal too');
  for (const option of [...serveAddressOptions(), ...deliveryOptions(), ...signatureOptions()]) {
    command.addOption(option);
  }
  return command.addHelpText('after', EXAMPLES).action(serve);
}

async function serve(flags: ServeFlags): Promise<void> {
  if ((flags.dkimKey ?? process.env.MB_DKIM_KEY) && flags.dkimDomain === undefined) {
    throw new CliError('MB_CLI_USAGE', 'Whose key is it? Give --dkim-domain example.com.');
  }
  const tls = await readCertificate(flags);
  const options = await brokerOptions(flags, '', warn, 'queue');
  const log =
    flags.json || !process.stdout.isTTY
      ? jsonLog(print, Date.now, 'server')
      : readableLog(print, Date.now, 'server');
  // Loaded here: no other command needs it.
  const { createServer } = await import('@mb/server');
  await withStore(flags, 'work', async (store) => {
    const { concurrency, role } = flags;
    const broker = new MailBroker({
      ...options,
      store,
      queue: {
        ...options.queue,
        onError: (error) => log.onError(error),
        ...(concurrency !== undefined && { concurrency }),
      },
    });
    const server = createServer({
      broker,
      maxMessageBytes: flags.maxMessageMb * 1024 * 1024,
      dns: options.dns,
      onError: (error) => log.onError(error),
      onWarning: (text) => log.onError(new Error(text)),
    });
    const end = async (graceMs: number) => {
      // First refuse new requests, then finish those in progress.
      await server.close({ graceMs, drainMs: graceMs === 0 ? 0 : flags.drain * 1000 });
      await broker.stop({ graceMs });
    };
    try {
      const cursor = await store.eventsEnd();
      const addresses = await listen(server, flags, options.hostname, tls);
      if (role.includes('worker')) broker.start();
      const facts = { store: String(flags.store), hostname: options.hostname, pid: process.pid };
      log.onState('started', { ...facts, ...addresses });
      if (role.includes('http')) await hintAtKeys(server);
      await logEvents(store, broker, cursor, stopWhenTold(end, flags.grace, log), log);
    } finally {
      await end(0);
    }
    log.onState('stopped', {});
  });
}

async function hintAtKeys({ keys }: MailServer): Promise<void> {
  if ((await keys.list({ limit: 1 })).rows.length > 0) return;
  notice(
    labelled('hint', pc.cyan, 'There is no API key yet; make one: mb key new --name shop --scope send,read'),
  );
}

/** Listens wherever the flags say; the addresses that it got, by what they are for. */
async function listen(
  server: MailServer,
  flags: ServeFlags,
  hostname: string,
  tls: Certificate | undefined,
): Promise<Record<string, string>> {
  const { role, http, submission, submissions, submissionSocket } = flags;
  const addresses: Record<string, string> = {};
  if (role.includes('http')) addresses.http = shown(await server.listen(http));
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

interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

async function readCertificate({ tlsKey, tlsCert }: ServeFlags): Promise<Certificate | undefined> {
  if (tlsKey === undefined && tlsCert === undefined) return undefined;
  if (tlsKey === undefined || tlsCert === undefined) {
    throw new CliError('MB_CLI_USAGE', 'A certificate needs both --tls-key and --tls-cert.');
  }
  const read = (flag: string, path: string) =>
    readFile(path).catch((cause: Error) => {
      throw new CliError('MB_CLI_FILE', `${flag}: the file cannot be read: ${cause.message}.`, { cause });
    });
  return { key: await read('--tls-key', tlsKey), cert: await read('--tls-cert', tlsCert) };
}

function shown(address: SubmissionAddress): string {
  if ('path' in address) return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function warn(text: string): void {
  notice(labelled('warning', pc.yellow, text));
}
