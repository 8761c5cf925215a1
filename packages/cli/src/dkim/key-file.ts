import type { SelectorKey } from '@mb/dkim';
import { InvalidArgumentError } from 'commander';
import { CliError } from '../errors.ts';
import { writeNewFile } from '../private-file.ts';
import type { DkimTerminal } from './terminal.ts';

/** `selector:file`, as a flag names a key. */
export interface KeyName {
  readonly selector: string;
  readonly path: string;
}

/** Collects `selector:file` flags; selectors hold no colon, paths may. */
export function parseKeyName(text: string, earlier: readonly KeyName[] | undefined): KeyName[] {
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) {
    throw new InvalidArgumentError('It must be SELECTOR:FILE, the selector and the file of the private key.');
  }
  return [...(earlier ?? []), { selector: text.slice(0, colon), path: text.slice(colon + 1) }];
}

/** Reads the private key that a flag names. */
export async function readKey({ selector, path }: KeyName, terminal: DkimTerminal): Promise<SelectorKey> {
  const privateKey = (await terminal.read('--key', path)).toString('latin1');
  return { selector, privateKey, ...(terminal.passphrase && { passphrase: terminal.passphrase }) };
}

/** Writes a new private key so that only its owner can read it; an existing file is never replaced. */
export async function writeKey(path: string, pem: string): Promise<void> {
  try {
    await writeNewFile(path, pem);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === 'EEXIST' ? 'it exists already, and keys are never replaced' : message;
    throw new CliError('MB_CLI_FILE', `--out: cannot write ${path}: ${reason}.`, { cause });
  }
}
