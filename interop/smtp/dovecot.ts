import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mailboxUser, maildirOf, readMaildir } from '../lab/maildir.ts';
import { startProcess } from '../lab/process.ts';

export interface Dovecot {
  messages(mailbox: string): Promise<Buffer[]>;
  output(): string;
  stop(): Promise<void>;
}

/** Starts Dovecot's LMTP server on port 24. A mailbox with a quota refuses what is larger after the content. */
export async function startDovecot(
  address: string,
  mailboxes: Readonly<Record<string, { readonly quotaBytes?: number }>>,
): Promise<Dovecot> {
  await ensureDebianPackages(['dovecot-core', 'dovecot-lmtpd']);
  const folder = makeFolder('dovecot');
  const mail = join(folder, 'mail');
  for (const each of ['run', 'mail', 'state']) mkdirSync(join(folder, each), { mode: 0o755 });
  chownSync(mail, mailboxUser, mailboxUser);
  const users = Object.entries(mailboxes).map(([name, { quotaBytes }]) => {
    const quota = quotaBytes === undefined ? '' : `userdb_quota_rule=*:bytes=${quotaBytes}`;
    return `${name}::${mailboxUser}:${mailboxUser}::${mail}/${maildirOf(name)}::${quota}\n`;
  });
  writeFileSync(join(folder, 'users'), users.join(''));
  const configuration = join(folder, 'dovecot.conf');
  writeFileSync(
    configuration,
    `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols = lmtp
ssl = no
mail_location = maildir:~
first_valid_uid = 1
mail_plugins = quota
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = passwd-file
  args = ${folder}/users
}
plugin {
  quota = maildir:Mailbox
}
service lmtp {
  inet_listener lmtp {
    address = ${address}
    port = 24
  }
}
`,
  );
  const dovecot = await startProcess('/usr/sbin/dovecot', {
    args: ['-F', '-c', configuration],
    ready: { address, port: 24 },
  });
  return { messages: (mailbox) => readMaildir(mail, mailbox), output: dovecot.output, stop: dovecot.stop };
}

/** Dovecot as the keeper of passwords for a mail server. */
export interface DovecotAuthentication {
  output(): string;
  stop(): Promise<void>;
}

/** Starts Dovecot only for authentication: a mail server asks it over TCP, in Dovecot's authentication protocol. */
export async function startDovecotAuthentication(
  address: string,
  port: number,
  passwords: Readonly<Record<string, string>>,
): Promise<DovecotAuthentication> {
  await ensureDebianPackages(['dovecot-core']);
  const folder = makeFolder('dovecot-auth');
  for (const each of ['run', 'state']) mkdirSync(join(folder, each), { mode: 0o755 });
  writeFileSync(
    join(folder, 'passwords'),
    Object.entries(passwords)
      .map(([user, password]) => `${user}:{PLAIN}${password}\n`)
      .join(''),
  );
  const configuration = join(folder, 'dovecot.conf');
  writeFileSync(
    configuration,
    `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols =
ssl = no
auth_mechanisms = scram-sha-256 scram-sha-1 cram-md5 plain login
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
passdb {
  driver = passwd-file
  args = ${folder}/passwords
}
userdb {
  driver = static
  args = uid=${mailboxUser} gid=${mailboxUser} home=/nonexistent
}
service auth {
  inet_listener {
    address = ${address}
    port = ${port}
  }
}
`,
  );
  const dovecot = await startProcess('/usr/sbin/dovecot', {
    args: ['-F', '-c', configuration],
    ready: { address, port },
  });
  return { output: dovecot.output, stop: dovecot.stop };
}
