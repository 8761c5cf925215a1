import { QueueControl, type Selector } from '@mb/broker';
import { Command } from 'commander';
import { print, printJson } from '../output.ts';
import { addSelectorFlags, requireSelectors, type SelectorFlags } from './selector.ts';
import { type StoreFlags, storeFlag, withStore } from './store.ts';

/** What an operator does with recipients. */
export type Change = 'hold' | 'release' | 'cancel' | 'retry';

interface ChangeFlags extends StoreFlags, SelectorFlags {
  readonly json?: true;
}

const DESCRIPTIONS: Readonly<Record<Change, string>> = {
  hold: 'keep recipients from being attempted',
  release: 'let held recipients, and those of unknown fate, be attempted now',
  cancel: 'end recipients without delivery and without a report',
  retry: 'attempt queued recipients now, whatever their schedule says',
};

const DONE: Readonly<Record<Change, string>> = {
  hold: 'held',
  release: 'released',
  cancel: 'cancelled',
  retry: 'due now',
};

/** `mb queue hold|release|cancel|retry`: changes the recipients that messages or flags choose. */
export function changeCommand(change: Change): Command {
  const command = new Command(change)
    .description(DESCRIPTIONS[change])
    .argument('[message...]', 'ids of messages')
    .addOption(storeFlag());
  return addSelectorFlags(command)
    .option('--all', 'all recipients of the queue')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples(change))
    .action(async (messageIds: readonly string[], flags: ChangeFlags) => {
      const selectors = requireSelectors(messageIds, flags);
      const changed = await withStore(flags, 'look', async (store) => {
        const control = new QueueControl(store);
        const apply = (selector: Selector) => control[change](selector);
        let sum = 0;
        for (const selector of selectors) sum += await apply(selector);
        return sum;
      });
      if (flags.json) printJson({ changed });
      else print(`${changed} recipient${changed === 1 ? '' : 's'} ${DONE[change]}.\n`);
      process.exitCode = changed === 0 ? 1 : 0;
    });
}

function examples(change: Change): string {
  return `
Examples:
  mb queue ${change} 17 18 --store queue.db
  mb queue ${change} --domain example.org --tag newsletter

Flags are joined by "and". Exit codes: 0 changed, 1 there was nothing to change.`;
}
