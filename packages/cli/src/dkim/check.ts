import { checkPublishedKey, type PublishedKeyCheck } from '@mb/dkim';
import { toNodeDns } from '@mb/dns';
import { Command } from 'commander';
import { printable, type ResolverFlags, resolverFlags, resolverFor, toJson } from '../dns/terminal.ts';
import { fitLines } from '../terminal.ts';
import { readKey } from './key-file.ts';
import type { DkimTerminal } from './terminal.ts';

interface CheckFlags extends ResolverFlags {
  readonly key?: string;
}

/** `mb dkim check DOMAIN SELECTOR`: the published record, and whether it belongs to a private key. */
export function checkCommand(terminal: DkimTerminal): Command {
  const command = new Command('check')
    .description('check a published key record, and whether it belongs to a private key')
    .argument('<domain>', 'signing domain')
    .argument('<selector>', 'name of the key')
    .option('--key <file>', 'the private key that signs')
    .addHelpText(
      'after',
      `
Examples:
  mb dkim check example.com 2026
  mb dkim check example.com 2026 --key 2026.example.com.pem

Exit codes: 0 usable and matching, 1 not, 2 DNS failed for now.`,
    );
  for (const option of resolverFlags()) command.addOption(option);
  return command.action(async (domain: string, selector: string, flags: CheckFlags) => {
    const key = flags.key === undefined ? undefined : await readKey({ selector, path: flags.key }, terminal);
    const { resolveTxt } = toNodeDns(resolverFor(flags, terminal));
    const check = await checkPublishedKey({ domain, selector, resolveTxt, ...key });
    terminal.write(
      flags.json ? toJson(check) : `${fitLines(describe(check).map(printable))}${expectedRecord(check)}`,
    );
    terminal.setExitCode(check.status === 'match' ? 0 : check.status === 'unknown' ? 2 : 1);
  });
}

function describe(check: PublishedKeyCheck): string[] {
  const bits = check.keyBits === undefined ? '' : ` (${check.keyBits} bits)`;
  return [
    `${check.dnsName}: ${check.detail}${bits}`,
    ...check.warnings.map((warning) => `warning: ${warning}`),
  ];
}

/** The record that belongs to the key, not wrapped, so that it can be copied. */
function expectedRecord({ status, expectedRecord: record }: PublishedKeyCheck): string {
  if (status === 'match' || status === 'unknown' || record === undefined) return '';
  return `\nexpected record:\n${printable(record)}\n`;
}
