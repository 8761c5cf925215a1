import { generateMasterKey } from '@mb/broker/domains';
import { Command } from 'commander';
import { writeKey } from '../dkim/key-file.ts';
import { CliError } from '../errors.ts';
import { notice, print } from '../output.ts';
import { withStore } from '../queue/store.ts';
import { storeFlag } from '../queue/store-flag.ts';
import { type DomainFlags, openDomains } from './domain-access.ts';
import { hasMasterKey } from './managed-profiles.ts';
import { masterKeyFlag, prependMasterKey } from './master-key.ts';

/** `mb domain master-key …`: the key that encrypts private keys. */
export function masterKeyCommand(): Command {
  return new Command('master-key')
    .description('make and rotate the key that encrypts the private keys of domains')
    .addCommand(newCommand())
    .addCommand(rotateCommand());
}

function newCommand(): Command {
  return new Command('new')
    .description('make a master key')
    .option('--out <file>', 'file that only this user may read, - for standard output', '-')
    .addHelpText(
      'after',
      `
Examples:
  mb domain master-key new --out /etc/mb/master.key
  export MB_MASTER_KEY=$(mb domain master-key new)

Without it the private keys cannot be opened: keep a copy apart from the queue.
Exit codes: 0 made, 64 the file exists already.`,
    )
    .action(async ({ out }: { readonly out: string }) => {
      const line = `${generateMasterKey()}\n`;
      if (out === '-') return print(line);
      await writeKey(out, line);
      notice(`The master key is in ${out}. Keep a copy apart from the queue.`);
    });
}

function rotateCommand(): Command {
  return new Command('rotate')
    .description('put a new master key in front, and encrypt all private keys with it')
    .addOption(storeFlag())
    .addOption(masterKeyFlag())
    .option('--no-new', 'make none: encrypt with the first one that is given')
    .addHelpText(
      'after',
      `
Examples:
  mb domain master-key rotate --store queue.db --master-key /etc/mb/master.key
  mb domain master-key rotate --store postgres://mail@db.example.com/mail --no-new

The file keeps the old key after the new one: backups of the queue need it. Services on this
machine read the file again. With several machines put the new key into the file of each first,
and then use --no-new.
Exit codes: 0 all private keys are encrypted with the first master key.`,
    )
    .action(async (flags: DomainFlags & { readonly new: boolean }) => {
      if (!hasMasterKey(flags)) {
        throw new CliError(
          'MB_CLI_USAGE',
          'There is no master key; give --master-key FILE or MB_MASTER_KEY.',
        );
      }
      if (flags.new && flags.masterKey === undefined) {
        const message =
          'A variable cannot be rewritten: put a new key in front in MB_MASTER_KEY, and add --no-new.';
        throw new CliError('MB_CLI_USAGE', message);
      }
      const renewed = await withStore(flags, 'look', async (store) => {
        // What the store refuses must not leave a new key behind.
        await (await openDomains({ ...flags, hostname: 'mb.invalid' }, store)).renewKeys();
        if (flags.new) await prependMasterKey(flags.masterKey!);
        return (await openDomains({ ...flags, hostname: 'mb.invalid' }, store)).renewKeys();
      });
      print(`${renewed} private ${renewed === 1 ? 'key is' : 'keys are'} encrypted again.\n`);
    });
}
