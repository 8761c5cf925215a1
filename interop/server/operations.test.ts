import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DnsServer, type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mustRun, runCommand } from '../lab/process.ts';

const root = join(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const steps = [...guide.matchAll(/^```sh step\n([\s\S]*?)^```$/gm)].map(([, commands]) => commands!);

/** An address that is public to programs, in a network of the test's own. */
const receiver = '20.0.0.1';
const sender = '20.0.0.25';

let host: SmtpHost;
let dns: DnsServer | undefined;
let folder: string;
let shims: string;

beforeAll(async () => {
  await ensureDebianPackages(['curl', 'python3-dkim']);
  folder = makeFolder('operations');
  shims = join(folder, 'bin');
  mkdirSync(shims);
  // Folders of this run alone, so that a second run finds an empty machine too.
  for (const path of ['/etc/mb', '/var/lib/mb', '/etc/systemd/system']) {
    mkdirSync(path, { recursive: true });
    await mustRun('mount', ['-t', 'tmpfs', 'mb-operations', path]);
  }
  for (const address of [receiver, sender])
    await mustRun('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
  host = await startSmtpHost({ address: receiver, port: 25, hostname: 'mx.example.org' });
  writeShims();
}, 300_000);

afterAll(async () => {
  const pid = join(folder, 'service.pid');
  if (existsSync(pid)) process.kill(-Number(readFileSync(pid, 'utf8')), 'SIGTERM');
  await Promise.all([host?.close(), dns?.close()]);
});

/** Commands that need the registry or an init: what they would do here. */
function writeShims(): void {
  const cli = join(root, 'packages/cli/src/index.ts');
  const shim = (name: string, script: string) => {
    writeFileSync(join(shims, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(shims, name), 0o755);
  };
  shim('npm', 'exit 0');
  shim('apt-get', 'exit 0');
  shim('useradd', 'getent passwd mb > /dev/null || exec /usr/sbin/useradd "$@"');
  shim('mb', `exec ${process.execPath} --conditions=@mb/source ${cli} "$@"`);
  // As the unit says, but for the user where the sources are not readable to others.
  shim(
    'systemctl',
    `case "$*" in
  "enable --now mb")
    command=$(sed -n 's/^ExecStart=\\/usr\\/bin\\///p' /etc/systemd/system/mb.service)
    cd /var/lib/mb
    setsid ${join(shims, 'as-mb')} $command > ${join(folder, 'service.log')} 2>&1 &
    echo $! > ${join(folder, 'service.pid')} ;;
esac`,
  );
  const asUser = `if setpriv --reuid mb --regid mb --clear-groups test -r ${cli}
then exec setpriv --reuid mb --regid mb --clear-groups env HOME=/var/lib/mb "$@"
else exec "$@"
fi`;
  shim('as-mb', asUser);
  shim('runuser', `shift 3\n${asUser}`);
}

/** Publishes what step 4 says, with the record that step 3 has printed. */
async function publish(): Promise<void> {
  const printed = readFileSync('/etc/mb/dkim-record.txt', 'utf8');
  const key =
    [...printed.matchAll(/"([^"]+)"/g)].map(([, part]) => part).join('') || /v=DKIM1.*/.exec(printed)![0];
  expect(key).toMatch(/^v=DKIM1; .*p=/);
  dns = await startDnsServer({
    address: '127.0.0.53',
    port: 53,
    zones: {
      'example.com': {
        records: {
          '@': { TXT: `v=spf1 ip4:${sender} -all`, MX: '10 mail.example.com' },
          mail: { A: sender, TXT: 'v=spf1 a -all' },
          '2026._domainkey': { TXT: key },
          _dmarc: { TXT: 'v=DMARC1; p=none; rua=mailto:dmarc@example.com' },
        },
      },
      'example.org': { records: { '@': { MX: '10 mx.example.org' }, mx: { A: receiver } } },
      'in-addr.arpa': { records: { '25.0.0.20': { PTR: 'mail.example.com' } } },
    },
  });
}

it('has ten steps, of which one is for DNS', () => {
  expect(steps).toHaveLength(9);
  expect([...guide.matchAll(/^\*\*(\d+)\. /gm)].map(([, number]) => Number(number))).toEqual(
    Array.from({ length: 10 }, (_, index) => index + 1),
  );
});

it('OPS-05 the steps of docs/operations.md lead from an empty machine to a signed message', async () => {
  for (const [index, commands] of steps.entries()) {
    if (index === 3) await publish();
    const script = commands
      .replaceAll('192.0.2.25', sender)
      .replaceAll('/root/', `${folder}/`)
      .replaceAll('cp deploy/', `cp ${root}/deploy/`);
    const { code, stdout, stderr } = await runCommand('sh', ['-e', '-c', script], {
      env: { PATH: `${shims}:${process.env.PATH}` },
    });
    // The doctor warns where a policy could be stricter; an error has the code 2.
    const most = commands.startsWith('mb doctor') ? 1 : 0;
    expect(code, `${commands}\n${stdout}\n${stderr}`).toBeLessThanOrEqual(most);
  }
  await expect.poll(() => host.messages.length, { timeout: 30_000 }).toBe(1);
  const octets = Buffer.from(host.messages[0]!.content);
  expect(octets.toString()).toMatch(/^DKIM-Signature: /m);
  const verified = await runCommand('dkimverify', [], { input: octets });
  expect(verified.stdout.trim(), verified.stderr).toBe('signature ok');
}, 180_000);
