import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { type LabProcess, mustRun, startProcess } from '../lab/process.ts';

const redisPort = 6390;
const scannerPort = 11_333;

/**
 * Starts rspamd as a milter that greylists every message by sender, recipient and address, and the Redis that it needs.
 *
 * @param delaySeconds  How long it wants a sender to wait.
 * @returns both processes.
 */
export async function startGreylistingRspamd(
  port: number,
  delaySeconds: number,
  text: string,
): Promise<LabProcess[]> {
  await ensureDebianPackages(['rspamd', 'redis-server']);
  const folder = makeFolder('greylisting-rspamd');
  const redis = await startProcess('/usr/bin/redis-server', {
    args: ['--bind', '127.0.0.1', '--port', `${redisPort}`, '--save', '', '--dir', folder],
    ready: { address: '127.0.0.1', port: redisPort },
  });
  const files = {
    tlds: 'com\norg\n',
    // Only messages with some score are greylisted.
    'lab.lua': `dofile('/usr/share/rspamd/rules/rspamd.lua')
rspamd_config.LAB = { callback = function() return true end, score = 5.0, group = 'lab' }
`,
    'rspamd.conf': configuration(folder, port, delaySeconds, text),
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content);
    chmodSync(join(folder, name), 0o644);
  }
  await mustRun('chown', ['-R', '_rspamd', folder]);
  const rspamd = await startProcess('/usr/bin/rspamd', {
    args: ['--no-fork', '--insecure', '--config', join(folder, 'rspamd.conf')],
    ready: { address: '127.0.0.1', port },
  });
  return [rspamd, redis];
}

function configuration(folder: string, port: number, delaySeconds: number, text: string): string {
  return `
options {
  pidfile = "${folder}/rspamd.pid";
  filters = "";
  url_tld = "${folder}/tlds";
  local_addrs = [];
  dns { nameserver = ["127.0.0.53:53:1"]; timeout = 1s; retransmits = 1; }
}
logging { type = "console"; level = "info"; }
lua = "${folder}/lab.lua";
worker "normal" { bind_socket = "127.0.0.1:${scannerPort}"; count = 1; }
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:${port}"; count = 1; milter = yes; timeout = 20s;
  upstream "local" { default = yes; hosts = "127.0.0.1:${scannerPort}"; }
}
actions { reject = 1000; add_header = 900; greylist = 4; }
redis { servers = "127.0.0.1:${redisPort}"; }
greylist {
  timeout = ${delaySeconds}s; expire = 1d; action = "soft reject"; message = "${text}";
  check_local = true; check_authed = true; ipv4_mask = 32; whitelist_domains_url = [];
}
modules { path = "/usr/share/rspamd/plugins/greylist.lua"; }
`;
}
