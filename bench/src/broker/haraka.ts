import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { accepting, freePort } from '../smtp/port.ts';

export const HARAKA_VERSION = '3.3.4';

/** A Haraka of our own that takes mail on loopback and sends all of it on to one port. */
export interface RelayHaraka {
  readonly port: number;
  stop(): void;
}

/** Starts Haraka; the first time it is installed from npm, beside this package's own dependencies. */
export async function startRelayHaraka(relayPort: number): Promise<RelayHaraka> {
  const home = await installHaraka();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-haraka-'));
  const port = await freePort();
  for (const name of ['config', 'plugins', 'queue']) mkdirSync(path.join(folder, name));
  const files: Readonly<Record<string, string>> = {
    'config/smtp.ini': `listen=127.0.0.1:${port}\nnodes=0\n`,
    'config/me': 'relay.example.com\n',
    'config/log.ini': '[main]\nlevel=ERROR\n',
    'config/outbound.ini': 'local_mx_ok=true\nenable_tls=false\nconcurrency_max=100\n',
    'config/plugins': 'bench_relay\n',
    'plugins/bench_relay.js': plugin(relayPort),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  // It does not start without this file.
  await copyFile(path.join(home, 'config/connection.ini'), path.join(folder, 'config/connection.ini'));
  const child = spawn(process.execPath, [path.join(home, 'bin/haraka'), '-c', folder], { stdio: 'ignore' });
  await accepting(port);
  return {
    port,
    stop: () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Takes everything and names the one host; queueing to disk and delivery are Haraka's own. */
function plugin(relayPort: number): string {
  return `'use strict';
exports.register = function () {
  this.register_hook('connect', 'relay');
  this.register_hook('rcpt', 'accept');
  this.register_hook('get_mx', 'exchange');
};
exports.relay = (next, connection) => { connection.relaying = true; next(); };
exports.accept = (next) => next(OK);
exports.exchange = (next) => next(OK, { priority: 0, exchange: '127.0.0.1', port: ${relayPort} });
`;
}

async function installHaraka(): Promise<string> {
  const folder = fileURLToPath(
    new URL(`../../node_modules/.cache/haraka-${HARAKA_VERSION}/`, import.meta.url),
  );
  const home = path.join(folder, 'node_modules/Haraka');
  if (existsSync(path.join(home, 'bin/haraka'))) return home;
  mkdirSync(folder, { recursive: true });
  // A release of libmime that installs together with the rest.
  const manifest = {
    private: true,
    dependencies: { Haraka: HARAKA_VERSION },
    overrides: { libmime: '5.3.6' },
  };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: folder,
  });
  return home;
}
