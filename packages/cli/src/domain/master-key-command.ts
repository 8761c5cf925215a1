import { MailQueue } from '@mb/broker';
import { generateMasterKey } from '@mb/broker/encryption';
import { Command } from 'commander';
import { writeKey } from '../dkim/key-file.ts';
import { CliError } from '../errors.ts';
import { notice, print, warn } from '../output.ts';
import { plural } from '../plural.ts';
import { type OpenStore, withStore } from '../queue/store.ts';
import { storeFlag } from '../queue/store-flag.ts';
import { type DomainFlags, openDomains } from './domain-access.ts';
import { hasMasterKey, masterKeyFlag, masterKeyWrapping, prependMasterKey } from './master-key.ts';

/** `mb domain master-key …`: manages the key that encrypts private keys and webhook secrets. */
export function masterKeyCommand(): Command {
  return new Command('master-key')
    .description('make and rotate the key that encrypts private keys and webhook secrets')
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

Private keys and webhook secrets cannot be decrypted without it: keep a copy apart from the queue.
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
    .description('make a new master key the first, and encrypt private keys and webhook secrets with it')
    .addOption(storeFlag())
    .addOption(masterKeyFlag())
    .option('--no-new', 'do not make a key: encrypt with the first one that is given')
    .addHelpText(
      'after',
      `
Examples:
  mb domain master-key rotate --store queue.db --master-key /etc/mb/master.key
  mb domain master-key rotate --store postgres://mail@db.example.com/mail --no-new

The file keeps the old key after the new one, since backups of the queue need it. Services on this
machine read the file again. With several machines, first put the new key into the file of each,
then use --no-new. Webhook secrets that are stored in plain text are encrypted as well.
Exit codes: 0 all private keys and secrets are encrypted with the first master key.`,
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
          'mb cannot change a variable: put the new key first in MB_MASTER_KEY yourself, and add --no-new.';
        throw new CliError('MB_CLI_USAGE', message);
      }
      const renewed = await withStore(flags, 'change', async (store) => {
        // If the store refuses, the file must not have a new key.
        const before = await renewAll(flags, store);
        if (!flags.new) return before;
        await prependMasterKey(flags.masterKey!);
        return renewAll(flags, store);
      });
      const { keys, secrets } = renewed;
      print(
        `Encrypted with the first master key: ${plural(keys, 'private key')}, ${plural(secrets, 'webhook secret')}.\n`,
      );
    });
}

/** Encrypts private keys and webhook secrets with the first master key; returns how many it changed. */
async function renewAll(
  flags: DomainFlags,
  store: OpenStore,
): Promise<{ readonly keys: number; readonly secrets: number }> {
  const wrapping = await masterKeyWrapping(flags, warn);
  const domains = await openDomains({ ...flags, hostname: 'mb.invalid' }, store, wrapping);
  const keys = await domains.renewKeys();
  const secrets = await new MailQueue({ store, webhooks: { wrapping } }).webhooks.renewSecrets();
  return { keys, secrets };
}
