import { type Command, Option } from 'commander';
import { allowOption } from '../allow.ts';
import type { ConfiguredFlags } from '../config/option-sections.ts';
import { parseMoment, wholeNumber } from '../parse-flag.ts';
import { type StoreFlags, storeFlag } from '../queue/store-flag.ts';

/** Flags that say how mail is signed. */
export interface SignatureFlags {
  readonly dkimKey?: string;
  readonly dkimSelector?: string;
  readonly dkimDomain?: string;
}

/** Flags that say how hosts are found and talked to. */
export interface DeliveryFlags extends ConfiguredFlags {
  readonly hostname?: string;
  readonly resolver?: readonly string[];
  readonly port?: number;
  readonly allow?: readonly string[];
  readonly family?: '4' | '6';
  readonly relay?: string;
  readonly dev?: string;
  readonly localAddress?: readonly string[];
  readonly tls?: 'opportunistic' | 'required' | 'verified';
  readonly ca?: string;
  readonly replyRules?: string;
}

/** Flags that queue a message instead of sending it. */
export interface EnqueueFlags extends StoreFlags {
  readonly queue?: true;
  readonly idempotencyKey?: string;
  readonly notBefore?: Date;
  readonly tenant?: string;
  readonly tag?: string;
}

/** Flags that send one message for each row of a file. */
export interface MergeFlags {
  readonly toFile?: string;
  readonly toColumn?: string;
  readonly onBadRow?: 'stop' | 'skip';
  readonly results?: string;
  readonly resendUnknown?: true;
  readonly acceptChanges?: true;
  readonly concurrency?: number;
  readonly preview?: number;
}

/** All flags of `mb send`, as commander returns them. */
export interface SendFlags extends SignatureFlags, DeliveryFlags, EnqueueFlags, MergeFlags {
  readonly from?: string;
  readonly to?: readonly string[];
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
  readonly replyTo?: readonly string[];
  readonly sender?: string;
  readonly subject?: string;
  readonly text?: string;
  readonly textFile?: string;
  readonly edit?: true;
  readonly html?: string;
  readonly htmlFile?: string;
  readonly attach?: readonly string[];
  readonly inline?: readonly string[];
  readonly alternative?: readonly string[];
  readonly header?: readonly string[];
  readonly messageId?: string;
  readonly inReplyTo?: string;
  readonly references?: readonly string[];
  readonly date?: Date;
  readonly priority?: 'high' | 'normal' | 'low';
  readonly autoSubmitted?: 'auto-generated' | 'auto-replied' | 'auto-notified';
  readonly unsubscribe?: readonly string[];
  readonly oneClick?: true;
  readonly eml?: string;
  readonly envelopeFrom?: string;
  readonly envelopeTo?: readonly string[];
  readonly requireTls?: true;
  readonly timeout?: number;
  readonly dryRun?: true;
  readonly watch?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/** Adds all flags, in the groups that the help shows. */
export function addSendFlags(command: Command): Command {
  const group = (heading: string, options: readonly Option[]) => {
    command.optionsGroup(heading);
    for (const option of options) command.addOption(option);
  };
  group('Message:', messageOptions());
  group('Mail merge:', mergeOptions());
  group('Ready message:', readyMessageOptions());
  group('Signature:', signatureOptions());
  group('Delivery:', [
    ...deliveryOptions(),
    new Option('--require-tls', 'require verified TLS on every hop (RFC 8689)'),
    new Option('--timeout <seconds>', 'give up after this time').argParser(wholeNumber(1, 86_400)),
  ]);
  group('Queue:', queueOptions());
  group('Output:', [
    new Option('--dry-run', 'print what would be done, without connecting to a mail host').conflicts('watch'),
    new Option('--watch', 'show the sessions as they happen'),
    new Option('--json', 'print one JSON object, with --to-file one for each row'),
    new Option('-q, --quiet', 'print errors only').conflicts(['watch', 'json']),
  ]);
  return command;
}

function messageOptions(): Option[] {
  return [
    new Option('-f, --from <address>', 'author, such as "Ann <ann@example.com>"').env('MB_FROM'),
    list('-t, --to <address>', 'recipient; repeat the flag or separate with commas'),
    list('-c, --cc <address>', 'recipient of a copy'),
    list('-b, --bcc <address>', 'recipient that the other recipients do not see'),
    list('--reply-to <address>', 'address for replies'),
    new Option('--sender <address>', 'mailbox that sends the message; required with several authors'),
    new Option('-s, --subject <text>', 'subject, any characters'),
    new Option('--text <text>', 'plain body; default standard input').conflicts('textFile'),
    new Option('--text-file <file>', 'plain body from a file, - is standard input'),
    new Option(
      '--edit',
      'write the plain body in $VISUAL or $EDITOR; the default on a terminal without a body',
    ),
    new Option('--html <html>', 'HTML body').conflicts('htmlFile'),
    new Option('--html-file <file>', 'HTML body from a file, - is standard input'),
    list('-a, --attach <file>', 'attach a file'),
    list('--inline <file[=id]>', 'file that the HTML shows by cid:id; default id is its name'),
    list('--alternative <type:file>', 'alternative body, such as text/calendar:invitation.ics'),
    list('-H, --header <name: value>', 'further header field'),
    new Option('--message-id <id>', 'Message-ID; default a new unique one'),
    new Option('--in-reply-to <id>', 'message that this one replies to'),
    list('--references <id>', 'messages of the thread'),
    new Option('--date <date>', 'date of the message; default now').argParser(parseMoment),
    new Option('--priority <level>', 'mark the message with this priority').choices([
      'high',
      'normal',
      'low',
    ]),
    new Option(
      '--auto-submitted <why>',
      'mark the message as automatic, so that autoresponders stay silent',
    ).choices(['auto-generated', 'auto-replied', 'auto-notified']),
    list('--unsubscribe <uri>', 'https or mailto URI to leave the list'),
    new Option('--one-click', 'the https URI of --unsubscribe accepts one-click requests (RFC 8058)'),
  ];
}

function mergeOptions(): Option[] {
  return [
    new Option('--to-file <file>', 'CSV with a row for each message; {{column}} inserts a value').conflicts([
      'cc',
      'bcc',
      'envelopeTo',
      'messageId',
      'idempotencyKey',
      'watch',
    ]),
    new Option('--to-column <name>', 'the column with the address; default email or to'),
    new Option('--on-bad-row <what>', 'send nothing, or skip such rows; default stop').choices([
      'stop',
      'skip',
    ]),
    new Option(
      '--results <file>',
      'file with the result of each row; default NAME.results.jsonl beside the CSV',
    ),
    new Option('--resend-unknown', 'send again to recipients who may have received the message'),
    new Option('--accept-changes', 'continue although the file or the message has changed'),
    concurrencyOption(),
    new Option('--preview <number>', 'messages that --dry-run shows; default 3').argParser(
      wholeNumber(0, 1000),
    ),
  ];
}

/** The flag `--concurrency` of the commands that run a worker. */
export function concurrencyOption(): Option {
  return new Option('--concurrency <number>', 'maximum number of connections; default 50').argParser(
    wholeNumber(1, 10_000),
  );
}

const MESSAGE_FLAGS = [
  'toFile',
  'from',
  'to',
  'cc',
  'bcc',
  'replyTo',
  'sender',
  'subject',
  'text',
  'textFile',
  'edit',
  'html',
  'htmlFile',
  'attach',
  'inline',
  'alternative',
  'header',
  'messageId',
  'inReplyTo',
  'references',
  'date',
  'priority',
  'autoSubmitted',
  'unsubscribe',
  'oneClick',
];

function readyMessageOptions(): Option[] {
  return [
    new Option('--eml <file>', 'send this message unchanged except for Bcc; - is standard input').conflicts(
      // Not --from, which MB_FROM may set; send() refuses it when it is on the command line.
      MESSAGE_FLAGS.filter((name) => name !== 'from'),
    ),
    new Option('--envelope-from <address>', 'return path, "" is the null path; default Sender or From'),
    list('--envelope-to <address>', 'recipients instead of those in the header; default To, Cc, Bcc'),
  ];
}

/** Flags of `SignatureFlags`. */
export function signatureOptions(): Option[] {
  return [
    new Option('--dkim-key <file>', 'private key, PEM; MB_DKIM_KEY may hold the PEM itself').env(
      'MB_DKIM_KEY_FILE',
    ),
    new Option('--dkim-selector <name>', 'selector of the key in DNS').env('MB_DKIM_SELECTOR'),
    new Option('--dkim-domain <domain>', 'signing domain; default that of From').env('MB_DKIM_DOMAIN'),
  ];
}

function queueOptions(): Option[] {
  return [
    new Option('--queue', 'queue the message for "mb work" to deliver, and send nothing now').conflicts([
      'dryRun',
      'watch',
      'timeout',
    ]),
    storeFlag(),
    new Option('--idempotency-key <key>', 'queue the message only once, even if the command is repeated'),
    new Option('--not-before <date>', 'make no attempt before this date').argParser(parseMoment),
    new Option(
      '--tenant <name>',
      'tenant of the message; tenants take turns at delivery, and may have their own domains',
    ),
    new Option('--tag <word>', 'word by which to select the message later'),
  ];
}

/** Flags of `DeliveryFlags`. */
export function deliveryOptions(): Option[] {
  return [
    new Option('--hostname <name>', "this machine's public name, for EHLO; default the system's").env(
      'MB_HOSTNAME',
    ),
    list(
      '--resolver <server>',
      "DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's",
    ).env('MB_RESOLVER'),
    new Option('--port <number>', 'port of mail exchangers; default 25')
      .argParser(wholeNumber(1, 65_535))
      .env('MB_PORT'),
    allowOption(),
    new Option('--relay <host:port>', 'send all mail through this host; smtps://host for implicit TLS').env(
      'MB_RELAY',
    ),
    new Option('--dev <host:port>', 'deliver all mail to this host and nowhere else, such as "mb inbox"').env(
      'MB_DEV',
    ),
    list('--local-address <ip>', 'address of this machine to connect from'),
    new Option('--family <4|6>', 'use only IPv4 or only IPv6').choices(['4', '6']),
    new Option('--tls <level>', 'minimum TLS that each host must offer; default opportunistic').choices([
      'opportunistic',
      'required',
      'verified',
    ]),
    new Option('--ca <file>', "certificates to trust instead of the system's, PEM"),
    new Option('--reply-rules <file>', 'JSON list of reply rules to try first'),
  ];
}

/** A flag that may be repeated. */
function list(flags: string, description: string): Option {
  const option = new Option(flags, description);
  // The first value replaces a default; a value of the environment comes in the same way.
  return option.argParser((value: string, before: readonly string[] | undefined) => [
    ...(before === undefined || before === option.defaultValue ? [] : before),
    value,
  ]);
}
