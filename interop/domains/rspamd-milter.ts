import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { type LabProcess, mustRun, startProcess } from '../lab/process.ts';

/**
 * Starts rspamd as a milter that verifies the DKIM signatures of every message as it comes in, and writes the results
 * into an Authentication-Results field. The milter scans by itself: no second process, and none of the rules for spam.
 */
export async function startDkimMilter(port: number): Promise<LabProcess> {
  await ensureDebianPackages(['rspamd']);
  const folder = makeFolder('dkim-milter');
  const files = {
    tlds: 'com\nnet\norg\n',
    'rules.lua': rules,
    'rspamd.conf': configuration(folder, port),
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content);
    chmodSync(join(folder, name), 0o644);
  }
  await mustRun('chown', ['-R', '_rspamd', folder]);
  return startProcess('/usr/bin/rspamd', {
    args: ['--no-fork', '--insecure', '--config', join(folder, 'rspamd.conf')],
    ready: { address: '127.0.0.1', port },
  });
}

/** What plugins need of rspamd's own rules, which look at much besides signatures. */
const rules = `
require "global_functions" ()
config['regexp'] = {}
rspamd_maps = {}
`;

function configuration(folder: string, port: number): string {
  return `
options {
  pidfile = "${folder}/rspamd.pid";
  filters = "dkim";
  url_tld = "${folder}/tlds";
  local_addrs = [];
  check_all_filters = true;
  dns { nameserver = ["127.0.0.53:53:1"]; timeout = 2s; retransmits = 3; }
}
logging { type = "console"; level = "error"; }
lua = "${folder}/rules.lua";
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:${port}"; count = 2; milter = yes; timeout = 20s;
  upstream "local" { default = yes; self_scan = yes; }
}
actions { reject = 1000; add_header = 900; greylist = 800; }
dkim { check_local = true; check_authed = true; max_sigs = 10; dkim_cache_size = 0; }
milter_headers { use = ["authentication-results"]; skip_local = false; skip_authenticated = false; authenticated_headers = ["authentication-results"]; local_headers = ["authentication-results"]; }
modules { path = "/usr/share/rspamd/plugins/milter_headers.lua"; }
`;
}
