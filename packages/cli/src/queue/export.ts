import { once } from 'node:events';
import type { RecipientView } from '@mb/broker';
import { csvCell } from '@mb/broker/printable-text';
import { Command, Option } from 'commander';
import { jsonLine } from '../output.ts';
import { type ServerFlags, serverFlag } from '../remote/server-flag.ts';
import { eachRecipient, lastWord } from './recipients.ts';
import { addSelectorFlags, readSelectors, type SelectorFlags } from './selector.ts';
import { withQueue } from './store.ts';
import { type StoreFlags, storeFlag } from './store-flag.ts';

interface ExportFlags extends StoreFlags, ServerFlags, SelectorFlags {
  readonly format: 'jsonl' | 'csv';
}

const EXAMPLES = `
Examples:
  mb queue export --store queue.db --state failed --format csv > failed.csv
  mb queue export --tag newsletter | jq -r .address

All rows are written, in constant memory. Times are epoch milliseconds in JSON and ISO 8601 in CSV.
Exit codes: 0 written.`;

/** `mb queue export`: writes recipients as JSON lines or CSV (RFC 4180), for other programs. */
export function exportCommand(): Command {
  const command = new Command('export')
    .description('write recipients as JSON lines or CSV, for other programs')
    .argument('[message...]', 'only of these messages')
    .addOption(storeFlag())
    .addOption(serverFlag());
  return addSelectorFlags(command)
    .addOption(new Option('--format <format>', 'how to write').choices(['jsonl', 'csv']).default('jsonl'))
    .addOption(new Option('--json', 'the same as --format jsonl').implies({ format: 'jsonl' }))
    .addHelpText('after', EXAMPLES)
    .action((messageIds: readonly string[], flags: ExportFlags) =>
      withQueue(flags, 'read', async ({ control }) => {
        if (flags.format === 'csv') await write(csvLine(COLUMNS.map(([name]) => name)));
        for await (const row of eachRecipient(control, readSelectors(messageIds, flags))) {
          await write(flags.format === 'csv' ? csvLine(COLUMNS.map(([, of]) => of(row))) : jsonLine(row));
        }
      }),
    );
}

const COLUMNS: readonly (readonly [name: string, of: (row: RecipientView) => string])[] = [
  ['message', ({ messageId }) => messageId],
  ['address', ({ address }) => address],
  ['state', ({ state }) => state],
  ['attempts', ({ attempts }) => String(attempts)],
  ['site', ({ site }) => site],
  ['tenant', ({ tenant }) => tenant],
  ['tag', ({ tag }) => tag ?? ''],
  ['accepted', ({ acceptedAt }) => moment(acceptedAt)],
  ['due', ({ dueAt }) => moment(dueAt)],
  ['expires', ({ expiresAt }) => moment(expiresAt)],
  ['finished', ({ finishedAt }) => moment(finishedAt)],
  ['latest', ({ detail }) => lastWord(detail)],
];

function moment(at: number | undefined): string {
  return at === undefined ? '' : new Date(at).toISOString();
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
