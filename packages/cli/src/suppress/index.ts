import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  type NewSuppression,
  type Suppression,
  type SuppressionControl,
  type SuppressionReason,
  suppressionReasons,
} from '@mb/broker';
import { csvCell } from '@mb/broker/printable-text';
import { parseMailbox } from '@mb/mime';
import { Command, Option } from 'commander';
import { CliError } from '../errors.ts';
import { everyRow } from '../every-row.ts';
import { jsonLine, print, printJson } from '../output.ts';
import { plural } from '../plural.ts';
import { confirm } from '../queue/confirm.ts';
import { withQueue } from '../queue/store.ts';
import { type StoreFlags, storeFlag } from '../queue/store-flag.ts';
import { type ServerFlags, serverFlag } from '../remote/server-flag.ts';
import { unreadable } from '../send/file.ts';
import { formatTable } from '../table.ts';
import { printable } from '../terminal.ts';
import { formatMoment } from '../time.ts';

interface SuppressFlags extends StoreFlags, ServerFlags {
  /** Absent: the list of messages without a tenant. */
  readonly tenant?: string;
  readonly json?: true;
}

const page = 1000;

/** `mb suppress …`: shows and changes the list of addresses that get no mail. */
export function suppressCommand(): Command {
  return new Command('suppress')
    .description('show and change the list of addresses that get no mail')
    .addCommand(listCommand())
    .addCommand(addCommand())
    .addCommand(liftCommand())
    .addCommand(exportCommand())
    .addCommand(importCommand());
}

function base(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(storeFlag())
    .addOption(serverFlag())
    .option('--tenant <name>', "this tenant's list; default the list of messages without a tenant");
}

function listCommand(): Command {
  return base('ls', 'list suppressed addresses')
    .argument('[address...]', 'only these')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  mb suppress ls --store queue.db\n  mb suppress ls bob@example.org\n\nExit codes: 0 listed, 1 no such address.',
    )
    .action(async (addresses: readonly string[], flags: SuppressFlags) => {
      const rows = await withQueue(flags, 'read', async ({ suppressions }) => {
        if (addresses.length > 0) return suppressions.find(addresses, flags.tenant);
        const all: Suppression[] = [];
        for await (const row of eachEntry(suppressions, flags)) all.push(row);
        return all;
      });
      if (flags.json) printJson({ rows });
      else if (rows.length === 0) print('No addresses are suppressed.\n');
      else {
        const cells = rows.map(({ address, reason, since }) => [address, reason, formatMoment(since)]);
        print(formatTable(['ADDRESS', 'REASON', 'SINCE'], cells));
      }
      process.exitCode = rows.length === 0 ? 1 : 0;
    });
}

function addCommand(): Command {
  return base('add', 'send no more mail to addresses')
    .argument('<address...>', 'addresses')
    .addOption(new Option('--reason <reason>', 'why').choices(suppressionReasons).default('operator'))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  mb suppress add bob@example.org --reason complaint\n\nAn address that is already on the list keeps its entry.\nExit codes: 0 all addresses are on the list.',
    )
    .action(
      async (addresses: readonly string[], flags: SuppressFlags & { readonly reason: SuppressionReason }) => {
        const { tenant, reason } = flags;
        const entries = addresses.map((address) => ({
          address: mailbox(address),
          reason,
          ...(tenant !== undefined && { tenant }),
        }));
        await withQueue(flags, 'change', ({ suppressions }) => suppressions.add(entries));
        if (flags.json) printJson({ suppressed: entries.map(({ address }) => address) });
        else for (const { address } of entries) print(`${printable(address)} is suppressed.\n`);
      },
    );
}

function liftCommand(): Command {
  return base('lift', 'remove addresses from the list')
    .argument('<address...>', 'addresses')
    .option('-y, --yes', 'do not ask; needed where there is no terminal')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  mb suppress lift bob@example.org --yes\n\nExit codes: 0 removed, 1 none of them was on the list, 130 the answer was no.',
    )
    .action(async (addresses: readonly string[], flags: SuppressFlags & { readonly yes?: true }) => {
      const lifted = await withQueue(flags, 'change', async ({ suppressions }) => {
        const found = await suppressions.find(addresses.map(mailbox), flags.tenant);
        const question = `${plural(found.length, 'address', 'addresses')} will get mail again.`;
        if (found.length > 0 && !(await confirm(question, flags.yes ?? false))) return undefined;
        return suppressions.lift(addresses.map(mailbox), flags.tenant);
      });
      if (lifted === undefined) return;
      if (flags.json) printJson({ lifted });
      else print(`${plural(lifted, 'address', 'addresses')} removed from the list.\n`);
      process.exitCode = lifted === 0 ? 1 : 0;
    });
}

function exportCommand(): Command {
  return base('export', 'write the list as JSON lines or CSV')
    .addOption(new Option('--format <format>', 'how to write').choices(['jsonl', 'csv']).default('jsonl'))
    .option('--all-tenants', 'the lists of all tenants')
    .addHelpText(
      'after',
      '\nExamples:\n  mb suppress export > suppressed.jsonl\n\n"mb suppress import" reads JSON lines again.\nExit codes: 0 written.',
    )
    .action((flags: SuppressFlags & { readonly format: 'jsonl' | 'csv'; readonly allTenants?: true }) =>
      withQueue(flags, 'read', async ({ suppressions }) => {
        if (flags.format === 'csv') print('address,reason,tenant,since\r\n');
        for await (const row of eachEntry(suppressions, flags)) {
          const { address, reason, tenant, since } = row;
          const cells = [address, reason, tenant, new Date(since).toISOString()];
          print(flags.format === 'csv' ? `${cells.map(csvCell).join(',')}\r\n` : jsonLine(row));
        }
      }),
    );
}

function importCommand(): Command {
  return base('import', 'add the addresses of a file')
    .argument('<file>', 'JSON lines of "mb suppress export", or one address per line; - is standard input')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  mb suppress import suppressed.jsonl --store other.db\n\nThe whole file is checked first.\nExit codes: 0 all addresses are on the list, 64 a line is wrong and nothing was changed.',
    )
    .action(async (path: string, flags: SuppressFlags) => {
      const entries = await readEntries(path, flags.tenant);
      await withQueue(flags, 'change', async ({ suppressions }) => {
        for (let from = 0; from < entries.length; from += page)
          await suppressions.add(entries.slice(from, from + page));
      });
      if (flags.json) printJson({ imported: entries.length });
      else
        print(`${entries.length === 1 ? '1 address is' : `${entries.length} addresses are`} on the list.\n`);
    });
}

function eachEntry(
  control: Pick<SuppressionControl, 'list'>,
  { tenant, allTenants }: SuppressFlags & { readonly allTenants?: true },
): AsyncGenerator<Suppression> {
  return everyRow((request) => control.list({ ...request, ...(!allTenants && { tenant: tenant ?? '' }) }));
}

async function readEntries(path: string, tenant: string | undefined): Promise<NewSuppression[]> {
  const entries: NewSuppression[] = [];
  let number = 0;
  try {
    const input = path === '-' ? process.stdin : createReadStream(path);
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      const text = line.trim();
      if (text !== '') entries.push({ ...readEntry(text, number), ...(tenant !== undefined && { tenant }) });
    }
  } catch (cause) {
    if (CliError.isInstance(cause)) throw cause;
    throw unreadable('file', path, cause);
  }
  return entries;
}

function readEntry(text: string, number: number): NewSuppression {
  try {
    if (!text.startsWith('{')) return { address: mailbox(text), reason: 'operator' };
    const { address, reason = 'operator', tenant, detail } = JSON.parse(text) as Partial<Suppression>;
    if (typeof address !== 'string' || !suppressionReasons.includes(reason))
      throw new Error('address or reason is missing');
    return {
      address: mailbox(address),
      reason,
      ...(typeof tenant === 'string' && tenant !== '' && { tenant }),
      ...(typeof detail === 'object' && detail !== null && { detail }),
    };
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('MB_CLI_RECIPIENTS', `Line ${number} is not a suppression entry: ${said}`, { cause });
  }
}

/** Parses an address as leniently as a received one, since every address that gets mail can be suppressed. */
function mailbox(text: string): string {
  return parseMailbox(text, { addresses: 'as-received' }).address;
}
