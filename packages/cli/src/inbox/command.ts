import { isIP } from 'node:net';
import { authenticate, type SessionFacts } from '@mb/broker/lint';
import type { Resolver } from '@mb/dns';
import { parseMessage } from '@mb/mime';
import { Command, Option } from 'commander';
import { colors as pc } from '../colors.ts';
import { processTerminal, type ResolverFlags, resolverFlags, resolverFor } from '../dns/terminal.ts';
import { exitCodes } from '../exit-code.ts';
import { handleOutputLoss, jsonLine, lossMessage, notice, print } from '../output.ts';
import { parseIp, wholeNumber } from '../parse-flag.ts';
import { untilSignal } from '../signals.ts';
import { labelled } from '../terminal.ts';
import { describeArrival, formatArrival } from './report.ts';
import { createSaver } from './save.ts';
import { type Arrival, startInboxServer } from './server.ts';

interface InboxFlags extends ResolverFlags {
  readonly host: string;
  readonly port: number;
  readonly folder: string;
  /** False with --no-save. */
  readonly save: boolean;
  readonly maxSize: number;
  readonly ip?: string;
  /** False with --no-dns. */
  readonly dns: boolean;
}

const EXAMPLES = `
Examples:
  mb inbox
  mb inbox --port 0 --folder /tmp/mail --json
  mb send --dev 127.0.0.1:2525 -f ann@example.com -t bob@example.org --text Hi

Accepts every message for any recipient, with any user name and password, and delivers none.
SPF checks the address that a message comes from; --ip gives the address to check instead of
that of this machine. Ctrl-C ends it, a second Ctrl-C ends it at once. Exit codes: 0 ended as
asked, 64 it cannot listen on this address.`;

/** `mb inbox`: a local receiving server for development. */
export function inboxCommand(): Command {
  const command = new Command('inbox')
    .description('receive mail on this machine, to test an application without sending mail')
    .addOption(new Option('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      new Option('--port <number>', 'port to listen on, 0 for a free one')
        .default(2525)
        .argParser(wholeNumber(0, 65_535)),
    )
    .addOption(new Option('--folder <folder>', 'where messages are saved as .eml files').default('inbox'))
    .option('--no-save', 'do not save messages')
    .addOption(new Option('--max-size <MiB>', 'largest message').default(50).argParser(wholeNumber(1, 1024)))
    .addOption(
      new Option('--ip <address>', 'check SPF as if messages came from this address').argParser(parseIp),
    )
    .option('--no-dns', 'no DNS lookups: skip DKIM, SPF and DMARC');
  for (const option of resolverFlags()) command.addOption(option);
  return command.addHelpText('after', EXAMPLES).action(receive);
}

async function receive(flags: InboxFlags): Promise<void> {
  const asJson = flags.json || !process.stdout.isTTY;
  const resolver = flags.dns ? resolverFor(flags, processTerminal) : undefined;
  const save = flags.save ? createSaver(flags.folder) : undefined;
  const shown = new Set<Promise<void>>();
  const server = await startInboxServer({
    host: flags.host,
    port: flags.port,
    maxBytes: flags.maxSize * 1024 * 1024,
    async keep(arrival) {
      const file = await save?.(arrival);
      // The client does not wait for DNS.
      const showing = show(arrival, file, resolver, flags, asJson).catch(complain);
      shown.add(showing);
      void showing.then(() => shown.delete(showing));
    },
  });
  announce(flags, server.port, asJson);
  await untilTold();
  await server.close();
  await Promise.all(shown);
}

async function show(
  arrival: Arrival,
  file: string | undefined,
  resolver: Resolver | undefined,
  flags: InboxFlags,
  asJson: boolean,
): Promise<void> {
  const message = await parseMessage(arrival.octets);
  const session = sessionOf(arrival, flags.ip);
  const authentication = resolver && (await authenticate(arrival.octets, message, resolver, session));
  const report = describeArrival(arrival, message, authentication, file);
  print(asJson ? jsonLine(report) : formatArrival(report));
}

/** SPF says nothing about loopback: there only --ip says where the message comes from. */
function sessionOf({ ip, sender, helo }: Arrival, told: string | undefined): SessionFacts | undefined {
  if (told !== undefined) return { ip: told, sender, helo };
  return /^(127\.|::1$|::ffff:127\.)/.test(ip) ? undefined : { ip, sender, helo };
}

function announce({ host, folder, save }: InboxFlags, port: number, asJson: boolean): void {
  const literal = isIP(host) === 6 ? `[${host}]` : host;
  if (asJson) {
    print(jsonLine({ type: 'listening', host, port, ...(save && { folder }) }));
    return;
  }
  const where = save ? `, saving to ${folder}` : '';
  print(`${pc.bold(`Listening on ${literal}:${port}`)}${where}. Point an application here:

  host ${host}, port ${port}, no TLS; any user and password, or none
  SMTP_URL=smtp://${literal}:${port}
  mb send --dev ${literal}:${port} …

Ctrl-C ends it.\n\n`);
  if (!/^(127\.|::1$|localhost$)/.test(host)) {
    notice(labelled('warning', pc.yellow, 'Other machines on the network can send mail here too.'));
  }
}

/** Resolves at the first signal to end, or when the output is lost; a second signal ends the process. */
function untilTold(): Promise<void> {
  return new Promise((resolve) => {
    const end = untilSignal((signal) => {
      if (signal === 'SIGHUP') process.exitCode = exitCodes.hungUp;
      resolve();
    });
    handleOutputLoss((error) => {
      process.exitCode = exitCodes.outputLost;
      notice(lossMessage(error));
      end();
      resolve();
    });
  });
}

function complain(error: unknown): void {
  notice(labelled('error', pc.red, error instanceof Error ? error.message : String(error)));
}
