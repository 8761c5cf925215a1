import { readFile } from 'node:fs/promises';
import { hostname as machineName } from 'node:os';
import { Command, Option } from 'commander';
import { type AllowFlag, allowedAddresses, allowOption } from '../allow.ts';
import {
  processTerminal,
  type ResolverFlags,
  resolverFlags,
  resolverFor,
  type Terminal,
  toJson,
} from '../dns/terminal.ts';
import { parseSeconds, wholeNumber } from '../parse-flag.ts';
import { unreadable } from '../send/file.ts';
import { examineHost, type ProbeReport } from './examine.ts';
import { formatProbe } from './report.ts';

interface ProbeFlags extends ResolverFlags, AllowFlag {
  readonly port: number;
  readonly domain?: string;
  readonly address?: readonly string[];
  readonly helo?: string;
  readonly ca?: string;
  readonly patience: number;
  readonly verbose?: boolean;
}

const help = `
The probe connects to any address, public or not. --allow is for the MTA-STS policy and the mail
route of --domain.
Exit codes: 0 every policy of the domain accepts, 1 one refuses or cannot be looked up, 2 no session
with the host.

Examples:
  mb probe mx.example.org --domain example.org
  mb probe mx.example.org --json`;

/**
 * `mb probe HOST`: prints what a mail server offers, its certificates, and whether DANE and MTA-STS accept it. No mail
 * is sent.
 */
export function probeCommand(terminal: Terminal = processTerminal): Command {
  const command = new Command('probe')
    .description('show what a mail server offers and whether senders would trust it')
    .argument('<host>', 'name of the mail exchanger')
    .addOption(
      new Option('--port <number>', 'port of the server').default(25).argParser(wholeNumber(1, 65_535)),
    )
    .option('--domain <domain>', 'domain whose mail it takes, for MTA-STS and DANE (default: the host)')
    .option('--address <address...>', 'connect to these addresses instead of those in DNS')
    .addOption(allowOption())
    .option('--helo <name>', 'EHLO name (default: the name of this machine)')
    .option('--ca <file>', 'trust the authorities in this PEM file')
    .addOption(new Option('--patience <seconds>', 'time for each step').default(30).argParser(parseSeconds))
    .option('-v, --verbose', 'also print the session')
    .addHelpText('after', help);
  for (const option of resolverFlags()) command.addOption(option);
  return command.action(async (host: string, flags: ProbeFlags) => {
    const report = await examineHost(await readRequest(host, flags), resolverFor(flags, terminal));
    terminal.write(flags.json ? toJson(report) : formatProbe(report, flags.verbose === true));
    terminal.setExitCode(exitCodeOf(report));
  });
}

/** The exit code. The PKIX verdict is ignored: only MTA-STS and DANE are policies of the domain. */
function exitCodeOf({ reachable, policies }: ProbeReport): number {
  if (!reachable) return 2;
  const promised = policies.filter(({ policy }) => policy !== 'pkix');
  return promised.some(({ verdict }) => verdict === 'refuses' || verdict === 'unsure') ? 1 : 0;
}

async function readRequest(host: string, flags: ProbeFlags) {
  const { port, domain = host, address, helo, ca, patience, allow } = flags;
  return {
    host,
    port,
    domain,
    hostname: helo ?? (machineName() || 'localhost'),
    timeoutMs: patience * 1000,
    ...(allow === undefined ? {} : { allowAddresses: allowedAddresses(allow) }),
    ...(address === undefined ? {} : { addresses: address }),
    ...(ca === undefined ? {} : { ca: await readCa(ca) }),
  };
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadable('--ca', path, cause);
  }
}
