import { Command } from 'commander';
import { print, printJson } from '../output.ts';
import { type ServerFlags, serverFlag } from '../remote/server-flag.ts';
import { printable } from '../terminal.ts';
import type { QueueAccess } from './queue-access.ts';
import { withQueue } from './store.ts';
import { type StoreFlags, storeFlag } from './store-flag.ts';

interface SiteFlags extends StoreFlags, ServerFlags {
  readonly note?: string;
  readonly json?: true;
}

/** `mb queue suspend SITE…`: stops attempts at destinations until they are resumed. */
export function suspendCommand(): Command {
  return new Command('suspend')
    .description('stop attempts at destinations until they are resumed; mail still expires')
    .argument('<site...>', 'destinations, as "mb queue stats" names them')
    .addOption(storeFlag())
    .addOption(serverFlag())
    .option('--note <text>', 'reason, shown by "mb queue stats"')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples('suspend', " --note 'They asked us to wait until Monday.'"))
    .action((sites: readonly string[], flags: SiteFlags) =>
      changeSites(sites, flags, 'suspended', (control, site) => control.suspend(site, flags.note)),
    );
}

/** `mb queue resume SITE…`: ends suspensions, and pauses after failures. */
export function resumeCommand(): Command {
  return new Command('resume')
    .description('end the suspension of destinations, and pauses after failures')
    .argument('<site...>', 'destinations, as "mb queue stats" names them')
    .addOption(storeFlag())
    .addOption(serverFlag())
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples('resume', ''))
    .action((sites: readonly string[], flags: SiteFlags) =>
      changeSites(sites, flags, 'resumed', (control, site) => control.resume(site)),
    );
}

async function changeSites(
  sites: readonly string[],
  flags: SiteFlags,
  done: string,
  change: (control: QueueAccess['control'], site: string) => Promise<void>,
): Promise<void> {
  await withQueue(flags, 'change', async ({ control }) => {
    for (const site of sites) await change(control, site);
  });
  if (flags.json) printJson({ [done]: sites });
  else for (const site of sites) print(`${printable(site)} is ${done}.\n`);
}

function examples(command: string, more: string): string {
  return `
Examples:
  mb queue ${command} example.org --store queue.db${more}

A destination need not have mail in the queue.
Exit codes: 0 done.`;
}
