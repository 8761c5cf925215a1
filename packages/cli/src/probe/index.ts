import { readFile } from 'node:fs/promises';
import { hostname as machineName } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type AllowFlag, allowedAddresses, allowOption } from '../allow.ts';
import {
  processTerminal,
  type ResolverFlags,
  resolverFlags,
  resolverFor,
  type Terminal,
  toJson,
} from '../dns/terminal.ts';
import { parseSeconds } from '../parse-flag.ts';
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
The probe connects to whatever address is given. --allow permits addresses that are not public for
the MTA-STS policy and for the mail route of --domain.
Exit codes: 0 every policy of the domain accepts, 1 one refuses or cannot be looked up, 2 there is
no session with the host.

Examples:
  mb probe mx.example.org --domain example.org
  mb probe mx.example.org --json`;

/**
 * `mb probe HOST`: what a mail server offers, its certificates, and whether DANE and MTA-STS would accept it. No mail is
 * offered. Exit code 0: every policy of the domain accepts. 1: one refuses or cannot be looked up. 2: there is no session
 * with the host.
 */
export function probeCommand(terminal: Terminal = processTerminal): Command {
  const command = new Command('probe')
    .description('show what a mail server offers and whether senders would trust it')
    .argument('<host>', 'name of the mail exchanger')
    .addOption(new Option('--port <number>', 'port of the server').default(25).argParser(parsePort))
    .option('--domain <domain>', 'domain whose mail it takes, for MTA-STS and DANE (default: the host)')
    .option('--address <address...>', 'connect here instead of to the addresses in DNS')
    .addOption(allowOption())
    .option('--helo <name>', 'name said in EHLO (default: the name of this machine)')
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

/** The PKIX verdict is shown, but no policy of its own asks for it; only MTA-STS and DANE are promises of the domain. */
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

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('It must be a port number.');
  return port;
}
