import {
  type ArcOutcome,
  arcResult,
  dkimResults,
  formatAuthenticationResults,
  type SignatureResult,
  type VerifyOutcome,
  verifyArc,
  verifyMessage,
} from '@mb/dkim';
import { toNodeDns } from '@mb/dns';
import { Command } from 'commander';
import { colors as pc } from '../colors.ts';
import { printable, type ResolverFlags, resolverFlags, resolverFor, toJson } from '../dns/terminal.ts';
import { plural } from '../plural.ts';
import { spoolInput } from '../spooled-input.ts';
import { fitLines } from '../terminal.ts';
import type { DkimTerminal } from './terminal.ts';

interface VerifyFlags extends ResolverFlags {
  readonly authserv?: string;
}

/** `mb dkim verify [FILE]`: verifies every signature and the ARC chain. */
export function verifyCommand(terminal: DkimTerminal): Command {
  const command = new Command('verify')
    .description('verify the DKIM signatures and the ARC chain of a message')
    .argument('[file]', 'the message, - for standard input', '-')
    .option('--authserv <id>', 'also print an Authentication-Results field with this authserv-id')
    .addHelpText(
      'after',
      `
Examples:
  mb dkim verify message.eml
  mb dkim verify - --authserv mx.example.org --json < message.eml

Exit codes: 0 a signature verifies, 1 none does, 2 DNS failed for now.`,
    );
  for (const option of resolverFlags()) command.addOption(option);
  return command.action(async (path: string, flags: VerifyFlags) => {
    const message = await spoolInput(terminal.open('file', path));
    const { resolveTxt } = toNodeDns(resolverFor(flags, terminal));
    const dkim = await verifyMessage(message.octets, { resolveTxt });
    const arc = await verifyArc(message.octets, { resolveTxt });
    await message.release();
    const authenticationResults =
      flags.authserv === undefined
        ? undefined
        : formatAuthenticationResults({
            authservId: flags.authserv,
            results: [...dkimResults(dkim), arcResult(arc)],
          });
    if (flags.json) {
      terminal.write(toJson({ dkim, arc, ...(authenticationResults && { authenticationResults }) }));
    } else {
      terminal.write(fitLines(describe(dkim, arc)));
      if (authenticationResults) terminal.write(`\n${authenticationResults.replaceAll('\r\n', '\n')}`);
    }
    terminal.setExitCode(dkim.status === 'pass' ? 0 : dkim.status === 'temperror' ? 2 : 1);
  });
}

function describe(dkim: VerifyOutcome, arc: ArcOutcome): string[] {
  const lines = dkim.signatures.flatMap(describeSignature);
  if (lines.length === 0) lines.push(`${colored(dkim.status)}  ${printable(dkim.detail)}`);
  if (arc.status !== 'none')
    lines.push(`${colored(arc.status)}  ARC, ${plural(arc.instance, 'set')}: ${printable(arc.detail)}`);
  return lines;
}

function describeSignature(one: SignatureResult): string[] {
  const facts = [one.algorithm, one.keyBits && `${one.keyBits} bits`, one.canonicalization]
    .filter(Boolean)
    .join(', ');
  const name = `${one.domain ?? '(no domain)'} ${one.selector ?? '(no selector)'}`;
  const lines = [`${colored(one.status)}  ${printable(`${name}${facts && ` (${facts})`}: ${one.detail}`)}`];
  if (one.body && one.body.signedBytes < one.body.totalBytes) {
    lines.push(
      `      signed: the first ${one.body.signedBytes} of ${one.body.totalBytes} octets of the body`,
    );
  }
  if (one.testing) lines.push('      the domain is testing (t=y)');
  if (one.status === 'pass' && one.unsignedHeaders.length > 0) {
    lines.push(`      not signed: ${printable(one.unsignedHeaders.join(', '))}`);
  }
  return lines;
}

function colored(status: string): string {
  const text = status.padEnd(9);
  if (status === 'pass') return pc.green(text);
  return status === 'fail' || status === 'permerror' ? pc.red(text) : pc.yellow(text);
}
