import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startDnsServer, startSmtpHost } from '@mb/testkit';
import { expect, it } from 'vitest';

const BINARY = join(import.meta.dirname, '../src/index.ts');

/** Runs `mb` on a terminal of 48 columns, by util-linux's `script`; gives all that the terminal was sent. */
function onTerminal(args: string, env: Readonly<Record<string, string>>): Promise<string> {
  const command = `stty cols 48; "${process.execPath}" --conditions=@mb/source "${BINARY}" ${args}`;
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(MB_|FORCE_COLOR$|NO_COLOR$)/.test(name),
  );
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...Object.fromEntries(inherited), TERM: 'xterm', ...env },
    timeout: 20_000,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  return new Promise((resolve) => child.on('close', () => resolve(output.replaceAll('\r\n', '\n'))));
}

/** What stays on the screen: text that the status line overwrote is gone, as are colours. */
function screen(output: string): string {
  return output.replace(/[^\n]*\r\x1b\[K/g, '').replace(/\x1b\[[\d;]*m/g, '');
}

it.skipIf(process.platform !== 'linux')('shows a status line while a host is slow, and colours', async () => {
  await using host = await startSmtpHost({
    hostname: 'mx.example.org',
    script: {
      greeting: { code: 220, delayMs: 700 },
      rcpt: `550 5.7.1 ${'Refused for many reasons. '.repeat(4)}`,
    },
  });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  await using dns = await startDnsServer({ zones: { 'example.org': { records } } });
  const env = {
    MB_RESOLVER: dns.server,
    MB_PORT: String(host.port),
    MB_ALLOW: '127.0.0.0/8',
    MB_HOSTNAME: 'mail.example.com',
  };
  const output = await onTerminal('send -f ann@example.com -t bob@example.org --text Hi', env);
  expect(output).toMatch(/… 1 recipient, 1 s: mx\.example\.org: /);
  expect(output).toContain('\x1b[31m✗');
  const lines = screen(output).split('\n');
  expect(lines[0]).toBe('warning: The message is not signed; many');
  expect(screen(output)).not.toContain('1 recipient');
  // All but the Message-ID can be broken.
  for (const line of lines) if (!line.startsWith('Message-ID')) expect(line.length).toBeLessThanOrEqual(48);
  const plain = await onTerminal('send -f ann@example.com -t bob@example.org --text Hi', {
    ...env,
    NO_COLOR: '1',
  });
  expect(plain).not.toMatch(/\x1b\[\d+m/);
});

it.skipIf(process.platform !== 'linux')('keeps the help in the columns of the terminal', async () => {
  const help = await onTerminal('send --help', {});
  const options = help.slice(0, help.indexOf('Examples:')).split('\n');
  // One word alone on its line may be longer.
  for (const line of options) if (line.trim().includes(' ')) expect(line.length).toBeLessThanOrEqual(48);
});
