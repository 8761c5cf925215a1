import { rename } from 'node:fs/promises';
import { BrokerError } from '@mb/broker';
import type { KeyVault } from '@mb/broker/domains';
import { Option } from 'commander';
import { CliError } from '../errors.ts';
import { writeNewFile } from '../private-file.ts';
import { warnIfOpen } from '../send/dkim-key.ts';
import { readInput } from '../send/file.ts';

/** What every command takes that makes, opens or uses the keys of managed domains. */
export interface MasterKeyFlags {
  readonly masterKey?: string;
}

/** The flag of `MasterKeyFlags`. */
export function masterKeyFlag(): Option {
  return new Option(
    '--master-key <file>',
    'encrypts the keys of managed domains; MB_MASTER_KEY may hold the key itself',
  ).env('MB_MASTER_KEY_FILE');
}

/**
 * The vault of the master keys in a file or in the environment; undefined when none is given.
 *
 * A file is read again when it lacks the master key of a private key, so that services go on while master keys are
 * rotated.
 *
 * @throws {CliError} MB_CLI_FILE; BrokerError MB_BROKER_MASTER_KEY
 */
export async function masterKeyVault(
  { masterKey: path }: MasterKeyFlags,
  warn: (text: string) => void,
): Promise<KeyVault | undefined> {
  const { createMasterKeyVault, parseMasterKeys } = await import('@mb/broker/domains');
  const text = process.env.MB_MASTER_KEY;
  if (path === undefined) return text ? createMasterKeyVault(parseMasterKeys(text)) : undefined;
  await warnIfOpen(path, warn);
  const read = async () =>
    createMasterKeyVault(parseMasterKeys((await readInput('--master-key', path)).toString()));
  return rereading(await read(), read);
}

function rereading(first: KeyVault, read: () => Promise<KeyVault>): KeyVault {
  let vault = first;
  return {
    create: (name) => vault.create(name),
    keep: (privateKey, name) => vault.keep!(privateKey, name),
    renew: (handle, name) => vault.renew!(handle, name),
    async open(handle, name) {
      try {
        return await vault.open(handle, name);
      } catch (error) {
        if (!BrokerError.isInstance(error) || error.code !== 'MB_BROKER_MASTER_KEY') throw error;
        vault = await read();
        return vault.open(handle, name);
      }
    },
  };
}

/** Puts a new master key in front of those of a file. */
export async function prependMasterKey(path: string): Promise<void> {
  const { generateMasterKey } = await import('@mb/broker/domains');
  const before = (await readInput('--master-key', path)).toString();
  const draft = `${path}.new`;
  try {
    await writeNewFile(draft, `${generateMasterKey()}\n${before}`);
    await rename(draft, path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('MB_CLI_FILE', `--master-key: ${path} cannot be replaced: ${reason}.`, { cause });
  }
}
