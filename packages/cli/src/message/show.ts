import { type Authentication, authenticate, listVerdicts, type SessionFacts } from '@mb/broker/lint';
import type { Resolver } from '@mb/dns';
import { type ParsedMessage, type ParsedPart, parseMessage } from '@mb/mime';
import { Command, Option } from 'commander';
import { colors as pc } from '../colors.ts';
import { processTerminal, type ResolverFlags, resolverFlags, resolverFor } from '../dns/terminal.ts';
import { print, printJson } from '../output.ts';
import { parseIp } from '../parse-flag.ts';
import { plural } from '../plural.ts';
import { readInput } from '../send/file.ts';
import { printable, terminalWidth, wrap } from '../terminal.ts';
import { paintResult } from './verdict.ts';

interface ShowFlags extends ResolverFlags {
  readonly ip?: string;
  readonly mailFrom?: string;
  readonly helo?: string;
  /** False with --no-dns. */
  readonly dns: boolean;
}

const EXAMPLES = `
Examples:
  mb message show message.eml
  mb message show message.eml --ip 192.0.2.25 --helo mail.example.com
  mb queue show 17 --content | mb message show - --no-dns

SPF depends on the SMTP session, which the message does not contain. It is checked when --ip is
given, for the reverse-path in --mail-from or in the Return-Path field.
Exit codes: 0 well formed, 1 it has defects.`;

/**
 * `mb message show FILE`: prints the MIME tree with sizes, encodings and defects, and the DKIM, SPF and DMARC results.
 */
export function showCommand(): Command {
  const command = new Command('show')
    .description('show the parts of a message, its defects, and its DKIM, SPF and DMARC results')
    .argument('[file]', 'the message, - for standard input', '-')
    .addOption(new Option('--ip <address>', 'address of the sending host, for SPF').argParser(parseIp))
    .option('--mail-from <address>', 'its reverse-path, for SPF (default: Return-Path)')
    .option('--helo <name>', 'EHLO name of the sending host, for SPF')
    .option('--no-dns', 'no DNS lookups: skip DKIM, SPF and DMARC');
  for (const option of resolverFlags()) command.addOption(option);
  return command.addHelpText('after', EXAMPLES).action(show);
}

async function show(path: string, flags: ShowFlags): Promise<void> {
  const octets = await readInput('file', path);
  const message = await parseMessage(octets);
  const session = readSession(message, flags);
  const resolver: Resolver | undefined = flags.dns ? resolverFor(flags, processTerminal) : undefined;
  const authentication = resolver && (await authenticate(octets, message, resolver, session));
  process.exitCode = message.defects.length > 0 ? 1 : 0;
  if (flags.json) printJson(toData(octets.length, message, authentication));
  else print(formatMessage(octets.length, message, authentication));
}

function readSession(message: ParsedMessage, flags: ShowFlags): SessionFacts | undefined {
  if (flags.ip === undefined) return undefined;
  const sender = flags.mailFrom ?? /<([^<>]*)>/.exec(message.headers.get('Return-Path') ?? '')?.[1] ?? '';
  return { ip: flags.ip, sender, helo: flags.helo ?? '' };
}

/** One part, without its content. */
interface PartFacts {
  readonly path: string;
  readonly contentType: string;
  readonly charset?: string;
  readonly encoding: string;
  readonly disposition?: string;
  readonly filename?: string;
  /** Octets when decoded. */
  readonly size: number;
  readonly parts: readonly PartFacts[];
}

function factsOf(part: ParsedPart): PartFacts {
  const charset = part.parameters.get('charset');
  const inner = part.message ? [part.message.root] : part.parts;
  return {
    path: part.path,
    contentType: part.contentType,
    ...(charset !== undefined && { charset }),
    // RFC 2045 §6.1: the default is 7bit.
    encoding: (part.headers.get('Content-Transfer-Encoding') ?? '7bit').trim().toLowerCase(),
    ...(part.disposition !== undefined && { disposition: part.disposition }),
    ...(part.filename !== undefined && { filename: part.filename }),
    size: part.content.length,
    parts: inner.map(factsOf),
  };
}

function toData(size: number, message: ParsedMessage, authentication: Authentication | undefined): object {
  const { from, to, cc, subject, date, messageId, root, defects } = message;
  return {
    size,
    from,
    to,
    cc,
    subject,
    date,
    messageId,
    root: factsOf(root),
    defects,
    ...(authentication && { authentication }),
  };
}

function formatMessage(
  size: number,
  { headers, subject, root, defects }: ParsedMessage,
  authentication: Authentication | undefined,
): string {
  const lines: string[] = [];
  for (const name of ['From', 'To', 'Cc', 'Date', 'Message-ID']) {
    for (const value of headers.getAll(name)) lines.push(field(name, value));
  }
  if (subject !== undefined) lines.push(field('Subject', subject));
  lines.push(field('Size', plural(size, 'octet')), '', ...formatPart(factsOf(root), '', ''));
  if (defects.length > 0) lines.push('');
  for (const { code, path } of defects) {
    lines.push(`${pc.yellow('defect')}  ${code}${path === '' ? '' : ` in part ${path}`}`);
  }
  if (authentication) lines.push('');
  for (const { method, result, detail } of authentication ? listVerdicts(authentication) : []) {
    lines.push(`${method}=${paintResult(result)}`, wrap(printable(detail), '    '));
  }
  return `${lines.join('\n')}\n`;
}

function field(name: string, value: string): string {
  const label = `${name}:`.padEnd(12);
  return pc.bold(label) + wrap(printable(value.replaceAll('\n', ' ')), ' '.repeat(12)).trimStart();
}

function formatPart(part: PartFacts, indent: string, childIndent: string): string[] {
  const { path, contentType, charset, encoding, disposition, filename, size, parts } = part;
  const facts = [
    ...(charset === undefined ? [] : [charset]),
    ...(parts.length > 0 ? [] : [encoding, plural(size, 'octet')]),
    ...(disposition === undefined ? [] : [disposition]),
    ...(filename === undefined ? [] : [`"${filename}"`]),
  ].join(', ');
  const text = printable(`${path === '' ? '' : `${path} `}${contentType}${facts === '' ? '' : `  ${facts}`}`);
  const hanging = `${childIndent}    `;
  const wrapped = wrap(text.replaceAll('\n', ' '), hanging, terminalWidth()).slice(hanging.length);
  return [
    indent + wrapped,
    ...parts.flatMap((child, index) => {
      const last = index === parts.length - 1;
      return formatPart(child, `${childIndent}${last ? '└ ' : '├ '}`, `${childIndent}${last ? '  ' : '│ '}`);
    }),
  ];
}
