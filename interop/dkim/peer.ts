import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mustRun } from '../lab/process.ts';
import type { UglyMessage } from './ugly-message.ts';

/** Key records by name. */
export type Zone = Readonly<Record<string, string>>;

/** How a peer is to sign. */
export interface PeerSigning {
  readonly domain: string;
  readonly selector: string;
  readonly key: string;
  readonly canonicalization: string;
}

/** A DKIM implementation that is not ours, run over many messages at once. */
export interface Peer {
  readonly name: string;
  readonly ed25519: boolean;
  /** Whether it can read this message. */
  reads(message: UglyMessage): boolean;
  /** For each message, `pass` if every signature verifies, otherwise the peer's own output. */
  verify(messages: readonly Uint8Array[], zone: Zone): Promise<string[]>;
  /** The DKIM-Signature field for each message, with its CRLF. */
  sign(messages: readonly Uint8Array[], signing: PeerSigning): Promise<string[]>;
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Runs a program that reads a JSON request and writes a JSON answer a line. */
async function askInLines(command: string, script: string, requests: readonly object[]): Promise<string[]> {
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join('');
  const stdout = await mustRun(command, [here(script)], { input: Buffer.from(input), timeoutMs: 280_000 });
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { result: string }).result);
  if (answers.length !== requests.length)
    throw new Error(`${script}: ${answers.length} answers to ${requests.length} requests`);
  return answers;
}

const base64 = (octets: Uint8Array) => Buffer.from(octets).toString('base64');

function linePeer(
  name: string,
  command: string,
  script: string,
  facts: Pick<Peer, 'ed25519' | 'reads'>,
): Peer {
  return {
    name,
    ...facts,
    verify: (messages, zone) =>
      askInLines(
        command,
        script,
        messages.map((message) => ({ do: 'verify', message: base64(message), zone })),
      ),
    sign: async (messages, { canonicalization, ...signing }) => {
      const common = { do: 'sign', ...signing, canon: canonicalization.split('/'), ed25519: false };
      const answers = await askInLines(
        command,
        script,
        messages.map((message) => ({ ...common, message: base64(message) })),
      );
      return answers.map((answer) =>
        answer.startsWith('error') ? answer : Buffer.from(answer, 'base64').toString('latin1'),
      );
    },
  };
}

const dkimpy = linePeer('dkimpy', '/usr/bin/python3', 'dkimpy_batch.py', {
  ed25519: true,
  // QUIRK(dkimpy): a header with white space before a colon is an error.
  reads: ({ obsolete }) => obsolete === 'none',
});
/** Debian 12 has it without Ed25519. */
const mailDkim = linePeer('Mail::DKIM', 'perl', 'mail_dkim_batch.pl', { ed25519: false, reads: () => true });

/** Whether dkimpy finds the ARC chain of each message valid: `pass`, or its words. */
export function verifyArcWithDkimpy(messages: readonly Uint8Array[], zone: Zone): Promise<string[]> {
  return askInLines(
    '/usr/bin/python3',
    'dkimpy_batch.py',
    messages.map((message) => ({ do: 'arc-verify', message: base64(message), zone })),
  );
}

/** The ARC set that dkimpy adds to a message which has an Authentication-Results field by `authserv`. */
export async function sealWithDkimpy(
  message: Uint8Array,
  authserv: string,
  signing: Omit<PeerSigning, 'canonicalization'>,
): Promise<string> {
  const request = { do: 'arc-sign', message: base64(message), authserv, ...signing };
  const [answer = ''] = await askInLines('/usr/bin/python3', 'dkimpy_batch.py', [request]);
  if (answer.startsWith('error')) throw new Error(answer);
  return Buffer.from(answer, 'base64').toString('latin1');
}

/** libopendkim, by a small C program that is compiled against it here. */
async function makeOpendkim(): Promise<Peer> {
  const folder = makeFolder('opendkim');
  const program = join(folder, 'opendkim_batch');
  const keyFile = join(folder, 'keys');
  await mustRun('cc', ['-O1', '-Wall', '-Werror', '-o', program, here('opendkim_batch.c'), '-lopendkim']);
  const ask = async (requests: readonly (string | Uint8Array)[], zone: Zone): Promise<string[]> => {
    writeFileSync(
      keyFile,
      Object.entries(zone)
        .map((entry) => `${entry.join(' ')}\n`)
        .join(''),
    );
    const input = Buffer.concat(
      requests.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)),
    );
    return (await mustRun(program, [keyFile], { input, timeoutMs: 280_000 })).trim().split('\n');
  };
  return {
    name: 'libopendkim',
    ed25519: true,
    // QUIRK(libopendkim): a tab before a colon is an error, and a message without the empty line has no body to hash.
    reads: ({ obsolete, hasBody }) => obsolete !== 'tab' && hasBody,
    verify: (messages, zone) =>
      ask(
        messages.flatMap((message) => [`verify ${message.length}\n`, message]),
        zone,
      ),
    sign: async (messages, { domain, selector, key, canonicalization }) => {
      const how = `sign ${domain} ${selector} ${canonicalization.replace('/', ' ')} ${key.length}`;
      const answers = await ask(
        messages.flatMap((message) => [`${how} ${message.length}\n`, key, message]),
        {},
      );
      return answers.map((answer) =>
        answer.startsWith('field ')
          ? `DKIM-Signature: ${Buffer.from(answer.slice(6), 'hex').toString('latin1')}\r\n`
          : answer,
      );
    },
  };
}

/** Installs and prepares all peers. */
export async function preparePeers(): Promise<Peer[]> {
  await ensureDebianPackages([
    'python3-dkim',
    'python3-authres',
    'libmail-dkim-perl',
    'libopendkim-dev',
    'gcc',
    'libc6-dev',
  ]);
  return [dkimpy, mailDkim, await makeOpendkim()];
}

/** A record in character-strings, as a zone file has it. */
export function splitRecord(record: string): string {
  return (record.match(/.{1,255}/g) ?? []).map((part) => `"${part}"`).join(' ');
}
