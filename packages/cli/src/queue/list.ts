import type { RecipientView } from '@mb/broker';
import { Command, Option } from 'commander';
import { print, printJson } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import { type ServerFlags, serverFlag } from '../remote/server-flag.ts';
import { formatTable } from '../table.ts';
import { formatDistance } from '../time.ts';
import { eachRecipient, lastWord } from './recipients.ts';
import { addSelectorFlags, readSelectors, type SelectorFlags } from './selector.ts';
import { withQueue } from './store.ts';
import { type StoreFlags, storeFlag } from './store-flag.ts';

interface ListFlags extends StoreFlags, ServerFlags, SelectorFlags {
  readonly limit: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb queue ls --store queue.db
  mb queue ls --state held --domain example.org
  mb queue ls --json | jq -r '.rows[].address'

Exit codes: 0 listed, even if the list is empty.`;

/** `mb queue ls`: lists recipients with their state, next attempt and latest reply. */
export function listCommand(): Command {
  const command = new Command('ls')
    .description('list recipients')
    .argument('[message...]', 'only of these messages')
    .addOption(storeFlag())
    .addOption(serverFlag());
  return addSelectorFlags(command)
    .addOption(
      new Option('--limit <number>', 'maximum number of rows')
        .default(100)
        .argParser(wholeNumber(1, 1_000_000)),
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(list);
}

async function list(messageIds: readonly string[], flags: ListFlags): Promise<void> {
  const rows: RecipientView[] = [];
  const more = await withQueue(flags, 'read', async ({ control }) => {
    for await (const row of eachRecipient(control, readSelectors(messageIds, flags))) {
      if (rows.length === flags.limit) return true;
      rows.push(row);
    }
    return false;
  });
  if (flags.json) printJson({ rows, more });
  else if (rows.length === 0) print('No recipients match.\n');
  else print(formatRecipients(rows));
  if (more && !flags.json)
    print(`\nThere are more; select fewer recipients, or raise --limit ${flags.limit}.\n`);
}

/** Formats recipients as a table. */
export function formatRecipients(rows: readonly RecipientView[]): string {
  const head = ['MESSAGE', 'RECIPIENT', 'STATE', 'TRIES', 'NEXT', 'LATEST REPLY'];
  return formatTable(
    head,
    rows.map((row) => [
      row.messageId,
      row.address,
      row.inFlight ? 'in flight' : row.state,
      String(row.attempts),
      row.dueAt === undefined || row.inFlight ? '' : formatDue(row.dueAt),
      lastWord(row.detail),
    ]),
  );
}

function formatDue(dueAt: number): string {
  return dueAt <= Date.now() ? 'now' : formatDistance(dueAt);
}
