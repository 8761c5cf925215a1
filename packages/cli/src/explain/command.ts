import { hostname as systemHostname } from 'node:os';
import { type BrokerOptions, type ExplainedDelivery, MailBroker } from '@mb/broker';
import { Command, Option } from 'commander';
import { CliError } from '../errors.ts';
import { exitCodeOf } from '../exit-code.ts';
import { print, printJson } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import { brokerOptions } from '../send/broker-options.ts';
import { type DeliveryFlags, deliveryOptions } from '../send/flags.ts';
import { interruptible } from '../signals.ts';
import { formatDelivery } from './report.ts';

interface ExplainFlags extends DeliveryFlags {
  readonly fromDomain?: string;
  readonly tenant?: string;
  readonly requireTls?: true;
  readonly timeout?: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb explain bob@example.org
  mb explain example.org example.net --json | jq '.deliveries[].hosts[].security'
  mb explain bob@example.org --require-tls
  mb explain bob@example.org --from-domain example.com --tenant shop

After --timeout seconds, what is still unknown is shown as unknown.

Exit codes, the highest that applies:
  0   every address has a usable host
  1   some would be deferred: DNS fails or does not answer in time, or no host meets the policy
  2   some would fail`;

/** `mb explain ADDRESS…`: prints route, hosts and required TLS with the reason, without connecting to any host. */
export function explainCommand(): Command {
  const command = new Command('explain')
    .description('show where mail for an address would go, and which TLS would be required and why')
    .argument('<address...>', 'addresses or domains');
  for (const option of deliveryOptions()) command.addOption(option);
  return command
    .option('--from-domain <domain>', 'explain for mail of this configured domain; default the first one')
    .option('--tenant <name>', 'explain for mail of this tenant')
    .option('--require-tls', 'explain for a message that requires verified TLS on every hop (RFC 8689)')
    .addOption(new Option('--timeout <seconds>', 'time for all lookups').argParser(wholeNumber(1, 86_400)))
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(explain);
}

async function explain(addresses: readonly string[], flags: ExplainFlags): Promise<void> {
  const broker = new MailBroker(await explainingOptions(flags));
  const interruption = interruptible(undefined);
  try {
    const { deliveries } = await broker.explain(
      {
        from: 'postmaster@mb.invalid',
        bcc: addresses.map((one) => (one.includes('@') ? one : `postmaster@${one}`)),
        text: '',
      },
      {
        signal: interruption.signal,
        requireTls: flags.requireTls ?? false,
        ...(flags.timeout !== undefined && { timeoutMs: flags.timeout * 1000 }),
      },
    );
    process.exitCode = exitCodeOf(deliveries.flatMap(endOf));
    if (flags.json) printJson({ exitCode: process.exitCode, deliveries });
    else print(deliveries.map((delivery) => formatDelivery(delivery)).join('\n'));
  } finally {
    interruption.end();
  }
}

/** The options of a broker that signs nothing, since no message is given. */
async function explainingOptions(flags: ExplainFlags): Promise<BrokerOptions> {
  const { profileFor, ...options } = await brokerOptions(
    { ...flags, ...nameOf(flags) },
    '',
    () => {},
    'explain',
  );
  const { fromDomain, tenant } = flags;
  if (!profileFor) {
    if (fromDomain === undefined) return options;
    throw new CliError(
      'MB_CLI_USAGE',
      '--from-domain needs domains in the configuration; it has none. Leave the flag out.',
    );
  }
  const [first] = flags.optionSections!.domains as readonly { readonly domain: string }[];
  const message = { authorDomain: fromDomain ?? first!.domain, tenant, tag: undefined, sender: '' };
  const profile = await Promise.resolve(message)
    .then(profileFor)
    .catch((cause: Error) => {
      throw new CliError('MB_CLI_USAGE', `--from-domain ${message.authorDomain}: ${cause.message}`, {
        cause,
      });
    });
  return { ...options, profileFor: () => ({ ...profile, dkim: undefined }) };
}

/** The host name matters only if it is among the mail exchangers (RFC 5321 §5.1); explaining needs none. */
function nameOf({ hostname, optionSections }: ExplainFlags): { readonly hostname?: string } {
  const own = systemHostname();
  const configured = (optionSections?.broker as { readonly hostname?: unknown } | undefined)?.hostname;
  return hostname !== undefined || configured !== undefined || own.includes('.')
    ? {}
    : { hostname: 'mb.invalid' };
}

function endOf({ failure, hosts }: ExplainedDelivery): { readonly status: string }[] {
  if (failure) return [{ status: failure.status === 'permanent' ? 'failed' : 'deferred' }];
  if (hosts.some(({ security }) => security.usable)) return [];
  const refused = hosts.every(({ security }) => !security.usable && security.enhanced.startsWith('5'));
  return [{ status: refused ? 'failed' : 'deferred' }];
}
