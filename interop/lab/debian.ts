import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mustRun, runCommand } from './process.ts';

const cacheFolder = '/var/cache/mb-interop';
const listsAgeMs = 24 * 3_600_000;

/**
 * Runs a shell script outside the lab's namespaces (with the machine's network and resolver), one at a time
 * over all runs on this machine.
 */
async function runOutside(script: string, timeoutMs = 280_000): Promise<void> {
  const outside = process.env.MB_LAB_OUTSIDE;
  const enter = outside ? ['nsenter', `--net=${outside}/ns/net`, `--mount=${outside}/ns/mnt`] : [];
  const [command = 'flock', ...args] = [
    ...enter,
    'flock',
    '/run/lock/mb-interop.lock',
    'bash',
    '-euc',
    script,
  ];
  await mustRun(command, args, { timeoutMs, env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' } });
}

/**
 * Installs Debian packages, without recommendations and without starting any service.
 *
 * Nothing happens when all are there already. Mail servers exclude each other: Postfix is the one that is
 * installed; the others come by {@link unpackDebianPackages}.
 */
export async function ensureDebianPackages(names: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const name of names) if (!(await isInstalled(name))) missing.push(name);
  if (missing.length === 0) return;
  await updateLists();
  await runOutside(`
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      printf '#!/bin/sh\\nexit 101\\n' >$policy; chmod 755 $policy; trap 'rm -f '$policy EXIT
    fi
    install() { apt-get -q -o DPkg::Lock::Timeout=280 install -y --no-install-recommends ${missing.join(' ')} </dev/null; }
    # A version in the lists may have been replaced since.
    install || { apt-get -q update </dev/null; install; }`);
}

/** Whether a Debian package is installed on this machine. */
export async function isInstalled(name: string): Promise<boolean> {
  const { code, stdout } = await runCommand('dpkg', ['--status', name]);
  return code === 0 && /^Status: \S+ ok installed$/m.test(stdout);
}

/** apt's lists, fetched when there are none or when they are older than a day. */
async function updateLists(): Promise<void> {
  const folder = '/var/lib/apt/lists';
  const lists = (await readdir(folder).catch(() => [])).filter(
    (name) => name.endsWith('_Packages') || name.includes('_Packages.'),
  );
  const youngest = Math.max(
    0,
    ...lists.map((name) => statSync(join(folder, name)).mtimeMs),
    statSync(folder).mtimeMs,
  );
  if (lists.length > 0 && Date.now() - youngest < listsAgeMs) return;
  await runOutside('apt-get -q update </dev/null');
}

/**
 * Downloads Debian packages and unpacks them into one cached folder without installing them, for servers that cannot be
 * installed together with Postfix. The caller installs the libraries they need with {@link ensureDebianPackages}.
 *
 * @returns the folder, laid out like `/`.
 */
export async function unpackDebianPackages(names: readonly string[]): Promise<string> {
  // They fit the libraries of one release.
  const release = /^VERSION_ID="?([\d.]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'testing';
  const folder = join(cacheFolder, `debian-${release}`, names.join('+'));
  if (existsSync(folder)) return folder;
  await updateLists();
  mkdirSync(dirname(folder), { recursive: true });
  // By chance, not by process id: each run counts its processes from 1.
  const draft = mkdtempSync(`${folder}.`);
  try {
    await runOutside(`
      downloads=$(mktemp -d); chmod 777 $downloads; trap 'rm -rf '$downloads EXIT
      cd $downloads
      apt-get -q download ${names.join(' ')} </dev/null
      for package in *.deb; do dpkg -x $package ${draft}; done`);
    chmodSync(draft, 0o755);
    if (!existsSync(folder)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

/** Makes a system user (and group of the same name) unless it is there. */
export async function ensureUser(name: string): Promise<void> {
  const { code } = await runCommand('id', [name]);
  if (code !== 0)
    await runOutside(
      `useradd --system --user-group --no-create-home --badname --shell /usr/sbin/nologin ${name}`,
    );
}
