import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Aiosmtpd, startAiosmtpd } from './aiosmtpd.ts';
import { makeAuthority } from './certificate.ts';
import { ensureDebianPackages, isInstalled } from './debian.ts';
import { type Exim, startExim } from './exim.ts';
import { mountEmpty } from './mount.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { isRunning, mustRun, runCommand, startProcess, stopAllProcesses } from './process.ts';
import { type SignedDns, startSignedDns } from './signed-dns.ts';
import { startUnbound } from './unbound.ts';

describe('the lab', () => {
  it('has a loopback of its own and nothing else', () => {
    expect(Object.keys(networkInterfaces())).toEqual(['lo']);
    expect(readFileSync('/etc/resolv.conf', 'utf8')).toContain('nameserver 127.0.0.53');
  });

  it('stops a server by its id, with its children', async () => {
    const server = await startProcess('bash', {
      args: ['-c', 'sleep 77 & echo child $!; wait'],
      ready: { output: /child \d+/ },
    });
    const child = Number(/child (\d+)/.exec(server.output())?.[1]);
    expect(isRunning(child)).toBe(true);
    await server.stop();
    expect(isRunning(server.pid)).toBe(false);
    expect(isRunning(child)).toBe(false);
  });

  it('says what a server printed that did not start', async () => {
    const start = startProcess('bash', {
      args: ['-c', 'echo no such setting; exit 3'],
      ready: { address: '127.0.0.1', port: 1 },
    });
    await expect(start).rejects.toThrow(/exited with 3.*no such setting/s);
  });
});

it('refuses to start a server on a port that another one holds', async () => {
  const ready = { address: '127.0.0.9', port: 7 };
  const holder = createServer().listen(ready.port, ready.address);
  await once(holder, 'listening');
  try {
    const start = startProcess('bash', { args: ['-c', 'sleep 77'], ready });
    await expect(start).rejects.toThrow('another process listens on 127.0.0.9:7');
  } finally {
    holder.close();
  }
});

it('removes the mounts that a suite has left, and the folders that were made for them', async () => {
  const place = '/var/lib/mb-lab-mount';
  await mountEmpty(place);
  writeFileSync(join(place, 'file'), '');
  await stopAllProcesses();
  expect(existsSync(place)).toBe(false);
});

it('stops the servers that a suite has left running', async () => {
  const server = await startProcess('bash', { args: ['-c', 'echo up; sleep 77'], ready: { output: /up/ } });
  await stopAllProcesses();
  expect(isRunning(server.pid)).toBe(false);
});

describe('signed DNS', () => {
  let dns: SignedDns;
  beforeAll(async () => {
    await ensureDebianPackages(['bind9-dnsutils']);
    dns = await startSignedDns([
      { name: 'example.com', records: ['@ MX 10 mx1', 'mx1 A 127.0.1.25', '@ TXT "v=spf1 -all"'] },
      { name: 'example.org', records: ['@ MX 0 .'], signed: false },
    ]);
  });
  afterAll(() => dns?.stop());

  const dig = (...args: string[]) => mustRun('dig', ['+noall', '+comments', '+answer', ...args]);

  it('sets AD for a signed zone, leaves it out for an unsigned one', async () => {
    expect(await dig('+adflag', 'example.com', 'MX')).toMatch(/flags: [^;]*\bad\b.*10 mx1\.example\.com\./s);
    const unsigned = await dig('+adflag', 'example.org', 'MX');
    expect(unsigned).toMatch(/MX\s+0 \./);
    expect(unsigned).not.toMatch(/flags: [^;]*\bad\b/);
  });

  it('answers NXDOMAIN outside the zones, and the system resolver of Node uses it', async () => {
    expect(await dig('nothing.test')).toContain('NXDOMAIN');
    expect(await new Resolver().resolveMx('example.com')).toMatchObject([
      { exchange: 'mx1.example.com', priority: 10 },
    ]);
  });

  it('takes changes at once and signs them', async () => {
    await dns.knot.setRecords('example.com', 'new', 'A', ['127.9.9.9']);
    expect(await dig('+adflag', 'new.example.com', 'A')).toMatch(/flags: [^;]*\bad\b.*127\.9\.9\.9/s);
  });

  it('answers SERVFAIL where the signature does not match the trust anchor', async () => {
    const wrong = dns.knot.trustAnchors.map((anchor) => anchor.replace(/[0-9a-f]{64}$/i, 'ab'.repeat(32)));
    const unbound = await startUnbound({
      address: '127.0.0.52',
      zones: { 'example.com': dns.knot.address },
      trustAnchors: wrong,
    });
    try {
      expect(await dig('@127.0.0.52', 'example.com', 'MX')).toContain('SERVFAIL');
    } finally {
      await unbound.stop();
    }
  });
});

describe('Postfix', () => {
  let postfix: Postfix;
  beforeAll(async () => {
    await ensureDebianPackages(['swaks', 'libnet-ssleay-perl']);
    const authority = await makeAuthority();
    postfix = await startPostfix({
      hostname: 'mx1.example.com',
      addresses: ['127.0.1.25', '127.0.2.25'],
      mailboxes: ['ada@example.com', 'bob@example.org'],
      certificate: await authority.issue({ names: ['mx1.example.com'] }),
    });
  });
  afterAll(() => postfix?.stop());

  const swaks = (server: string, to: string) =>
    runCommand('swaks', [
      '--server',
      server,
      '--tls',
      '--from',
      'eve@example.net',
      '--to',
      to,
      '--body',
      'hello',
    ]);

  it('accepts over STARTTLS on each address and delivers to the maildir', async () => {
    expect(await swaks('127.0.1.25', 'ada@example.com')).toMatchObject({ code: 0 });
    expect(await swaks('127.0.2.25', 'bob@example.org')).toMatchObject({ code: 0 });
    const [message] = await postfix.waitForMessages('ada@example.com', 1);
    expect(message?.toString()).toMatch(/^Return-Path: <eve@example\.net>\n.*TLSv1\.3.*\nhello\n/s);
    expect(await postfix.waitForMessages('bob@example.org', 1)).toHaveLength(1);
  });

  it('refuses unknown mailboxes and foreign domains', async () => {
    expect((await swaks('127.0.1.25', 'nobody@example.com')).stdout).toContain('550 5.1.1');
    expect((await swaks('127.0.1.25', 'ada@example.net')).stdout).toContain('554 5.7.1');
  });

  it('says why it cannot start', async () => {
    const start = startPostfix({
      hostname: 'mx2.example.com',
      addresses: ['127.0.3.25'],
      mailboxes: ['ada@example.com'],
      settings: { inet_interfaces: '192.0.2.1' },
    });
    await expect(start).rejects.toThrow(/192\.0\.2\.1/);
  });
});

describe('Exim', () => {
  let exim: Exim;
  beforeAll(async () => {
    await ensureDebianPackages(['swaks', 'libnet-ssleay-perl']);
    const authority = await makeAuthority();
    exim = await startExim({
      hostname: 'mx.example.org',
      addresses: ['127.0.4.25'],
      mailboxes: ['bob@example.org'],
      certificate: await authority.issue({ names: ['mx.example.org'] }),
    });
  });
  afterAll(() => exim?.stop());

  it('accepts over STARTTLS, delivers to the maildir, refuses unknown mailboxes', async () => {
    const swaks = (to: string) =>
      runCommand('swaks', [
        '--server',
        '127.0.4.25',
        '--tls',
        '--from',
        'eve@example.net',
        '--to',
        to,
        '--body',
        'hello',
      ]);
    expect(await swaks('bob@example.org')).toMatchObject({ code: 0 });
    expect((await swaks('nobody@example.org')).stdout).toContain('550 5.1.1');
    const [message] = await exim.waitForMessages('bob@example.org', 1);
    expect(message?.toString()).toMatch(/^Return-path: <eve@example\.net>\n.*TLS1\.3.*\nhello\n/s);
    expect(exim.output()).toMatch(/<= eve@example\.net .* X=TLS1\.3/);
  });

  it('is not installed, only unpacked, and Postfix stays', async () => {
    expect(await isInstalled('exim4-daemon-light')).toBe(false);
    expect(await isInstalled('postfix')).toBe(true);
  });
});

describe('aiosmtpd', () => {
  let host: Aiosmtpd;
  beforeAll(async () => {
    await ensureDebianPackages(['swaks', 'libnet-ssleay-perl']);
    const authority = await makeAuthority();
    host = await startAiosmtpd({
      hostname: 'mx.example.net',
      address: '127.0.5.25',
      certificate: await authority.issue({ names: ['mx.example.net'] }),
      refuse: { 'gone@example.net': '550 5.1.1 gone' },
    });
  });
  afterAll(() => host?.stop());

  it('keeps the octets that came, and refuses whom it is told to refuse', async () => {
    const data = 'Subject: dots\r\n\r\n.one\r\n..two\r\n';
    const args = ['--server', '127.0.5.25', '--tls', '--from', 'eve@example.net', '--data', '-'];
    const { stdout } = await runCommand('swaks', [...args, '--to', 'gone@example.net,ada@example.net'], {
      input: data,
    });
    expect(stdout).toContain('550 5.1.1 gone');
    const [message] = await host.waitForMessages(1);
    expect(message).toMatchObject({ from: 'eve@example.net', to: ['ada@example.net'], tls: true });
    expect(message?.content.toString()).toContain('\r\n.one\r\n..two\r\n');
  });
});
