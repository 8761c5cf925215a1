import {
  type DomainChanges,
  formatZoneFile,
  type ImportedKey,
  type MtaStsSuggestion,
  type NewDomain,
} from '@mb/broker/domains';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type KeyName, parseKeyName } from '../dkim/key-file.ts';
import { CliError } from '../errors.ts';
import { notice, print, printJson } from '../output.ts';
import { confirm } from '../queue/confirm.ts';
import { serviceCommand } from '../remote/service-command.ts';
import { readInput } from '../send/file.ts';
import { deliveryOptions } from '../send/flags.ts';
import { type DomainFlags, withDomains } from './domain-access.ts';
import { masterKeyFlag } from './master-key.ts';
import { masterKeyCommand } from './master-key-command.ts';
import { checkTable, domainTable, keyTable, recordTable } from './report.ts';
import type { ShownDomain } from './shown-domain.ts';

interface AddFlags extends DomainFlags {
  readonly tenant?: string;
  readonly ehlo?: string;
  readonly returnPath?: string;
  readonly minimumTls?: NewDomain['tls'];
  readonly algorithm?: readonly ('rsa' | 'ed25519')[];
  readonly importKey?: readonly KeyName[];
}

/** `mb domain …`: manages the domains that mail is sent as, and their DKIM keys. */
export function domainCommand(): Command {
  return new Command('domain')
    .description('add domains, see what to publish, and rotate their DKIM keys while the service runs')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(setCommand())
    .addCommand(checkCommand())
    .addCommand(rotateCommand())
    .addCommand(removeCommand())
    .addCommand(masterKeyCommand());
}

/** A command on the domains of a queue or a server. */
function command(name: string, description: string): Command {
  const shared = deliveryOptions().filter((option) =>
    ['hostname', 'resolver', 'allow', 'localAddress'].includes(option.attributeName()),
  );
  const made = serviceCommand(name, description);
  for (const option of [masterKeyFlag(), ...shared]) made.addOption(option);
  return made;
}

function addCommand(): Command {
  const words = (text: string, before: readonly string[] = []) => {
    const names = text.split(',').map((one) => one.trim());
    if (names.some((one) => one !== 'rsa' && one !== 'ed25519')) {
      throw new InvalidArgumentError('It must be rsa, ed25519 or rsa,ed25519.');
    }
    return [...before, ...names];
  };
  return command('add', 'add a domain, and print what to publish')
    .argument('<domain>', 'domain of From; its subdomains are included')
    .option('--tenant <name>', 'the tenant that may use it; default all tenants')
    .option('--ehlo <name>', 'EHLO name for its mail; default that of the service')
    .option('--return-path <domain>', 'subdomain for return paths, such as bounces.example.com')
    .addOption(
      new Option('--minimum-tls <level>', 'least TLS for its mail; default that of the service').choices([
        'opportunistic',
        'required',
        'verified',
      ]),
    )
    .addOption(new Option('--algorithm <names>', 'keys to make; default rsa,ed25519').argParser(words))
    .addOption(
      new Option(
        '--import-key <selector:file>',
        'an existing key of the domain, instead of new ones; repeat the flag for more',
      ).argParser(parseKeyName),
    )
    .addHelpText(
      'after',
      `
Examples:
  mb domain master-key new --out master.key
  mb domain add example.com --store queue.db --master-key master.key --hostname mail.example.com
  mb domain add shop.example --tenant shop --return-path bounces.shop.example --server https://mail.example.com

Mail of the domain waits until every authoritative server has the records of its keys.
Exit codes: 0 added.`,
    )
    .action(async (domain: string, flags: AddFlags) => {
      const { tenant, ehlo, returnPath, minimumTls, algorithm, importKey } = flags;
      const keys = importKey && (await Promise.all(importKey.map(readImported)));
      const given: NewDomain = {
        domain,
        ...(tenant !== undefined && { tenant }),
        ...(ehlo !== undefined && { hostname: ehlo }),
        ...(returnPath !== undefined && { returnPath }),
        ...(minimumTls && { tls: minimumTls }),
        ...(algorithm && { algorithms: algorithm.map((name) => `${name}-sha256` as const) }),
        ...(keys && { keys }),
      };
      const { added, mtaSts } = await withDomains(flags, 'create', async (domains) => {
        const made = await domains.add(given);
        return { added: made, mtaSts: await domains.mtaSts(made.domain) };
      });
      if (flags.json) return printJson({ ...added, mtaSts });
      printRecords(added);
      printPolicy(mtaSts);
      notice(`Added ${added.domain}. ${added.status}`);
    });
}

function listCommand(): Command {
  return command('ls', 'list domains')
    .addHelpText(
      'after',
      '\nExamples:\n  mb domain ls --store queue.db\n\nExit codes: 0 listed, 1 there is none.',
    )
    .action(async (flags: DomainFlags) => {
      const rows = await withDomains(flags, 'read', (domains) => domains.list());
      process.exitCode = rows.length === 0 ? 1 : 0;
      if (flags.json) return printJson({ rows });
      print(rows.length === 0 ? 'There are no domains.\n' : domainTable(rows));
    });
}

function showCommand(): Command {
  return command('show', 'show a domain: its keys, and the records to publish')
    .argument('<domain>')
    .option('--zone', 'print the records as lines of a zone file, and nothing else')
    .option('--mta-sts', 'print the file that belongs to the _mta-sts record, and nothing else')
    .addHelpText(
      'after',
      '\nExamples:\n  mb domain show example.com\n  mb domain show example.com --zone >>example.com.zone\n  mb domain show example.com --mta-sts >mta-sts.txt\n\nExit codes: 0 shown, 1 there is no MTA-STS file yet.',
    )
    .action(async (domain: string, flags: DomainFlags & { readonly zone?: true; readonly mtaSts?: true }) => {
      const { found, mtaSts } = await withDomains(flags, 'read', async (domains) => {
        const shown = await domains.get(domain);
        return { found: shown, mtaSts: await domains.mtaSts(shown.domain) };
      });
      if (flags.json) return printJson({ ...found, mtaSts });
      if (flags.zone) return print(formatZoneFile(found.records));
      if (flags.mtaSts) {
        if (mtaSts.policy !== undefined) return print(mtaSts.policy);
        process.exitCode = 1;
        return notice(mtaSts.detail);
      }
      print(`${found.domain}: ${found.status}\n\n${keyTable(found)}\n`);
      printRecords(found);
      printPolicy(mtaSts);
    });
}

interface SetFlags extends DomainFlags {
  readonly tenant?: string;
  readonly ehlo?: string;
  readonly returnPath?: string;
  readonly minimumTls?: NewDomain['tls'];
  readonly unset?: readonly Setting[];
}

/** Settings by the flag that sets them. */
const settings = {
  tenant: 'tenant',
  ehlo: 'hostname',
  'return-path': 'returnPath',
  'minimum-tls': 'tls',
} as const satisfies Readonly<Record<string, keyof DomainChanges>>;

type Setting = keyof typeof settings;

function setCommand(): Command {
  const known = Object.keys(settings) as Setting[];
  const names = (text: string, before: readonly Setting[] = []) => {
    const given = text.split(',').map((one) => one.trim()) as Setting[];
    if (given.some((one) => !known.includes(one))) {
      throw new InvalidArgumentError(`It must be one or more of ${known.join(', ')}, separated by commas.`);
    }
    return [...before, ...given];
  };
  return command('set', 'change the settings of a domain, for mail sent from now on')
    .argument('<domain>')
    .option('--tenant <name>', 'the tenant that may use it')
    .option('--ehlo <name>', 'EHLO name for its mail')
    .option('--return-path <domain>', 'subdomain for return paths, such as bounces.example.com')
    .addOption(
      new Option('--minimum-tls <level>', 'least TLS for its mail').choices([
        'opportunistic',
        'required',
        'verified',
      ]),
    )
    .addOption(new Option('--unset <names>', `reset to the default: ${known.join(', ')}`).argParser(names))
    .addHelpText(
      'after',
      `
Examples:
  mb domain set example.com --return-path bounces.example.com --minimum-tls required
  mb domain set example.com --unset minimum-tls,tenant

Bounces to the old return path are no longer recognised: change it when no mail is in transit. "mb
domain show" prints the records that the new one needs.
Exit codes: 0 changed, 64 a setting is wrong.`,
    )
    .action(async (domain: string, flags: SetFlags) => {
      const { tenant, ehlo, returnPath, minimumTls, unset = [] } = flags;
      const given: DomainChanges = {
        ...(tenant !== undefined && { tenant }),
        ...(ehlo !== undefined && { hostname: ehlo }),
        ...(returnPath !== undefined && { returnPath }),
        ...(minimumTls && { tls: minimumTls }),
      };
      const twice = unset.find((name) => settings[name] in given);
      if (twice !== undefined) {
        throw new CliError('MB_CLI_USAGE', `--${twice} and --unset ${twice} contradict each other.`);
      }
      const changes = { ...given, ...Object.fromEntries(unset.map((name) => [settings[name], null])) };
      if (Object.keys(changes).length === 0) {
        throw new CliError(
          'MB_CLI_USAGE',
          `Give a setting to change: ${known.map((name) => `--${name}`).join(', ')} or --unset.`,
        );
      }
      const changed = await withDomains(flags, 'change', (domains) => domains.change(domain, changes));
      if (flags.json) return printJson(changed);
      printRecords(changed);
      notice(`Changed ${changed.domain}.`);
    });
}

function checkCommand(): Command {
  return command('check', 'ask all authoritative servers for the records of a domain')
    .argument('<domain>')
    .addHelpText(
      'after',
      `
Examples:
  mb domain check example.com
  mb domain check example.com --json | jq '.records[] | select(.status != "seen")'

The result also activates or retires keys, as in the service, which checks every minute while a key
waits for its records.
Exit codes: 0 all required records were found, 1 a record is missing.`,
    )
    .action(async (domain: string, flags: DomainFlags) => {
      const check = await withDomains(flags, 'change', (domains) => domains.check(domain));
      process.exitCode = check.ok ? 0 : 1;
      if (flags.json) return printJson(check);
      print(`${check.domain.domain}: ${check.domain.status}\n\n${checkTable(check)}`);
    });
}

function rotateCommand(): Command {
  return command('rotate', 'make the next keys of a domain, and print what to publish')
    .argument('<domain>')
    .addHelpText(
      'after',
      `
Examples:
  mb domain rotate example.com

The service switches to the new keys some minutes after every authoritative server has the records.
Keep the old records for another week: "mb domain show" says until when.
Exit codes: 0 made, 64 a rotation is in progress.`,
    )
    .action(async (domain: string, flags: DomainFlags) => {
      const rotated = await withDomains(flags, 'change', (domains) => domains.rotate(domain));
      if (flags.json) return printJson(rotated);
      const next = rotated.keys.filter(({ state }) => state === 'next').map(({ record }) => record);
      print(`${recordTable(next)}\n${formatZoneFile(next)}`);
      notice(rotated.status);
    });
}

function removeCommand(): Command {
  return command('rm', 'remove a domain, or one of its keys')
    .argument('<domain>')
    .argument('[selector]', 'a key that does not sign yet or is no longer needed')
    .option('--force', 'remove a key that is retiring: mail in transit may then fail to verify')
    .option('-y, --yes', 'do not ask; needed where there is no terminal')
    .addHelpText(
      'after',
      `
Examples:
  mb domain rm example.com
  mb domain rm example.com mb20260101-x7k2-rsa --yes

Keys that were made together are removed together.
Exit codes: 0 removed, 64 the key is needed, 130 the answer was no.`,
    )
    .action(
      async (
        domain: string,
        selector: string | undefined,
        flags: DomainFlags & { readonly force?: true; readonly yes?: true },
      ) => {
        const what = selector === undefined ? `${domain} and its keys` : `Key ${selector} of ${domain}`;
        await withDomains(flags, 'change', async (domains) => {
          if (!(await confirm(`${what} will be removed.`, flags.yes ?? false))) return;
          if (selector === undefined) await domains.remove(domain);
          else await domains.removeKey(domain, selector, flags.force ?? false);
          if (flags.json) printJson({ domain, ...(selector !== undefined && { selector }), removed: true });
          else print(`${what} ${selector === undefined ? 'are' : 'is'} removed.\n`);
        });
      },
    );
}

function printRecords({ records }: ShownDomain): void {
  print(`${recordTable(records)}\n${formatZoneFile(records)}`);
}

function printPolicy({ url, policy, detail }: MtaStsSuggestion): void {
  const text = policy?.replaceAll('\r\n', '\n') ?? '';
  print(`\nFile for ${url}\n${text === '' ? '' : `${text}\n`}${detail}\n`);
}

async function readImported({ selector, path }: KeyName): Promise<ImportedKey> {
  return { selector, privateKey: (await readInput('--import-key', path)).toString() };
}
