import { readFile } from 'node:fs/promises';
import { type DkimSelector, diagnoseSender, type FindingSeverity, worstSeverity } from '@mb/dns';
import { Command } from 'commander';
import { allowedAddresses, allowOption } from '../allow.ts';
import {
  processTerminal,
  type ResolverFlags,
  resolverFlags,
  resolverFor,
  type Terminal,
  toJson,
} from '../dns/terminal.ts';
import { unreadable } from '../send/file.ts';
import { formatFindings } from './report.ts';

interface DoctorFlags extends ResolverFlags {
  readonly ip?: readonly string[];
  readonly helo?: string;
  readonly mailFrom?: string;
  readonly dkim?: readonly string[];
  readonly probeDomain?: readonly string[];
  readonly allow?: readonly string[];
  /** False after `--no-probe`. */
  readonly probe: boolean;
}

const exitCodes: Readonly<Record<FindingSeverity, number>> = { ok: 0, info: 0, warning: 1, error: 2 };

const help = `
Exit codes: 0 no warnings, 1 warnings, 2 errors.

Example:
  mb doctor example.org --ip 192.0.2.1 --helo mail.example.org --dkim 2026:key.pem`;

/**
 * `mb doctor DOMAIN`: checks whether receivers will trust mail of a domain, and says what to change.
 */
export function doctorCommand(terminal: Terminal = processTerminal): Command {
  const command = new Command('doctor')
    .description('check whether receivers will trust mail of a domain')
    .argument('<domain>', 'domain of the From field')
    .option('--ip <address...>', 'addresses that mail leaves from')
    .option('--helo <name>', 'EHLO name of the sending hosts')
    .option('--mail-from <domain>', 'domain of MAIL FROM, if different')
    .option(
      '--dkim <selector:keyfile...>',
      'DKIM selectors, each with the private key that signs (the key is optional)',
    )
    .option('--probe-domain <domain...>', 'domains whose mail exchangers are probed on port 25')
    .option('--no-probe', 'do not probe port 25')
    .addHelpText('after', help);
  for (const option of [allowOption(), ...resolverFlags()]) command.addOption(option);
  return command.action(async (domain: string, flags: DoctorFlags) => {
    const dkim = await Promise.all((flags.dkim ?? []).map(readSelector));
    const findings = await diagnoseSender(
      {
        domain,
        dkim,
        addresses: flags.ip ?? [],
        ...(flags.helo === undefined ? {} : { helo: flags.helo }),
        ...(flags.mailFrom === undefined ? {} : { mailFrom: flags.mailFrom }),
        ...(flags.allow === undefined ? {} : { allowAddresses: allowedAddresses(flags.allow) }),
        probe: flags.probe && {
          ...(flags.probeDomain === undefined ? {} : { domains: flags.probeDomain }),
        },
      },
      resolverFor(flags, terminal),
    );
    terminal.write(flags.json ? toJson(findings) : formatFindings(domain, findings));
    terminal.setExitCode(exitCodes[worstSeverity(findings)]);
  });
}

/** `selector` or `selector:keyfile`. */
async function readSelector(text: string): Promise<DkimSelector> {
  const colon = text.indexOf(':');
  if (colon < 0) return { selector: text };
  const path = text.slice(colon + 1);
  try {
    return { selector: text.slice(0, colon), privateKey: await readFile(path, 'utf8') };
  } catch (cause) {
    throw unreadable('--dkim', path, cause);
  }
}
