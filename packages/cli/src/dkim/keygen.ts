import { type DkimAlgorithm, generateKeyPair } from '@mb/dkim';
import { Command, InvalidArgumentError, Option } from 'commander';
import { toJson } from '../dns/terminal.ts';
import { writeKey } from './key-file.ts';
import type { DkimTerminal } from './terminal.ts';

interface KeygenFlags {
  readonly algorithm: 'rsa' | 'ed25519';
  readonly bits?: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** `mb dkim keygen DOMAIN SELECTOR`: writes the private key to a file and prints the public key as a DNS record. */
export function keygenCommand(terminal: DkimTerminal): Command {
  return new Command('keygen')
    .description('generate a key, and the DNS record to publish for it')
    .argument('<domain>', 'signing domain')
    .argument('<selector>', 'name of the key, such as 2026')
    .addOption(new Option('--algorithm <name>', 'kind of key').choices(['rsa', 'ed25519']).default('rsa'))
    .addOption(new Option('--bits <number>', 'length of an RSA key (default: 2048)').argParser(parseBits))
    .option('--out <file>', 'file for the private key, - for standard output (default: SELECTOR.DOMAIN.pem)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  mb dkim keygen example.com 2026
  mb dkim keygen example.com 2026e --algorithm ed25519 --out ed25519.pem

Exit codes: 0 written, 64 the file exists already.`,
    )
    .action(async (domain: string, selector: string, flags: KeygenFlags) => {
      const algorithm: DkimAlgorithm = `${flags.algorithm}-sha256`;
      const { privateKey, ...published } = await generateKeyPair({
        domain,
        selector,
        algorithm,
        ...(flags.bits !== undefined && { modulusLength: flags.bits }),
      });
      const path = flags.out ?? `${published.dnsName.replace('._domainkey', '')}.pem`;
      const toOutput = path === '-';
      if (!toOutput) await writeKey(path, privateKey);
      if (flags.json) {
        terminal.write(
          toJson({ algorithm, ...published, ...(toOutput ? { privateKey } : { privateKeyFile: path }) }),
        );
        return;
      }
      if (toOutput) terminal.write(privateKey);
      else terminal.write(`Private key: ${path}\n`);
      terminal.write(
        `Publish this TXT record, and keep it until all mail signed with the key is delivered:\n\n`,
      );
      terminal.write(`${published.zoneLine}\n`);
    });
}

function parseBits(text: string): number {
  const bits = Number(text);
  if (!Number.isInteger(bits)) throw new InvalidArgumentError('It must be a number of bits.');
  return bits;
}
