import type { Resolver } from '@mb/dns';
import { Command, Option } from 'commander';
import { type AllowFlag, allowOption } from '../allow.ts';
import { wholeNumber } from '../parse-flag.ts';
import { fitLines, printable } from '../terminal.ts';
import {
  reportDmarc,
  reportMtaSts,
  reportMx,
  reportPtr,
  reportSpf,
  reportTlsa,
  reportTlsRpt,
} from './lookups.ts';
import { exitCodes, type LookupReport } from './report.ts';
import {
  processTerminal,
  type ResolverFlags,
  resolverFlags,
  resolverFor,
  type Terminal,
  toJson,
} from './terminal.ts';

const help = `
Exit codes: 0 found, 1 absent or refused, 2 no answer for now.

Examples:
  mb dns mx example.org
  mb dns spf example.org --ip 192.0.2.1
  mb dns tlsa example.org --resolver 127.0.0.1 --json`;

/** `mb dns …`: looks up the DNS records that mail uses. */
export function dnsCommand(terminal: Terminal = processTerminal): Command {
  const command = new Command('dns')
    .description('look up the DNS records that e-mail uses')
    .addHelpText('after', help);
  addLookup<AllowFlag>(command, terminal, 'mx <domain>', 'where mail for a domain goes', reportMx).addOption(
    allowOption(),
  );
  addLookup(command, terminal, 'dmarc <domain>', 'the DMARC policy for a domain', reportDmarc);
  addLookup<AllowFlag>(
    command,
    terminal,
    'mta-sts <domain>',
    'the MTA-STS record and policy of a domain',
    reportMtaSts,
  ).addOption(allowOption());
  addLookup(command, terminal, 'tls-rpt <domain>', 'where reports about TLS to a domain go', reportTlsRpt);
  addLookup(
    command,
    terminal,
    'ptr <address>',
    'the names of an address, and whether they resolve to it',
    reportPtr,
  );
  addLookup<AllowFlag & { port: number }>(
    command,
    terminal,
    'tlsa <domain>',
    'the TLSA records of the mail exchangers of a domain',
    reportTlsa,
  )
    .addOption(
      new Option('--port <number>', 'port of the service').default(25).argParser(wholeNumber(1, 65_535)),
    )
    .addOption(allowOption());
  addLookup<{ ip?: string; sender?: string; helo?: string }>(
    command,
    terminal,
    'spf <domain>',
    'the SPF record of a domain with all that it includes',
    reportSpf,
  )
    .option('--ip <address>', 'also check this sending address')
    .option('--sender <address>', 'reverse-path for the check')
    .option('--helo <name>', 'HELO name for the check');
  return command;
}

function addLookup<F = object>(
  parent: Command,
  terminal: Terminal,
  usage: string,
  description: string,
  report: (subject: string, resolver: Resolver, flags: F) => Promise<LookupReport>,
): Command {
  const command = parent.command(usage).description(description);
  for (const option of resolverFlags()) command.addOption(option);
  return command.action(async (subject: string, flags: ResolverFlags & F) => {
    const { lines, value, ending } = await report(subject, resolverFor(flags, terminal), flags);
    const text = fitLines(lines.map(printable));
    terminal.write(flags.json ? toJson(value) : text);
    terminal.setExitCode(exitCodes[ending]);
  });
}
