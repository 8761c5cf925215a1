import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from './certificate.ts';
import { ensureDebianPackages } from './debian.ts';
import { makeFolder } from './folder.ts';
import { mailboxUser, maildirOf, readMaildir, waitForMaildir } from './maildir.ts';
import { mustRun, startProcess } from './process.ts';

export interface PostfixOptions {
  /** In the greeting and in Received. */
  readonly hostname: string;
  /** Loopback addresses to listen on, port 25. */
  readonly addresses: readonly string[];
  /** Accepted addresses; other local parts of their domains get 550 5.1.1, other domains 554 5.7.1. */
  readonly mailboxes: readonly string[];
  /** With a certificate STARTTLS is offered; without one it is not. */
  readonly certificate?: Certificate;
  /** More or different main.cf settings. */
  readonly settings?: Readonly<Record<string, string>>;
  /** More master.cf lines. */
  readonly services?: readonly string[];
  /** For thousands of messages: processes that serve more than a hundred of them, and a log in a file. */
  readonly busy?: boolean;
}

/** A running Postfix that delivers to maildirs. */
export interface Postfix {
  /** Folder of main.cf and master.cf, for Postfix's other programs: `MAIL_CONFIG`. */
  readonly configurationFolder: string;
  /**
   * Messages delivered to a mailbox so far, as stored: Postfix's header fields on top, lines ending in LF. Oldest
   * first.
   */
  messages(mailbox: string): Promise<Buffer[]>;
  /** Waits until a mailbox holds this many messages. */
  waitForMessages(mailbox: string, count: number, timeoutMs?: number): Promise<Buffer[]>;
  /** Its mail log. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts a Postfix of its own: own configuration, queue, data, log and addresses, so that several run side by side. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  await ensureDebianPackages(['postfix']);
  const folder = makeFolder('postfix');
  const mail = join(folder, 'mail');
  for (const each of ['etc', 'queue', 'data', 'mail']) mkdirSync(join(folder, each));
  chownSync(join(folder, 'data'), Number(await mustRun('id', ['-u', 'postfix'])), 0);
  chownSync(mail, mailboxUser, mailboxUser);
  const settings: Record<string, string> = { ...defaultSettings(folder, options), ...options.settings };
  writeFileSync(
    join(folder, 'etc/mailboxes'),
    options.mailboxes.map((mailbox) => `${mailbox} ${maildirOf(mailbox)}\n`).join(''),
  );
  writeFileSync(
    join(folder, 'etc/main.cf'),
    Object.entries(settings)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(''),
  );
  writeFileSync(join(folder, 'etc/master.cf'), formatServices(options));

  // Postfix prints why it cannot start only on a terminal: `script` gives it one.
  const postfix = await startProcess('/usr/bin/script', {
    args: ['-qefc', `exec /usr/sbin/postfix -c ${join(folder, 'etc')} start-fg`, '/dev/null'],
    ready: { address: options.addresses[0] ?? '127.0.0.1', port: 25 },
    // The master runs in a session of its own, which the signals to this process group do not reach.
    shutDown: () =>
      mustRun('/usr/sbin/postfix', ['-c', join(folder, 'etc'), 'stop']).catch(() => killMaster(folder)),
  });
  const log = settings.maillog_file!;
  const output = () =>
    `${postfix.output()}${log.startsWith(folder) && existsSync(log) ? readFileSync(log, 'utf8') : ''}`;
  return {
    configurationFolder: join(folder, 'etc'),
    messages: (mailbox) => readMaildir(mail, mailbox),
    waitForMessages: (mailbox, count, timeoutMs) => waitForMaildir(mail, mailbox, count, output, timeoutMs),
    output,
    stop: postfix.stop,
  };
}

/** Its other processes end when their master is gone. */
function killMaster(folder: string): void {
  process.kill(Number(readFileSync(join(folder, 'queue/pid/master.pid'), 'utf8')), 'SIGKILL');
}

function defaultSettings(folder: string, options: PostfixOptions): Record<string, string> {
  const domains = new Set(options.mailboxes.map((mailbox) => mailbox.slice(mailbox.lastIndexOf('@') + 1)));
  const tls = options.certificate;
  return {
    compatibility_level: '3.6',
    queue_directory: join(folder, 'queue'),
    data_directory: join(folder, 'data'),
    maillog_file: '/dev/stdout',
    myhostname: options.hostname,
    // The interface list names no other address than this one; the real listeners are in master.cf.
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    mydestination: '',
    mynetworks: '[::1]/128',
    // Postfix adds no header fields of its own to what loopback clients send.
    local_header_rewrite_clients: '',
    smtpd_peername_lookup: 'no',
    smtpd_relay_restrictions: 'reject_unauth_destination',
    virtual_mailbox_domains: [...domains].join(' '),
    virtual_mailbox_maps: `texthash:${join(folder, 'etc/mailboxes')}`,
    virtual_mailbox_base: join(folder, 'mail'),
    ...(options.busy ? busySettings(folder) : {}),
    virtual_uid_maps: `static:${mailboxUser}`,
    virtual_gid_maps: `static:${mailboxUser}`,
    alias_maps: '',
    local_recipient_maps: '',
    ...(tls
      ? {
          smtpd_tls_security_level: 'may',
          smtpd_tls_chain_files: `${tls.keyFile}, ${tls.certificateFile}`,
          smtpd_tls_received_header: 'yes',
          smtpd_tls_loglevel: '1',
        }
      : {}),
  };
}

/** Settings that spare processor time where it does not matter what is spared. */
function busySettings(folder: string): Record<string, string> {
  return {
    // Its messages through a terminal would cost this process as much as the mail.
    maillog_file: join(folder, 'mail.log'),
    maillog_file_prefixes: folder,
    max_use: '100000',
    default_process_limit: '100',
    // Without limits nothing has to be counted by anvil(8).
    smtpd_client_connection_count_limit: '0',
    smtpd_client_event_limit_exceptions: 'static:all',
    // No pause before a message is taken while others wait.
    in_flow_delay: '0',
  };
}

function formatServices(options: PostfixOptions): string {
  const listeners = options.addresses.map((address) => `${address}:25 inet n - n - - smtpd`);
  return `${listeners.join('\n')}
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
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
${(options.services ?? []).join('\n')}
`;
}
