import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DnsServer, type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { mb, type RunOptions } from './mb.ts';

let folder: string;
let host: SmtpHost;
let dns: DnsServer;

beforeAll(async () => {
  host = await startSmtpHost({ hostname: 'mx.example.org' });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  dns = await startDnsServer({ zones: { 'example.org': { records }, 'example.com': { records: {} } } });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-config-'));
  mkdirSync(join(folder, 'deep/er'), { recursive: true });
  host.messages.length = 0;
});

afterEach(() => rmSync(folder, { recursive: true }));

afterAll(async () => {
  await host.close();
  await dns.close();
});

const write = (name: string, content: string) => writeFileSync(join(folder, name), content, { mode: 0o644 });
const inFolder = (args: readonly string[], options: RunOptions = {}) =>
  mb(args, { ...options, cwd: join(folder, 'deep/er') });

const lab = () => ({
  resolver: [dns.server],
  port: host.port,
  allow: '127.0.0.0/8',
  hostname: 'a.example.com',
});
const SEND = ['send', '-t', 'bob@example.org', '--text', 'Hi'];

it('is found upward, and gives defaults that environment and flags replace', async () => {
  write('mb.config.json', JSON.stringify({ ...lab(), from: 'conf@example.com' }));
  const run = await inFolder(SEND);
  expect(run.exitCode).toBe(0);
  await inFolder(SEND, { env: { MB_FROM: 'env@example.com' } });
  await inFolder([...SEND, '--from', 'flag@example.com'], { env: { MB_FROM: 'env@example.com' } });
  expect(host.messages.map(({ from }) => from)).toEqual([
    'conf@example.com',
    'env@example.com',
    'flag@example.com',
  ]);
  const without = await mb(['--no-config', ...SEND], { cwd: folder });
  expect([without.exitCode, without.stderr]).toEqual([64, expect.stringContaining('--from')]);
});

it('is TypeScript or JavaScript, with sections for single commands', async () => {
  const content = {
    ...lab(),
    from: 'all@example.com',
    send: { from: 'send@example.com', cc: ['c@example.org'] },
  };
  write('mb.config.ts', `const config: object = ${JSON.stringify(content)};\nexport default config;\n`);
  expect((await inFolder(SEND)).exitCode).toBe(0);
  expect(host.messages[0]).toMatchObject({
    from: 'send@example.com',
    recipients: [{ address: 'bob@example.org' }, { address: 'c@example.org' }],
  });
  // A flag replaces the list.
  await inFolder([...SEND, '--cc', 'd@example.org']);
  expect(host.messages[1]?.recipients.map(({ address }) => address)).toEqual([
    'bob@example.org',
    'd@example.org',
  ]);
  const two = join(folder, 'deep');
  writeFileSync(join(two, 'mb.config.js'), `module.exports = ${JSON.stringify({ from: 'js@example.com' })};`);
  expect((await inFolder([...SEND, '--dev', '127.0.0.1:9'])).exitCode).toBe(1);
  writeFileSync(join(two, 'mb.config.json'), '{}');
  expect((await inFolder(SEND)).stderr).toContain('keep one');
});

it('names files as seen from itself', async () => {
  write('mb.config.json', JSON.stringify({ store: 'queue.db', queue: { stats: { json: true } } }));
  const run = await inFolder(['queue', 'stats']);
  expect(run.exitCode).toBe(64);
  expect(JSON.stringify(run)).toContain(join(folder, 'queue.db'));
});

it('tells every wrong key and value, with what may have been meant', async () => {
  write(
    'mb.config.json',
    JSON.stringify({
      hostnam: 'x',
      port: 'many',
      relayPassword: 'sesame',
      send: { tls: 'perhaps', subject: ['a', 'b'], watch: 'yes', nonsense: 1 },
      sendd: { from: 'x' },
    }),
  );
  const run = await inFolder(SEND);
  expect([run.exitCode, run.stdout]).toEqual([64, '']);
  const text = run.stderr.replaceAll(/\s+/g, ' ');
  for (const words of [
    `${folder}/mb.config.json:`,
    'hostnam: There is no such key. Did you mean hostname?',
    'port: It must be a whole number from 1 to 65535.',
    'relayPassword: There is no such key.',
    'send.tls: Allowed choices are opportunistic, required, verified.',
    'send.subject: It must be one value, not a list.',
    'send.watch: It must be true or false.',
    'send.nonsense: There is no such key.',
    'sendd: There is no such key. Did you mean send?',
    'MB_CLI_CONFIG',
  ]) {
    expect(text).toContain(words);
  }
  expect(text).not.toContain('sesame');
});

it('counts for every command where a key means the same, and asks where it does not', async () => {
  // The port of mail exchangers, as MB_PORT has it; not the one that mb inbox listens on.
  write('mb.config.json', JSON.stringify({ ...lab(), json: true }));
  const inboxHelp = await inFolder(['inbox', '--help']);
  expect(inboxHelp.stdout).toMatch(/--port[^-]*\(default: 2525\)/);
  expect(JSON.parse((await inFolder(['explain', 'example.org'])).stdout).deliveries[0].port).toBe(host.port);
  write('mb.config.json', JSON.stringify({ dkim: { sign: { oversign: false } } }));
  const signHelp = (await inFolder(['dkim', 'sign', '--help'])).stdout;
  expect(signHelp).toMatch(/--no-oversign +allow fields to be added/);
  write('mb.config.json', JSON.stringify({ tag: 'x' }));
  const run = await inFolder(SEND);
  expect([run.exitCode, run.stderr.replaceAll(/\s+/g, ' ')]).toEqual([
    64,
    expect.stringContaining(
      'tag: It means different things in different commands; set it for one, as send.tag.',
    ),
  ]);
});

it.for([
  ['mb.config.json', '{ "port": }', 'it is not valid JSON'],
  ['mb.config.json', '[]', 'it must be an object'],
  ['mb.config.ts', 'export const x = 1;', 'the default export'],
  ['mb.config.ts', 'throw new Error("no luck");', 'cannot be loaded: no luck'],
] as const)('%s with %j is refused', async ([name, content, words]) => {
  write(name, content);
  const run = await inFolder(SEND);
  expect([run.exitCode, run.stderr.replaceAll(/\s+/g, ' ')]).toEqual([64, expect.stringContaining(words)]);
});

it.skipIf(process.platform === 'win32')('is not read where others may write it', async () => {
  write('mb.config.ts', 'console.log("run by a stranger"); export default {};');
  chmodSync(join(folder, 'mb.config.ts'), 0o666);
  const run = await inFolder(SEND);
  expect([run.exitCode, run.stdout]).toEqual([64, '']);
  expect(run.stderr).toContain('MB_CLI_CONFIG');
  const missing = await mb(['--config', '/nowhere.json', ...SEND]);
  expect([missing.exitCode, missing.stderr]).toEqual([64, expect.stringContaining('MB_CLI_FILE')]);
});
