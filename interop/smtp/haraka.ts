import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../lab/folder.ts';
import { mustRun, startProcess } from '../lab/process.ts';

const version = '3.3.4';
const cacheFolder = '/var/cache/mb-interop';
const harakaFolder = join(cacheFolder, `haraka-${version}`);

export interface Haraka {
  /** Messages that came in, as Haraka's queue gets them. */
  messages(): Buffer[];
  output(): string;
  stop(): Promise<void>;
}

/** Installs Haraka from npm into the cache, with the machine's network. */
async function ensureHaraka(): Promise<string> {
  const server = join(harakaFolder, 'node_modules/Haraka/bin/haraka');
  if (existsSync(server)) return server;
  mkdirSync(cacheFolder, { recursive: true });
  // Under its name only when it is whole: an installation that was interrupted is made again.
  const draft = mkdtempSync(`${harakaFolder}.`);
  // The release asks for a libmime that is gone from the registry.
  const manifest = { private: true, dependencies: { Haraka: version }, overrides: { libmime: '5.3.6' } };
  writeFileSync(join(draft, 'package.json'), JSON.stringify(manifest));
  const outside = process.env.MB_LAB_OUTSIDE;
  const enter = outside ? ['nsenter', `--net=${outside}/ns/net`, `--mount=${outside}/ns/mnt`] : [];
  const [command = 'npm', ...args] = [
    ...enter,
    'npm',
    ...[
      'install',
      '--prefix',
      draft,
      '--ignore-scripts',
      '--omit=optional',
      '--omit=dev',
      '--no-audit',
      '--no-fund',
    ],
  ];
  try {
    await mustRun(command, args, { timeoutMs: 280_000 });
    rmSync(harakaFolder, { recursive: true, force: true });
    renameSync(draft, harakaFolder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return server;
}

/** Options of a Haraka in the lab. */
export interface HarakaOptions {
  /** Messages that it takes in one session; then it answers MAIL with 4yz and hangs up. Default: no limit. */
  readonly messagesPerSession?: number;
}

/** Starts Haraka with a queue plugin that writes what it gets to standard output. */
export async function startHaraka(
  address: string,
  known: readonly string[],
  { messagesPerSession }: HarakaOptions = {},
): Promise<Haraka> {
  const server = await ensureHaraka();
  const folder = makeFolder('haraka');
  for (const each of ['config', 'plugins', 'queue']) mkdirSync(join(folder, each));
  const shipped = readFileSync(join(harakaFolder, 'node_modules/Haraka/config/connection.ini'), 'utf8');
  const files = {
    'config/smtp.ini': `listen=${address}:25\nnodes=0\n`,
    // By default it breaks lines of more than 992 octets.
    'config/connection.ini': shipped.replace(/^data_line_length=.*$/m, 'data_line_length=1000'),
    'config/plugins': 'lab\n',
    'config/me': 'mx.example.test\n',
    'config/loglevel': 'LOGWARN\n',
    'plugins/lab.js': `'use strict';
const known = ${JSON.stringify(known)};
const most = ${messagesPerSession ?? 'Infinity'};
exports.hook_mail = (next, connection) => {
  connection.notes.mails = (connection.notes.mails ?? 0) + 1;
  if (connection.notes.mails <= most) return next();
  next(DENYSOFTDISCONNECT, 'Too many messages in this session');
};
exports.hook_rcpt = (next, connection, [recipient]) =>
  known.includes(recipient.address.toLowerCase()) ? next(OK) : next(DENY, 'unknown');
exports.hook_queue = (next, connection) => {
  connection.transaction.message_stream.get_data((data) => {
    process.stdout.write('MESSAGE ' + data.toString('base64') + '\\n', () => next(OK, 'taken'));
  });
};
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const haraka = await startProcess(process.execPath, {
    args: [server, '-c', folder],
    ready: { address, port: 25 },
  });
  return {
    messages: () =>
      Array.from(haraka.output().matchAll(/^MESSAGE (\S+)$/gm), ([, data]) => Buffer.from(data!, 'base64')),
    output: haraka.output,
    stop: haraka.stop,
  };
}
