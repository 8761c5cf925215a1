import { startDnsServer, startSmtpHost } from '@mb/testkit';
import { expect, it } from 'vitest';
import { onTerminal, screen } from './on-terminal.ts';

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
