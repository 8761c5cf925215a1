import { schemaVersion } from '@mb/broker/sqlite';
import { Command } from 'commander';
import { print, printJson } from '../output.ts';
import { type StoreFlags, storeFlag, withStore } from './store.ts';

interface MigrateFlags extends StoreFlags {
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb queue migrate --store queue.db

"mb work" and "mb send --queue" do the same when they open a queue; the other commands never do.
Exit codes: 0 up to date, 64 there is no queue, or one of a newer version.`;

/** `mb queue migrate`: brings the tables of a queue up to this version. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the tables of a queue up to this version')
    .addOption(storeFlag())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: MigrateFlags) => {
      await withStore(flags, 'migrate', async () => {});
      if (flags.json) printJson({ schema: schemaVersion });
      else print(`The queue has schema ${schemaVersion}.\n`);
    });
}
