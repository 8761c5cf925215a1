import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import assert from './assert.mjs';

const run = promisify(execFile);

/** Runs the installed command: its version, and a message to a scripted host. */
export async function check(_modules, load) {
  const folder = 'node_modules/@mb/cli';
  const { version, bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const mb = async (...args) => (await run(process.execPath, [join(folder, bin.mb), ...args])).stdout;
  assert((await mb('--version')).trim() === version, 'mb --version');

  const { startDnsServer, startSmtpHost } = await load('@mb/testkit');
  const host = await startSmtpHost();
  const dns = await startDnsServer({
    zones: { 'example.org': { records: { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } } } },
  });
  try {
    const lab = [
      '--hostname',
      'mail.example.com',
      '--resolver',
      `${dns.address}:${dns.port}`,
      '--port',
      host.port,
      '--allow',
      '127.0.0.0/8',
    ];
    const letter = [
      '--from',
      'ada@example.com',
      '--to',
      'bob@example.org',
      '--subject',
      'Grüße',
      '--text',
      'Hello.',
    ];
    const { recipients } = JSON.parse(await mb('send', ...letter, ...lab, '--json'));
    assert(recipients.map(({ status }) => status).join() === 'delivered', JSON.stringify(recipients));
    await host.until(() => host.messages.length === 1);
  } finally {
    await dns.close();
    await host.close();
  }
}
