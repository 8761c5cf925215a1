import { stat } from 'node:fs/promises';
import type { BrokerOptions } from '@mb/broker';
import { CliError } from '../errors.ts';
import { readInput } from './file.ts';
import type { SignatureFlags } from './flags.ts';

/**
 * Reads the key to sign with, from a file or the environment, but not from a flag, which other users can see.
 *
 * @param authorDomain  Domain of From, the default of the signing domain; empty when there is no message yet.
 * @param warn  Called when other users can read the key file.
 */
export async function readDkimKey(
  flags: SignatureFlags,
  authorDomain: string,
  warn: (text: string) => void,
): Promise<Exclude<BrokerOptions['dkim'], undefined> | undefined> {
  const { dkimKey: path, dkimSelector: selector, dkimDomain } = flags;
  const { MB_DKIM_KEY: text, MB_DKIM_PASSPHRASE: passphrase } = process.env;
  const wanted = [path, text, selector, dkimDomain].some((value) => value !== undefined);
  if (!wanted) return undefined;
  if (path === undefined && !text) {
    throw new CliError(
      'MB_CLI_USAGE',
      'Signing needs the private key: --dkim-key FILE, or PEM text in MB_DKIM_KEY.',
    );
  }
  if (selector === undefined) {
    throw new CliError('MB_CLI_USAGE', 'Signing needs the selector of the key in DNS: --dkim-selector NAME.');
  }
  const domain = dkimDomain ?? authorDomain;
  if (domain === '') {
    throw new CliError(
      'MB_CLI_USAGE',
      'The domain of the DKIM key is missing. Give --dkim-domain example.com.',
    );
  }
  if (path !== undefined) await warnIfOpen(path, warn);
  const privateKey = path === undefined ? text! : (await readInput('--dkim-key', path)).toString();
  return { domain, selector, privateKey, ...(passphrase && { passphrase }) };
}

/** Warns when other users can read or change a file with a secret. */
export async function warnIfOpen(path: string, warn: (text: string) => void): Promise<void> {
  if (process.platform === 'win32') return;
  const facts = await stat(path).catch(() => undefined);
  if (facts && (facts.mode & 0o077) !== 0) {
    warn(`Other users of this machine can read or change ${path}; run: chmod 600 ${path}`);
  }
}
