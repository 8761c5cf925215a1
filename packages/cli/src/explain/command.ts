import { hostname as systemHostname } from 'node:os';
import { type ExplainedDelivery, MailBroker } from '@mb/broker';
import { Command, Option } from 'commander';
import { exitCodeOf } from '../exit-code.ts';
import { print, printJson } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import { brokerOptions } from '../send/broker-options.ts';
import { type DeliveryFlags, deliveryOptions } from '../send/flags.ts';
import { interruptible } from '../send/interruption.ts';
import { formatDelivery } from './report.ts';

interface ExplainFlags extends DeliveryFlags {
  readonly requireTls?: true;
  readonly timeout?: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb explain bob@example.org
  mb explain example.org example.net --json | jq '.deliveries[].hosts[].security'
  mb explain bob@example.org --require-tls

With --timeout, what is not known after this many seconds is marked as such.

Exit codes, the highest that applies:
  0   every address has a usable host
  1   some would be deferred: DNS fails or does not answer in time, or no host meets the policy
  2   some would fail`;

/** `mb explain ADDRESS…`: route, hosts and required TLS with the reason, without connecting to any host. */
export function explainCommand(): Command {
  const command = new Command('explain')
    .description('show where mail for an address would go, and which TLS would be required and why')
    .argument('<address...>', 'addresses or domains');
  for (const option of deliveryOptions()) command.addOption(option);
  return command
    .option('--require-tls', 'as for a message that requires verified TLS on every hop (RFC 8689)')
    .addOption(new Option('--timeout <seconds>', 'time for all lookups').argParser(wholeNumber(1, 86_400)))
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(explain);
}

async function explain(addresses: readonly string[], flags: ExplainFlags): Promise<void> {
  const broker = new MailBroker(await brokerOptions({ ...flags, hostname: nameOf(flags) }, '', () => {}));
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

/** Our name matters only where it is among the mail exchangers (RFC 5321 §5.1); any machine may ask. */
function nameOf({ hostname }: ExplainFlags): string {
  const own = systemHostname();
  return hostname ?? (own.includes('.') ? own : 'mb.invalid');
}

function endOf({ failure, hosts }: ExplainedDelivery): { readonly status: string }[] {
  if (failure) return [{ status: failure.status === 'permanent' ? 'failed' : 'deferred' }];
  if (hosts.some(({ security }) => security.usable)) return [];
  const refused = hosts.every(({ security }) => !security.usable && security.enhanced.startsWith('5'));
  return [{ status: refused ? 'failed' : 'deferred' }];
}
