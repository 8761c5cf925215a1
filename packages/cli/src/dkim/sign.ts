import { type CanonicalizationPair, createSigner, type SignOptions } from '@mb/dkim';
import { toNodeDns } from '@mb/dns';
import { Command, Option } from 'commander';
import { type ResolverFlags, resolverFlags, resolverFor, toJson } from '../dns/terminal.ts';
import { parseSeconds } from '../parse-flag.ts';
import { spoolInput } from '../spooled-input.ts';
import { crlfLines } from './crlf.ts';
import { type KeyName, parseKeyName, readKey } from './key-file.ts';
import type { DkimTerminal } from './terminal.ts';

interface SignFlags extends ResolverFlags {
  readonly domain: string;
  readonly key: readonly KeyName[];
  readonly canonicalization?: CanonicalizationPair;
  readonly headers?: readonly string[];
  readonly oversign?: readonly string[] | false;
  readonly identity?: string;
  readonly expiresAfter?: number;
  readonly check?: boolean;
  readonly fields?: boolean;
}

/** `mb dkim sign [FILE]`: prints the message with CRLF line ends and its signatures before the header. */
export function signCommand(terminal: DkimTerminal): Command {
  const command = new Command('sign')
    .description('sign a message')
    .argument('[file]', 'the message, - for standard input', '-')
    .requiredOption('--domain <domain>', 'signing domain')
    .addOption(
      new Option('--key <selector:file>', 'selector and private key; repeat it for another signature')
        .argParser(parseKeyName)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--canonicalization <header/body>', 'default: relaxed/relaxed').choices([
        'relaxed/relaxed',
        'relaxed/simple',
        'simple/relaxed',
        'simple/simple',
      ]),
    )
    .option('--headers <names>', 'fields to sign where they occur, separated by commas', parseNames)
    .option('--oversign <names>', 'fields to protect from being added later, separated by commas', parseNames)
    .option('--no-oversign', 'allow fields to be added')
    .option('--identity <user@domain>', 'identity in the domain or below it (i=)')
    .option('--expires-after <seconds>', 'time until the signature expires (x=)', parseSeconds)
    .option('--check', 'verify the signature against DNS first, and print nothing if it fails')
    .option('--fields', 'print the new header fields only')
    .addHelpText(
      'after',
      `
Examples:
  mb dkim sign message.eml --domain example.com --key 2026:2026.example.com.pem > signed.eml
  mb dkim sign - --domain example.com --key 2026:rsa.pem --key 2026e:ed25519.pem --fields

Exit codes: 0 signed, 64 a key or the message is wrong.`,
    );
  for (const option of resolverFlags()) command.addOption(option);
  return command.action(async (path: string, flags: SignFlags) => {
    const message = await spoolInput(crlfLines(terminal.open('file', path)));
    try {
      const signer = createSigner(await signOptions(flags, terminal));
      const fields = await signer.sign(message.octets);
      if (flags.json) {
        terminal.write(toJson({ fields, warnings: signer.warnings }));
        return;
      }
      await terminal.writeOctets(Buffer.from(fields, 'latin1'));
      if (flags.fields) return;
      if (message.octets instanceof Uint8Array) await terminal.writeOctets(message.octets);
      else for await (const chunk of message.octets) await terminal.writeOctets(chunk);
    } finally {
      await message.release();
    }
  });
}

async function signOptions(flags: SignFlags, terminal: DkimTerminal): Promise<SignOptions[]> {
  const keys = await Promise.all(flags.key.map((name) => readKey(name, terminal)));
  const { canonicalization, headers, identity, expiresAfter } = flags;
  const oversign = flags.oversign === false ? [] : flags.oversign;
  const { resolveTxt } = toNodeDns(resolverFor(flags, terminal));
  return keys.map((key) => ({
    ...key,
    domain: flags.domain,
    ...(canonicalization !== undefined && { canonicalization }),
    ...(headers !== undefined && { headers }),
    ...(Array.isArray(oversign) && { oversign }),
    ...(identity !== undefined && { identity }),
    ...(expiresAfter !== undefined && { expiresAfterSeconds: expiresAfter }),
    ...(flags.check && { selfCheck: { resolveTxt } }),
  }));
}

function parseNames(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
