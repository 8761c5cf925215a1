import { Command } from 'commander';
import { print, printJson } from '../output.ts';
import { withStore } from './store.ts';
import { type StoreFlags, storeFlag } from './store-flag.ts';

interface MigrateFlags extends StoreFlags {
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb queue migrate --store queue.db
  mb queue migrate --store postgres://owner@db.example.com/mail

In PostgreSQL it also creates missing tables. "mb work" and "mb send --queue" do the same when they
open a queue; other commands never do. A role without the right to create tables can use a queue
that its owner has migrated.
Exit codes: 0 up to date, 64 there is no queue, or it has a newer version.`;

/** `mb queue migrate`: brings the tables of a queue up to this version. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('update the tables of a queue to this version')
    .addOption(storeFlag())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: MigrateFlags) => {
      const from = await withStore(flags, 'migrate', async ({ foundSchema = 0 }) => foundSchema);
      // Open it again to read the version that it has now.
      const to = await withStore(flags, 'change', async ({ foundSchema = 0 }) => foundSchema);
      if (flags.json) printJson({ store: flags.store, from, to });
      else if (from === to) print(`The queue has schema ${to}, which is current.\n`);
      else if (from === 0) print(`A queue was created with schema ${to}.\n`);
      else print(`The queue was migrated from schema ${from} to ${to}.\n`);
    });
}
