import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { createServer, type MailServer } from '@mb/server';
import { connect } from '@mb/smtp-client';
import { type DnsServer, type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority } from '../lab/certificate.ts';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { startPostfix } from '../lab/postfix.ts';
import { runCommand } from '../lab/process.ts';

const hostname = 'localhost';
let folder: string;
let authority: string;
let host: SmtpHost;
let dns: DnsServer;
let store: SqliteStore;
let broker: MailBroker;
let server: MailServer;
let token: string;
let starttls: number;
let implicit: number;

beforeAll(async () => {
  await ensureDebianPackages(['swaks', 'msmtp', 'libsasl2-modules']);
  folder = makeFolder('submission');
  const certificates = await makeAuthority();
  authority = certificates.certificateFile;
  const issued = await certificates.issue({ names: [hostname] });
  const tls = { key: readFileSync(issued.keyFile), cert: readFileSync(issued.certificateFile) };
  host = await startSmtpHost({ address: '127.0.34.1', hostname: 'mx.test' });
  const records = { mx: { A: host.address }, one: { MX: '10 mx.test' } };
  dns = await startDnsServer({ zones: { test: { records } } });
  store = new SqliteStore(join(folder, 'queue.db'));
  await store.open();
  broker = new MailBroker({
    hostname: 'mail.client.test',
    store,
    dns: { servers: [`${dns.address}:${dns.port}`] },
    delivery: { port: host.port, allowAddresses: ['127.0.0.0/8'] },
  });
  broker.start();
  server = createServer({ broker });
  ({ token } = await server.keys.create({
    name: 'shop',
    scopes: ['send'],
    tenant: 'shop',
    senderDomains: ['sender.test'],
  }));
  const listen = async (security: 'starttls' | 'tls') => {
    const address = await server.listenSubmission({ security, port: 0, hostname, tls });
    return 'port' in address ? address.port : 0;
  };
  starttls = await listen('starttls');
  implicit = await listen('tls');
}, 300_000);

afterAll(async () => {
  await server?.close({ graceMs: 100 });
  await broker?.stop({ graceMs: 100 });
  await store?.close();
  await Promise.all([host?.close(), dns?.close()]);
});

/** The message with this subject as the next host got it. */
async function delivered(subject: string): Promise<string> {
  const found = () =>
    host.messages
      .map(({ content }) => Buffer.from(content).toString('latin1'))
      .find((text) => text.includes(`Subject: ${subject}\r\n`));
  await expect.poll(found, { timeout: 20_000 }).toBeDefined();
  return found()!;
}

describe('SUB-16 programs of others submit mail', () => {
  it.each(['starttls', 'tls'] as const)('swaks, %s', async (security) => {
    const subject = `swaks ${security}`;
    const { code, stdout } = await runCommand('swaks', [
      ...['--server', hostname, '--port', String(security === 'tls' ? implicit : starttls)],
      ...[security === 'tls' ? '--tls-on-connect' : '--tls', '--tls-verify', '--tls-ca-path', authority],
      ...['--auth', 'PLAIN', '--auth-user', 'shop', '--auth-password', token],
      ...['--from', 'ann@sender.test', '--to', 'bob@one.test', '--header', `Subject: ${subject}`],
    ]);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/250 2\.0\.0 Queued as \S+/);
    expect(await delivered(subject)).toMatch(/^Received: from \S+ \(\[127\.0\.0\.1\]\)/m);
  });

  it.each([
    ['a wrong password', ['--auth-password', 'wrong'], 28],
    ['an author of another domain', ['--from', 'eve@other.test'], 26],
    ['no encryption', ['--no-tls'], 28],
  ])('swaks is refused with %s', async (_, flags, expected) => {
    const { code } = await runCommand('swaks', [
      ...['--server', hostname, '--port', String(starttls), '--auth', 'PLAIN', '--auth-user', 'shop'],
      ...['--from', 'ann@sender.test', '--to', 'bob@one.test', '--auth-password', token],
      ...(flags[0] === '--no-tls' ? [] : ['--tls', ...flags]),
    ]);
    expect(code).toBe(expected);
  });

  it('msmtp', async () => {
    const file = join(folder, 'msmtprc');
    writeFileSync(
      file,
      `account default
host ${hostname}
port ${starttls}
tls on
tls_starttls on
tls_trust_file ${authority}
auth plain
user shop
password ${token}
from ann@sender.test
`,
    );
    chmodSync(file, 0o600);
    const input = 'From: ann@sender.test\nTo: bob@one.test\nSubject: msmtp\n\nHello\n';
    const run = await runCommand('msmtp', ['-C', file, '--dsn-notify=failure,delay', 'bob@one.test'], {
      input,
    });
    expect(run.code, run.stderr).toBe(0);
    const text = await delivered('msmtp');
    expect(text).toMatch(/^Date: /m);
    expect(text).toMatch(/^Message-ID: </im);
  });

  it("Python's smtplib", async () => {
    const script = `
import smtplib, ssl, sys
from email.message import EmailMessage
message = EmailMessage()
message['From'], message['To'], message['Subject'] = 'ann@sender.test', 'bob@one.test', 'smtplib'
message.set_content('Grüße\\n.\\n..dots\\n')
context = ssl.create_default_context(cafile=sys.argv[1])
with smtplib.SMTP('localhost', int(sys.argv[2])) as client:
    client.starttls(context=context)
    client.login('shop', sys.argv[3])
    client.send_message(message)
`;
    const run = await runCommand('python3', ['-c', script, authority, String(starttls), token]);
    expect(run.code, run.stderr).toBe(0);
    expect(await delivered('smtplib')).toContain('\r\n.\r\n..dots\r\n');
  });

  it('Postfix as a client, with us as its relayhost', async () => {
    const postfix = await startPostfix({
      hostname: 'client.test',
      addresses: ['127.0.34.2'],
      mailboxes: ['local@client.test'],
      settings: {
        mynetworks: '127.0.0.0/8',
        smtpd_relay_restrictions: 'permit_mynetworks, reject',
        relayhost: `[${hostname}]:${starttls}`,
        smtp_sasl_auth_enable: 'yes',
        smtp_sasl_password_maps: `inline:{ {[${hostname}]:${starttls} = shop:${token}} }`,
        smtp_sasl_security_options: 'noanonymous',
        smtp_tls_security_level: 'secure',
        smtp_tls_CAfile: authority,
        smtp_host_lookup: 'native',
      },
    });
    try {
      const connection = await connect({
        host: '127.0.34.2',
        port: 25,
        hostname: 'app.test',
        tls: { level: 'none' },
      });
      const raw = Buffer.from(
        'From: ann@sender.test\r\nTo: bob@one.test\r\nSubject: postfix\r\n\r\nHello\r\n',
      );
      const outcome = await connection.deliver(
        { from: 'ann@sender.test', to: [{ address: 'bob@one.test', notify: ['failure'] }] },
        raw,
      );
      expect(outcome.recipients).toMatchObject([{ status: 'delivered' }]);
      await connection.close();
      expect(await delivered('postfix')).toMatch(/with ESMTPSA id/);
    } finally {
      await postfix.stop();
    }
  });
});
