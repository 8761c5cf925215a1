import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DnsRecords,
  type DnsServer,
  type DnsZones,
  type SmtpHost,
  startDnsServer,
  startSmtpHost,
} from '@mb/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mountEmpty } from '../lab/mount.ts';
import { isRunning, mustRun, runCommand, undoLater } from '../lab/process.ts';

const root = join(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'docs/operations.md'), 'utf8');
/** The commands of all blocks of a kind, in their order. */
const blocksOf = (kind: string) =>
  [...guide.matchAll(new RegExp(`^\`\`\`sh ${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, commands]) => commands!,
  );
const steps = blocksOf('step');
const domainSteps = blocksOf('domains');

/** An address that is public to programs, in a network of the test's own. */
const receiver = '20.0.0.1';
const sender = '20.0.0.25';
/** The name server of example.net. */
const nameServer = '127.0.0.54';

let host: SmtpHost;
let dns: DnsServer | undefined;
let zones: DnsZones;
let zone: DnsServer | undefined;
let folder: string;
let shims: string;

beforeAll(async () => {
  await ensureDebianPackages(['curl', 'python3-dkim']);
  folder = makeFolder('operations');
  shims = join(folder, 'bin');
  mkdirSync(shims);
  // Folders of this run alone, so that a second run finds an empty machine too.
  for (const path of ['/etc/mb', '/var/lib/mb', '/etc/systemd/system']) await mountEmpty(path);
  for (const address of [receiver, sender]) {
    await mustRun('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
    undoLater(() => mustRun('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']));
  }
  host = await startSmtpHost({ address: receiver, port: 25, hostname: 'mx.example.org' });
  writeShims();
}, 300_000);

afterAll(async () => {
  const file = join(folder, 'service.pid');
  if (existsSync(file)) {
    const pid = Number(readFileSync(file, 'utf8'));
    process.kill(-pid, 'SIGTERM');
    await vi.waitUntil(() => !isRunning(pid), { timeout: 60_000, interval: 50 });
  }
  await Promise.all([host?.close(), dns?.close(), zone?.close()]);
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
  // Follows the unit, except for the user if other users cannot read the sources.
  shim(
    'systemctl',
    `start() {
    command=$(sed -n 's/^ExecStart=\\/usr\\/bin\\///p' /etc/systemd/system/mb.service)
    cd /var/lib/mb
    setsid ${join(shims, 'as-mb')} $command >> ${join(folder, 'service.log')} 2>&1 &
    echo $! > ${join(folder, 'service.pid')}
}
case "$*" in
  "enable --now mb") start ;;
  "restart mb")
    old=$(cat ${join(folder, 'service.pid')})
    kill -TERM "$old"
    while kill -0 "$old" 2> /dev/null; do sleep 0.1; done
    start ;;
esac`,
  );
  const asUser = `if setpriv --reuid mb --regid mb --clear-groups test -r ${cli}
then exec setpriv --reuid mb --regid mb --clear-groups env HOME=/var/lib/mb "$@"
else exec "$@"
fi`;
  shim('as-mb', asUser);
  shim('runuser', `shift 3\n${asUser}`);
}

/** Publishes the records of step 4, with the DKIM record that step 3 printed. */
async function publish(): Promise<void> {
  const printed = readFileSync('/etc/mb/dkim-record.txt', 'utf8');
  const key =
    [...printed.matchAll(/"([^"]+)"/g)].map(([, part]) => part).join('') || /v=DKIM1.*/.exec(printed)![0];
  expect(key).toMatch(/^v=DKIM1; .*p=/);
  zones = {
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
  };
  dns = await startDnsServer({ address: '127.0.0.53', port: 53, zones });
}

/** Publishes example.net on a separate server, as step "A domain" printed it. */
async function publishZone(): Promise<void> {
  const printed = readFileSync(join(folder, 'example.net.zone'), 'utf8');
  const records: Record<string, { -readonly [Type in keyof DnsRecords]: DnsRecords[Type] }> = {
    '@': { NS: 'ns1.example.net' },
    ns1: { A: nameServer },
  };
  for (const [, name = '', type, value = ''] of printed.matchAll(
    /^(\S+)\. \d+ IN (TXT|MX) (\([^)]*\)|.*)$/gm,
  )) {
    const owner = name === 'example.net' ? '@' : name;
    const values = records[owner] ?? {};
    records[owner] = values;
    if (type === 'TXT') values.TXT = [...value.matchAll(/"([^"]*)"/g)].map(([, part]) => part).join('');
    else values.MX = value;
  }
  expect(Object.keys(records)).toContain('_dmarc.example.net');
  const own: DnsZones = { 'example.net': { records } };
  zone = await startDnsServer({ address: nameServer, port: 53, authoritative: true, zones: own });
  dns!.setZones({ ...zones, ...own });
}

/** Runs the commands of the guide with the addresses and folders of this test. */
async function run(commands: string): Promise<void> {
  const script = commands
    .replaceAll('192.0.2.25', sender)
    .replaceAll('/root/', `${folder}/`)
    .replaceAll('cp deploy/', `cp ${root}/deploy/`)
    // No name server of the test has a public address.
    .replaceAll(/mb domain (\S+) example\.net/g, `$& --allow ${nameServer}/32`);
  const { code, stdout, stderr } = await runCommand('sh', ['-e', '-c', script], {
    env: { PATH: `${shims}:${process.env.PATH}` },
  });
  // The doctor warns where a policy could be stricter; an error has the code 2.
  const most = commands.startsWith('mb doctor') ? 1 : 0;
  expect(code, `${commands}\n${stdout}\n${stderr}`).toBeLessThanOrEqual(most);
}

/** The signature of the latest message that came, checked by a verifier of others. */
async function expectSigned(count: number): Promise<string> {
  await expect.poll(() => host.messages.length, { timeout: 30_000 }).toBe(count);
  const octets = Buffer.from(host.messages.at(-1)!.content);
  const verified = await runCommand('dkimverify', [], { input: octets });
  expect(verified.stdout.trim(), verified.stderr).toBe('signature ok');
  return octets.toString();
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
    await run(commands);
  }
  expect(await expectSigned(1)).toMatch(/^DKIM-Signature: /m);
}, 180_000);

it('OPS-09 the commands on domains lead to a message that is signed with a managed key', async () => {
  expect(domainSteps).toHaveLength(5);
  const [newMasterKey, add, ...rest] = domainSteps as [string, string, ...string[]];
  await run(newMasterKey);
  await run(add);
  await publishZone();
  for (const commands of rest) await run(commands);
  const response = await fetch('http://127.0.0.1:8025/v1/messages', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${readFileSync(join(folder, 'shop.token'), 'utf8').trim()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      from: 'shop@example.net',
      to: 'bob@example.org',
      subject: 'Hello',
      text: 'By a managed key.',
    }),
  });
  expect(response.status, await response.text()).toBe(202);
  expect(await expectSigned(2)).toMatch(/\bd=example\.net;/);
}, 180_000);
