import type { RecipientState, Selector } from '@mb/broker';
import { Command } from 'commander';
import { print, printJson } from '../output.ts';
import { plural } from '../plural.ts';
import { type ServerFlags, serverFlag } from '../remote/server-flag.ts';
import { confirm } from './confirm.ts';
import type { QueueAccess } from './queue-access.ts';
import { eachRecipient } from './recipients.ts';
import { addSelectorFlags, requireSelectors, type SelectorFlags } from './selector.ts';
import { withQueue } from './store.ts';
import { type StoreFlags, storeFlag } from './store-flag.ts';

/** A change that an operator makes to recipients. */
export type Change = 'hold' | 'release' | 'cancel' | 'retry';

interface ChangeFlags extends StoreFlags, ServerFlags, SelectorFlags {
  readonly yes?: true;
  readonly json?: true;
}

const DESCRIPTIONS: Readonly<Record<Change, string>> = {
  hold: 'stop attempts for recipients until they are released',
  release: 'attempt held recipients, and those with an unknown outcome, now',
  cancel: 'remove recipients from delivery, without a report',
  retry: 'attempt queued recipients now, ignoring their schedule',
};

const DONE: Readonly<Record<Change, string>> = {
  hold: 'held',
  release: 'released',
  cancel: 'cancelled',
  retry: 'due now',
};

const WILL_BE: Readonly<Record<Change, string>> = {
  hold: 'will be held',
  release: 'will be released',
  cancel: 'will be cancelled: they get no mail and no report',
  retry: 'will be attempted now',
};

/** The states to which each change applies. */
const CHANGES: Readonly<Record<Change, readonly RecipientState[]>> = {
  hold: ['queued', 'unknown'],
  release: ['held', 'unknown'],
  cancel: ['queued', 'held', 'unknown'],
  retry: ['queued'],
};

/** `mb queue hold|release|cancel|retry`: changes the recipients that messages or flags select. */
export function changeCommand(change: Change): Command {
  const command = new Command(change)
    .description(DESCRIPTIONS[change])
    .argument('[message...]', 'ids of messages')
    .addOption(storeFlag())
    .addOption(serverFlag());
  return addSelectorFlags(command)
    .option('--all', 'all recipients of the queue')
    .option('-y, --yes', 'do not ask; needed where there is no terminal')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples(change))
    .action(async (messageIds: readonly string[], flags: ChangeFlags) => {
      const selectors = requireSelectors(messageIds, flags);
      const changed = await withQueue(flags, 'change', async ({ control }) => {
        const { recipients, messages } = await count(control, selectors, change);
        const question = `${plural(recipients, 'recipient')} of ${plural(messages, 'message')} ${WILL_BE[change]}.`;
        if (recipients > 0 && !(await confirm(question, flags.yes ?? false))) return undefined;
        const apply = (selector: Selector) => control[change](selector);
        let sum = 0;
        for (const selector of selectors) sum += await apply(selector);
        return sum;
      });
      if (changed === undefined) return;
      if (flags.json) printJson({ changed });
      else print(`${plural(changed, 'recipient')} ${DONE[change]}.\n`);
      process.exitCode = changed === 0 ? 1 : 0;
    });
}

/** Counts the recipients to which the change applies, and their messages. */
async function count(control: QueueAccess['control'], selectors: readonly Selector[], change: Change) {
  let recipients = 0;
  const messages = new Set<string>();
  for await (const { state, messageId } of eachRecipient(control, selectors)) {
    if (!CHANGES[change].includes(state)) continue;
    recipients++;
    messages.add(messageId);
  }
  return { recipients, messages: messages.size };
}

function examples(change: Change): string {
  return `
Examples:
  mb queue ${change} 17 18 --store queue.db
  mb queue ${change} --domain example.org --tag newsletter
  mb queue ${change} --all --yes

Recipients must match all flags. The command shows how many match and asks for confirmation; scripts
give --yes.
Exit codes: 0 changed, 1 nothing to change, 130 the answer was no.`;
}
