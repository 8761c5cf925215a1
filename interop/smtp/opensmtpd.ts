import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureDebianPackages, ensureUser, unpackDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mountFolder } from '../lab/mount.ts';
import { mustRun, startProcess } from '../lab/process.ts';

export interface OpenSmtpd {
  /** All messages delivered so far, as stored. */
  messages(): Promise<Buffer[]>;
  output(): string;
  stop(): Promise<void>;
}

/**
 * Starts OpenSMTPD, which is unpacked and not installed. It has no TLS, because Debian 12's version fails with OpenSSL
 * 3.
 *
 * @param settings  More lines of smtpd.conf.
 */
export async function startOpenSmtpd(
  address: string,
  mailboxes: readonly string[],
  settings: readonly string[] = [],
): Promise<OpenSmtpd> {
  await ensureDebianPackages(['libevent-2.1-7', 'libpam0g', 'libdb5.3']);
  for (const user of ['opensmtpd', 'opensmtpq', 'labmail']) await ensureUser(user);
  const root = await unpackDebianPackages(['opensmtpd']);
  const folder = makeFolder('opensmtpd');
  const mail = join(folder, 'mail');
  mkdirSync(mail);
  chownSync(mail, Number(await mustRun('id', ['-u', 'labmail'])), 0);
  // Its paths are built in: they are mounted there, for this run only.
  const mounts: readonly (readonly [string, string])[] = [
    [join(root, 'usr/libexec/opensmtpd'), '/usr/libexec/opensmtpd'],
    [join(folder, 'spool'), '/var/spool/smtpd'],
    [join(folder, 'empty'), '/var/lib/opensmtpd'],
  ];
  for (const each of ['spool', 'empty/empty'])
    mkdirSync(join(folder, each), { recursive: true, mode: 0o711 });
  const unmounts: (() => Promise<void>)[] = [];
  for (const [from, to] of mounts) unmounts.push(await mountFolder(from, to));
  writeFileSync(join(folder, 'mailboxes'), mailboxes.map((mailbox) => `${mailbox} labmail\n`).join(''));
  const configuration = join(folder, 'smtpd.conf');
  writeFileSync(
    configuration,
    `${settings.map((line) => `${line}\n`).join('')}table mailboxes file:${folder}/mailboxes
listen on ${address} port 25 hostname mx.example.test
action store maildir "${mail}" virtual <mailboxes>
${domainsOf(mailboxes)
  .map((domain) => `match from any for domain "${domain}" action store\n`)
  .join('')}`,
  );
  const server = await startProcess(join(root, 'usr/sbin/smtpd'), {
    args: ['-d', '-f', configuration],
    ready: { address, port: 25 },
  });
  return {
    async messages() {
      const inbox = join(mail, 'new');
      const names = await readdir(inbox).catch(() => []);
      const messages: Buffer[] = [];
      for (const name of names) messages.push(await readFile(join(inbox, name)));
      return messages;
    },
    output: server.output,
    async stop() {
      await server.stop();
      for (const unmount of unmounts) await unmount();
    },
  };
}

function domainsOf(mailboxes: readonly string[]): string[] {
  return [...new Set(mailboxes.map((mailbox) => mailbox.slice(mailbox.lastIndexOf('@') + 1)))];
}
