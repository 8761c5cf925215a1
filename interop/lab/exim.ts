import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from './certificate.ts';
import { ensureDebianPackages, ensureUser, unpackDebianPackages } from './debian.ts';
import { makeFolder } from './folder.ts';
import { mailboxUser, maildirOf, readMaildir, waitForMaildir } from './maildir.ts';
import { mountFolder } from './mount.ts';
import { mustRun, startProcess } from './process.ts';

export interface EximOptions {
  readonly hostname: string;
  /** Loopback addresses to listen on, port 25. */
  readonly addresses: readonly string[];
  /** Accepted addresses; others get 550. */
  readonly mailboxes: readonly string[];
  /** With a certificate STARTTLS is offered; without one it is not. */
  readonly certificate?: Certificate;
  /** More main settings, one a line. */
  readonly settings?: readonly string[];
  /** Statements of the ACL for RCPT, before the one that accepts the mailboxes. */
  readonly recipientAcl?: readonly string[];
}

/** A running Exim that delivers to maildirs. */
export interface Exim {
  /**
   * Messages delivered to a mailbox so far, as stored: Exim's header fields on top, lines ending in LF. Oldest first.
   */
  messages(mailbox: string): Promise<Buffer[]>;
  waitForMessages(mailbox: string, count: number, timeoutMs?: number): Promise<Buffer[]>;
  /** Its main log; of each message it names the DKIM signatures and what became of them. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts Exim, which is unpacked and not installed. Its configuration has a fixed path, so only one can run. */
export async function startExim(options: EximOptions): Promise<Exim> {
  await ensureDebianPackages(['libidn12', 'libgnutls-dane0']);
  await ensureUser('Debian-exim');
  const exim = join(await unpackDebianPackages(['exim4-daemon-light']), 'usr/sbin/exim4');
  const folder = makeFolder('exim');
  const mail = join(folder, 'mail');
  const user = Number(await mustRun('id', ['-u', 'Debian-exim']));
  const group = Number(await mustRun('id', ['-g', 'Debian-exim']));
  for (const each of ['etc', 'spool', 'mail']) mkdirSync(join(folder, each));
  chownSync(join(folder, 'spool'), user, group);
  chownSync(mail, mailboxUser, mailboxUser);
  if (options.certificate) chownSync(options.certificate.keyFile, user, group);
  writeFileSync(
    join(folder, 'etc/mailboxes'),
    options.mailboxes.map((each) => `${each}: ${maildirOf(each)}\n`).join(''),
  );
  writeFileSync(join(folder, 'etc/exim4.conf'), formatConfiguration(folder, exim, options));
  // Exim gives up root for any configuration but the one at its own path: ours is mounted there, for this run only.
  const unmount = await mountFolder(join(folder, 'etc'), '/etc/exim4');
  const log = join(folder, 'spool/mainlog');
  const output = () => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  try {
    const daemon = await startProcess(exim, {
      args: ['-bdf', '-q1h', '-oP', join(folder, 'exim.pid')],
      ready: { address: options.addresses[0] ?? '127.0.0.1', port: 25 },
    });
    return {
      messages: (mailbox) => readMaildir(mail, mailbox),
      waitForMessages: (mailbox, count, timeoutMs) => waitForMaildir(mail, mailbox, count, output, timeoutMs),
      output,
      async stop() {
        await daemon.stop();
        await unmount();
      },
    };
  } catch (error) {
    await unmount();
    throw error;
  }
}

function formatConfiguration(folder: string, exim: string, options: EximOptions): string {
  const mailbox = `\${lookup{$local_part@$domain}lsearch{${folder}/etc/mailboxes}}`;
  const tls = options.certificate
    ? `tls_advertise_hosts = *
tls_certificate = ${options.certificate.certificateFile}
tls_privatekey = ${options.certificate.keyFile}`
    : 'tls_advertise_hosts =';
  return `exim_path = ${exim}
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
primary_hostname = ${options.hostname}
local_interfaces = ${options.addresses.join(' : ')}
daemon_smtp_ports = 25
log_selector = +dkim_verbose
keep_environment =
rfc1413_query_timeout = 0s
host_lookup =
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept
prdr_enable = true
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
${tls}
${(options.settings ?? []).join('\n')}
begin acl
check_recipient:
${(options.recipientAcl ?? []).join('\n')}
  accept condition = \${if eq{${mailbox}}{}{no}{yes}}
  deny message = 5.1.1 no such mailbox here
begin routers
mailbox:
  driver = accept
  condition = \${if eq{${mailbox}}{}{no}{yes}}
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = ${folder}/mail/${mailbox}
  create_directory
  return_path_add
  user = ${mailboxUser}
  group = ${mailboxUser}
begin retry
begin rewrite
begin authenticators
`;
}
