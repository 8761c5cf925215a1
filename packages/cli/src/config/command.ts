import { Command } from 'commander';
import { storeFlag } from '../queue/store-flag.ts';
import { deliveryOptions, signatureOptions } from '../send/flags.ts';
import type { CheckFlags } from './check.ts';

const EXAMPLES = `
Examples:
  mb config check
  mb --config /etc/mb/mb.config.ts config check
  MB_RELAY=smtp.example.net mb config check --json | jq .domains

Shows who mail is sent as, and the value of each flag of "mb work" that is not its default, with
where it comes from. Keys are parsed and files are read; nothing is looked up in DNS.

Exit codes:
  0   the configuration can be used
  1   it can be used, with warnings
  64  a key, value, file or flag is wrong`;

/** `mb config`: checks the configuration. */
export function configCommand(): Command {
  const check = new Command('check')
    .description('check the configuration and show what it says')
    .addOption(storeFlag());
  for (const option of [...deliveryOptions(), ...signatureOptions()]) check.addOption(option);
  check
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: CheckFlags, command: Command) => {
      const { checkConfig } = await import('./check.ts');
      return checkConfig(flags, command);
    });
  return new Command('config').description('check the configuration').addCommand(check);
}
