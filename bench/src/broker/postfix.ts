import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { accepting, freePort } from '../smtp/port.ts';

/** A Postfix of our own that takes mail on loopback and sends all of it on to one port. */
export interface RelayPostfix {
  readonly port: number;
  stop(): Promise<void>;
}

/** Why this machine cannot run Postfix for the benchmark, or undefined. */
export function postfixIsMissing(): string | undefined {
  if (!existsSync('/usr/sbin/postfix')) return 'is not installed (package postfix)';
  return process.getuid?.() === 0 ? undefined : 'needs root to start';
}

/** Starts Postfix with a configuration, queue and log of its own; nothing of the system's Postfix is touched. */
export async function startRelayPostfix(relayPort: number): Promise<RelayPostfix> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-postfix-'));
  chmodSync(folder, 0o755);
  const configuration = path.join(folder, 'etc');
  for (const name of ['etc', 'queue', 'data']) mkdirSync(path.join(folder, name));
  execFileSync('chown', ['postfix', path.join(folder, 'data')]);
  const port = await freePort();
  writeFileSync(path.join(configuration, 'main.cf'), mainConfiguration(folder, relayPort));
  writeFileSync(path.join(configuration, 'master.cf'), services(port));
  const child = spawn('/usr/sbin/postfix', ['-c', configuration, 'start-fg'], { stdio: 'ignore' });
  await accepting(port);
  return {
    port,
    stop: async () => {
      await promisify(execFile)('/usr/sbin/postfix', ['-c', configuration, 'stop']).catch(() => child.kill());
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Its defaults but for names, places and the delays that only matter when mail comes faster than it leaves. */
function mainConfiguration(folder: string, relayPort: number): string {
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = /dev/stdout
myhostname = relay.example.com
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
local_recipient_maps =
alias_maps =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:${relayPort}
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtp_tls_security_level = none
in_flow_delay = 0
`;
}

function services(port: number): string {
  return `127.0.0.1:${port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
`;
}
