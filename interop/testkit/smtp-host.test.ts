import { createCertificateAuthority, type SmtpHost, startSmtpHost } from '@mb/testkit';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { mustRun, runCommand } from '../lab/process.ts';

/** The test kit's SMTP host, talked to by swaks, Python's smtplib and OpenSSL. */
const hosts: SmtpHost[] = [];

beforeAll(() =>
  ensureDebianPackages(['swaks', 'libnet-ssleay-perl', 'libauthen-sasl-perl', 'openssl', 'python3']),
);
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

async function start(options: Parameters<typeof startSmtpHost>[0]): Promise<SmtpHost> {
  const host = await startSmtpHost(options);
  hosts.push(host);
  return host;
}

const certificate = async () => {
  const { key, cert } = await (await createCertificateAuthority()).issue({ names: ['mx.example.com'] });
  return { key, cert };
};

const swaks = (host: SmtpHost, ...args: string[]) =>
  runCommand('swaks', ['--server', `${host.address}:${host.port}`, '--helo', 'client.example.org', ...args]);

const PARTIES = ['--from', 'ada@example.org', '--to', 'bob@example.com,nobody@example.com'];

describe('swaks', () => {
  it('delivers over STARTTLS with AUTH and sees the refused recipient', async () => {
    const host = await start({
      tls: await certificate(),
      auth: { users: { ada: 'sesame' } },
      script: { recipients: { 'nobody@example.com': '550 5.1.1 Unknown' } },
    });
    const login = ['--auth', 'LOGIN', '--auth-user', 'ada', '--auth-password', 'sesame'];
    const { code, stdout } = await swaks(host, ...PARTIES, '-tls', ...login, '--body', '.dot\\n..two\\n');
    expect(stdout).toMatch(/=== TLS started with cipher TLSv1\.[23]/);
    expect(stdout).toContain('550 5.1.1 Unknown');
    expect(code).toBe(0);
    expect(host.sessions[0]).toMatchObject({
      user: 'ada',
      tls: { protocol: expect.stringMatching(/TLSv1\.[23]/) },
    });
    expect(host.messages[0]?.content.toString()).toContain('\r\n.dot\r\n..two\r\n');
    expect(host.messages[0]?.wire.toString()).toContain('\r\n..dot\r\n...two\r\n');
  });

  it('speaks LMTP and pipelines', async () => {
    const host = await start({
      protocol: 'lmtp',
      script: { contentRecipients: { 'nobody@example.com': 452 } },
    });
    const { stdout } = await swaks(host, ...PARTIES, '--protocol', 'LMTP', '--pipeline');
    expect(stdout).toContain('452 4.5.3');
    expect(host.messages[0]?.recipients.map(({ contentCode }) => contentCode)).toEqual([250, 452]);
  });

  it('notices a host that hangs up', async () => {
    const host = await start({ script: { data: { after: 'close' } } });
    expect((await swaks(host, ...PARTIES)).code).not.toBe(0);
    expect(host.messages).toEqual([]);
  });
});

it("Python's smtplib delivers, also when replies come octet by octet", async () => {
  const host = await start({
    script: {
      greeting: { code: 220, cut: 'octets' },
      ehlo: { code: 250, text: ['mx', 'SIZE 1000'], cut: 3 },
    },
  });
  const program = `
import smtplib, sys
with smtplib.SMTP(sys.argv[1], int(sys.argv[2])) as client:
    client.sendmail('ada@example.org', ['bob@example.com'], b'Subject: x\\r\\n\\r\\n.\\r\\nend\\r\\n')
    print(client.esmtp_features)`;
  const output = await mustRun('/usr/bin/python3', ['-c', program, host.address, String(host.port)]);
  expect(output).toContain("'size': '1000'");
  expect(host.messages[0]?.content.toString()).toBe('Subject: x\r\n\r\n.\r\nend\r\n');
});

it('OpenSSL verifies the certificate chain after STARTTLS, and refuses an expired one', async () => {
  const ca = await createCertificateAuthority();
  const issuer = await ca.intermediate();
  const verify = async (validity: 'current' | 'expired') => {
    const { key, cert } = await issuer.issue({ names: ['mx.example.com'], validity });
    const host = await start({ tls: { key, cert } });
    const script =
      'openssl s_client -connect "$0" -starttls smtp -verify_hostname mx.example.com -CAfile <(echo "$1")';
    const args = ['-c', `${script} </dev/null 2>&1`, `${host.address}:${host.port}`, ca.root];
    return (await runCommand('bash', args)).stdout;
  };
  expect(await verify('current')).toMatch(/Verify return code: 0 \(ok\)|Verification: OK/);
  expect(await verify('expired')).toContain('certificate has expired');
});
