import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMessage } from '@mb/mime';
import { type DnsServer, type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { mb } from './mb.ts';
import { onTerminal, screen } from './on-terminal.ts';

let folder: string;
let temporary: string;
let host: SmtpHost;
let dns: DnsServer;
let lab: Record<string, string>;

beforeAll(async () => {
  host = await startSmtpHost({ hostname: 'mx.example.org' });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  dns = await startDnsServer({ zones: { 'example.org': { records }, 'example.com': { records: {} } } });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-edit-'));
  temporary = mkdtempSync(join(folder, 'tmp-'));
  lab = {
    MB_RESOLVER: dns.server,
    MB_PORT: String(host.port),
    MB_ALLOW: '127.0.0.0/8',
    MB_HOSTNAME: 'mail.example.com',
    MB_FROM: 'ann@example.com',
    TMPDIR: temporary,
    VISUAL: '',
    EDITOR: '',
  };
  host.messages.length = 0;
});

afterEach(() => {
  host.setScript({});
  rmSync(folder, { recursive: true });
});

afterAll(async () => {
  await host.close();
  await dns.close();
});

/** An editor that runs shell commands; `$1` is the file. */
function editor(commands: string): string {
  const path = join(folder, 'my editor');
  writeFileSync(path, `#!/bin/sh\n${commands}\n`);
  chmodSync(path, 0o755);
  return `"${path}"`;
}

const TO = ['-t', 'bob@example.org', '-s', 'Lunch'];
const edit = (args: readonly string[], env: Record<string, string>) =>
  mb(['send', ...TO, ...args], { env: { ...lab, ...env } });
/** Folders of drafts that are still there. */
const left = () => readdirSync(temporary).filter((name) => name.startsWith('mb-'));
const words = (text: string) => text.replaceAll(/\s+/g, ' ');
const prepend = (text: string) =>
  `{ printf '${text}'; cat "$1"; } > "$1.new" && cat "$1.new" > "$1" && rm "$1.new"`;

it.skipIf(process.platform === 'win32')(
  'sends what the editor leaves above the help, from a file of its owner alone',
  async () => {
    const seen = join(folder, 'seen');
    const commands = `stat -c '%a %A' "$1" "$(dirname "$1")" > '${seen}'; cat "$1" >> '${seen}'\n${prepend('# Hello Bob\\n\\n')}`;
    const run = await edit(['--edit'], { VISUAL: editor(commands), EDITOR: 'false' });
    expect([run.exitCode, words(run.stderr)]).toEqual([0, expect.stringContaining('not signed')]);
    const { text } = await parseMessage(host.messages[0]!.content);
    expect(text).toBe('# Hello Bob\n');
    expect(readFileSync(seen, 'utf8')).toMatch(
      /^600 -rw-------\n700 drwx------\n\n\n# -+ >8 -+\n# Write[\s\S]*\n# From: ann@example\.com\n# To: bob@example\.org\n# Subject: Lunch\n$/,
    );
    expect(left()).toEqual([]);
  },
);

it.skipIf(process.platform === 'win32')(
  'begins with the text that is given, and takes an editor with arguments',
  async () => {
    const run = await edit(['--edit', '--text', 'Draft'], {
      EDITOR: "sed -i -e 's/Draft/Final; $HOME `id`/'",
    });
    expect(run.exitCode).toBe(0);
    expect((await parseMessage(host.messages[0]!.content)).text).toBe('Final; $HOME `id`\n');
  },
);

it.skipIf(process.platform === 'win32').for([
  ['true', [], 'was left empty'],
  ['true', ['--text', 'Draft'], 'was left unchanged'],
  ['false', [], 'ended with 1'],
  ['kill -9 $$ #', [], 'ended with'],
  ['/nowhere/editor', [], 'cannot be run; set VISUAL or EDITOR'],
] as const)('sends nothing when the editor is %s with %j', async ([command, args, problem]) => {
  const run = await edit(['--edit', ...args], { EDITOR: command });
  expect([run.exitCode, run.stdout, host.messages]).toEqual([64, '', []]);
  expect(words(run.stderr)).toContain(problem);
  expect(run.stderr).toContain('MB_CLI_EDITOR');
  expect(left()).toEqual([]);
});

it.skipIf(process.platform === 'win32')(
  'keeps the text when the editor or the sending fails, and tells where',
  async () => {
    const failing = await edit(['--edit'], { EDITOR: editor(`${prepend('Long story')}\nexit 3`) });
    const [, path] = /What you wrote is in (\S+)\./.exec(words(failing.stderr)) ?? [];
    expect([failing.exitCode, readFileSync(path!, 'utf8')]).toEqual([
      64,
      expect.stringContaining('Long story'),
    ]);
    const good = editor(prepend('Long story'));
    for (const [args, exitCode] of [
      [['--dkim-key', '/nowhere.pem', '--dkim-selector', 's'], 64],
      [['--port', '9'], 1],
      [['--dry-run'], 0],
    ] as const) {
      const run = await edit(['--edit', ...args], { EDITOR: good });
      expect(run.exitCode).toBe(exitCode);
      const [, kept] = /Your text is in (\S+);/.exec(words(run.stderr)) ?? [];
      expect(readFileSync(kept!, 'utf8')).toBe('Long story\n');
    }
    const merge = join(folder, 'people.csv');
    writeFileSync(merge, 'email\nbob@example.org\n');
    const run = await mb(['send', '--to-file', merge, '--edit'], {
      env: { ...lab, EDITOR: editor(prepend('Dear {{name}}')) },
    });
    expect([run.exitCode, words(run.stderr)]).toEqual([64, expect.stringContaining('no column "name"')]);
    expect(run.stderr).toContain('Your text is in');
  },
);

it('opens no editor for what cannot be sent anyway', async () => {
  const mark = join(folder, 'opened');
  const env = { ...lab, EDITOR: `touch '${mark}' #` };
  for (const args of [
    ['-t', 'nobody', '-s', 'x'],
    ['-s', 'x'],
    ['-t', 'bob@example.org', '-s', 'a\nb'],
    ['-t', 'bob@example.org', '-a', '/nowhere'],
    ['--eml', '-', '--edit'],
  ]) {
    expect((await mb(['send', '--edit', ...args], { env })).exitCode).toBe(64);
    expect(existsSync(mark)).toBe(false);
  }
});

it.skipIf(process.platform !== 'linux')('opens by itself on a terminal where no body is given', async () => {
  const flags = 'send -f ann@example.com -t bob@example.org -s Hi';
  const output = screen(await onTerminal(flags, { ...lab, EDITOR: editor(prepend('From the terminal')) }));
  expect(output).toContain('✓ bob@example.org  delivered');
  expect((await parseMessage(host.messages[0]!.content)).text).toBe('From the terminal\n');
  const unchanged = screen(await onTerminal(flags, { ...lab, EDITOR: 'true' }));
  expect(words(unchanged)).toContain('The message was left empty, so nothing was sent.');
  for (const line of unchanged.split('\n')) expect(line.length).toBeLessThanOrEqual(48);
  // Without an editor of one's choice the keyboard is read, as ever.
  let typed = false;
  const read = await onTerminal(flags, lab, (child, soFar) => {
    if (typed || !soFar.includes('Ctrl-D')) return;
    typed = true;
    child.stdin?.write('Typed\n\x04');
  });
  expect(read).toContain('delivered');
  expect((await parseMessage(host.messages[1]!.content)).text).toBe('Typed\n');
});
