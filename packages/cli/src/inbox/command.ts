import { isIP } from 'node:net';
import { authenticate, lintMessage, type SessionFacts } from '@mb/broker/lint';
import type { Resolver } from '@mb/dns';
import { parseMessage } from '@mb/mime';
import { Command, Option } from 'commander';
import { colors as pc } from '../colors.ts';
import { processTerminal, type ResolverFlags, resolverFlags, resolverFor } from '../dns/terminal.ts';
import { jsonLine, notice, print, warn } from '../output.ts';
import { parseIp, wholeNumber } from '../parse-flag.ts';
import { labelled } from '../terminal.ts';
import { onStopRequest } from '../work/until-stopped.ts';
import { InboxMailbox } from './mailbox.ts';
import { describeArrival, formatArrival } from './report.ts';
import { createSaver } from './save.ts';
import { type InboxScript, replyTo } from './script.ts';
import { type Arrival, type InboxServer, startInboxServer } from './server.ts';
import { startWebServer, type WebParts, type WebServer } from './web-server.ts';

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
  readonly ui?: boolean;
  readonly uiPort: number;
}

const EXAMPLES = `
Examples:
  mb inbox
  mb inbox --port 0 --folder /tmp/mail --json
  mb inbox --ui
  curl 'http://127.0.0.1:8026/api/messages/wait?to=bob@example.org'
  mb send --dev 127.0.0.1:2525 -f ann@example.com -t bob@example.org --text Hi

Accepts every message for any recipient, with any user name and password, and delivers none.
--ui serves a page with the messages, and an HTTP API: GET /api/messages, /api/messages/wait
(to, from, subject, timeoutMs), /api/messages/ID (links, codes, checks); DELETE /api/messages;
PUT /api/script with {"recipients":{"gone@example.org":"550 5.1.1 No such user"}} refuses mail.

SPF is checked for the client's address, or for that of --ip. Ctrl-C stops the inbox, a second Ctrl-C
stops it at once.
Exit codes: 0 stopped, 64 it cannot listen on this address.`;

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
    .addOption(new Option('--folder <folder>', 'folder to save messages to as .eml files').default('inbox'))
    .option('--no-save', 'do not save messages')
    .addOption(new Option('--max-size <MiB>', 'largest message').default(50).argParser(wholeNumber(1, 1024)))
    .addOption(
      new Option('--ip <address>', 'check SPF as if messages came from this address').argParser(parseIp),
    )
    .option('--ui', 'serve a page with the messages, and an HTTP API for tests')
    .addOption(
      new Option('--ui-port <number>', 'port of the page, 0 for a free one')
        .default(8026)
        .argParser(wholeNumber(0, 65_535)),
    )
    .option('--no-dns', 'no DNS lookups: skip DKIM, SPF and DMARC');
  for (const option of resolverFlags()) command.addOption(option);
  return command.addHelpText('after', EXAMPLES).action(receive);
}

async function receive(flags: InboxFlags): Promise<void> {
  const asJson = flags.json || !process.stdout.isTTY;
  const resolver = flags.dns ? resolverFor(flags, processTerminal) : undefined;
  const save = flags.save ? createSaver(flags.folder) : undefined;
  const mailbox = new InboxMailbox();
  const script: { current: InboxScript } = { current: {} };
  const shown = new Set<Promise<void>>();
  const server = await startInboxServer({
    host: flags.host,
    port: flags.port,
    maxBytes: flags.maxSize * 1024 * 1024,
    refuse: (stage, address) =>
      stage === 'rcpt' ? replyTo(address ?? '', script.current) : script.current.content,
    async keep(arrival) {
      const file = await save?.(arrival);
      // The client does not wait for DNS.
      const showing = show(arrival, { file, resolver, flags, asJson, mailbox }).catch(complain);
      shown.add(showing);
      void showing.then(() => shown.delete(showing));
    },
  });
  const web = flags.ui ? await openPage(flags, server, { mailbox, script }) : undefined;
  // Signals are handled before the announcement, since a test may stop the inbox as soon as it has read it.
  const stopRequested = new Promise<void>((resolve) => onStopRequest(() => resolve()));
  announce(flags, server.port, asJson, web?.port);
  await stopRequested;
  await web?.close();
  await server.close();
  await Promise.all(shown);
}

/** Starts the page and the API; closes the inbox when they cannot listen. @throws {CliError} MB_CLI_LISTEN */
async function openPage(
  { host, uiPort }: InboxFlags,
  inbox: InboxServer,
  parts: Pick<WebParts, 'mailbox' | 'script'>,
): Promise<WebServer> {
  try {
    return await startWebServer({ host, port: uiPort, ...parts });
  } catch (error) {
    await inbox.close();
    throw error;
  }
}

/** What `show` needs besides the message. */
interface ShowParts {
  readonly file: string | undefined;
  readonly resolver: Resolver | undefined;
  readonly flags: InboxFlags;
  readonly asJson: boolean;
  readonly mailbox: InboxMailbox;
}

async function show(arrival: Arrival, { file, resolver, flags, asJson, mailbox }: ShowParts): Promise<void> {
  const message = await parseMessage(arrival.octets);
  const session = sessionOf(arrival, flags.ip);
  const authentication = resolver && (await authenticate(arrival.octets, message, resolver, session));
  const report = describeArrival(arrival, message, authentication, file);
  print(asJson ? jsonLine(report) : formatArrival(report));
  if (!flags.ui) return;
  const { findings } = await lintMessage(arrival.octets, { transactional: true });
  mailbox.add({
    arrival,
    message,
    report,
    lint: findings.filter(({ severity }) => severity !== 'ok'),
  });
}

/** The session to check by SPF; undefined for a client on loopback without --ip, about which SPF says nothing. */
function sessionOf({ ip, sender, helo }: Arrival, givenIp: string | undefined): SessionFacts | undefined {
  if (givenIp !== undefined) return { ip: givenIp, sender, helo };
  return /^(127\.|::1$|::ffff:127\.)/.test(ip) ? undefined : { ip, sender, helo };
}

function announce(
  { host, folder, save }: InboxFlags,
  port: number,
  asJson: boolean,
  uiPort: number | undefined,
): void {
  const literal = isIP(host) === 6 ? `[${host}]` : host;
  if (asJson) {
    print(
      jsonLine({
        type: 'listening',
        host,
        port,
        ...(save && { folder }),
        ...(uiPort !== undefined && { uiPort }),
      }),
    );
    return;
  }
  const where = save ? `, saving to ${folder}` : '';
  print(`${pc.bold(`Listening on ${literal}:${port}`)}${where}. Settings for your application:

  host ${host}, port ${port}, no TLS; any user and password, or none
  SMTP_URL=smtp://${literal}:${port}
  mb send --dev ${literal}:${port} …
${uiPort === undefined ? '' : `\nMessages: http://${literal}:${uiPort}/\n`}
Ctrl-C stops the inbox.\n\n`);
  if (!/^(127\.|::1$|localhost$)/.test(host)) {
    warn('Other machines on the network can send mail here too; --host 127.0.0.1 prevents it.');
  }
}

function complain(error: unknown): void {
  notice(labelled('error', pc.red, error instanceof Error ? error.message : String(error)));
}
