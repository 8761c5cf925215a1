import { chown, rename, stat } from 'node:fs/promises';
import { BrokerError } from '@mb/broker';
import type { KeyWrapping } from '@mb/broker/encryption';
import { Option } from 'commander';
import { readVariable } from '../environment.ts';
import { CliError } from '../errors.ts';
import { writeNewFile } from '../private-file.ts';
import { warnIfOpen } from '../send/dkim-key.ts';
import { readInput } from '../send/file.ts';

/** The flag of all commands that use keys of managed domains or webhook secrets. */
export interface MasterKeyFlags {
  readonly masterKey?: string;
}

/** The flag of `MasterKeyFlags`. */
export function masterKeyFlag(): Option {
  return new Option(
    '--master-key <file>',
    'encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself',
  ).env('MB_MASTER_KEY_FILE');
}

/** Whether the flags or the environment give a master key. */
export function hasMasterKey({ masterKey }: MasterKeyFlags): boolean {
  return masterKey !== undefined || readVariable('MB_MASTER_KEY') !== undefined;
}

/**
 * Encrypts with the master keys in a file or in the environment; undefined when none is given.
 *
 * A file is read again when no known master key decrypts a value, so that services continue while keys are rotated.
 *
 * @throws {CliError} MB_CLI_FILE; BrokerError MB_BROKER_MASTER_KEY
 */
export async function masterKeyWrapping(
  { masterKey: path }: MasterKeyFlags,
  warn: (text: string) => void,
): Promise<KeyWrapping | undefined> {
  if (path === undefined) {
    const text = readVariable('MB_MASTER_KEY');
    if (text === undefined) return undefined;
    const { createMasterKeyWrapping, parseMasterKeys } = await import('@mb/broker/encryption');
    return createMasterKeyWrapping(parseMasterKeys(text));
  }
  const { createMasterKeyWrapping, parseMasterKeys } = await import('@mb/broker/encryption');
  await warnIfOpen(path, warn);
  const read = async () =>
    createMasterKeyWrapping(parseMasterKeys((await readInput('--master-key', path)).toString()));
  return rereading(await read(), read);
}

function rereading(first: KeyWrapping, read: () => Promise<KeyWrapping>): KeyWrapping {
  let wrapping = first;
  return {
    wrap: (plain, context) => wrapping.wrap(plain, context),
    isOutdated: (wrapped) => wrapping.isOutdated!(wrapped),
    async unwrap(wrapped, context) {
      try {
        return await wrapping.unwrap(wrapped, context);
      } catch (error) {
        if (!BrokerError.isInstance(error) || error.code !== 'MB_BROKER_MASTER_KEY') throw error;
        wrapping = await read();
        return wrapping.unwrap(wrapped, context);
      }
    },
  };
}

/** Adds a new master key before those in a file. The file keeps its owner, since a service may run as another user. */
export async function prependMasterKey(path: string): Promise<void> {
  const { generateMasterKey } = await import('@mb/broker/encryption');
  const before = (await readInput('--master-key', path)).toString();
  const draft = `${path}.new`;
  try {
    const { uid, gid } = await stat(path);
    await writeNewFile(draft, `${generateMasterKey()}\n${before}`);
    if (process.getuid?.() === 0) await chown(draft, uid, gid);
    await rename(draft, path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('MB_CLI_FILE', `--master-key: ${path} cannot be replaced: ${reason}.`, { cause });
  }
}
