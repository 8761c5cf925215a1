import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { connect } from '@mb/smtp-client';
import { createCertificateAuthority, startSmtpHost } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { mb, type Run } from './mb.ts';

/** A running `mb serve`, with the addresses that it has told. */
interface Service {
  readonly child: ChildProcess;
  readonly addresses: Readonly<Record<string, string>>;
  readonly output: () => string;
  readonly ended: Promise<Run>;
}

async function startService(args: readonly string[]): Promise<Service> {
  let child: ChildProcess | undefined;
  let output = '';
  const ended = mb(['serve', '--hostname', 'mail.client.test', '--http', '127.0.0.1:0', ...args], {
    timeoutMs: 120_000,
    during: (process) => {
      child = process;
      process.stdout?.on('data', (data) => {
        output += data;
      });
    },
  });
  await expect.poll(() => output, { timeout: 15_000 }).toContain('server-started');
  const line = output.split('\n').find((one) => one.includes('server-started'))!;
  return { child: child!, addresses: JSON.parse(line), output: () => output, ended };
}

const folder = () => mkdtemp(join(tmpdir(), 'mb-serve-'));
const message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi', text: 'Hello' };

function post(http: string, token: string, body: object = message): Promise<Response> {
  return fetch(`http://${http}/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function newKey(store: string, ...flags: readonly string[]): Promise<string> {
  const { stdout, exitCode } = await mb(['key', 'new', '--store', store, '--name', 'test', ...flags]);
  expect(exitCode).toBe(0);
  return stdout.trim();
}

describe('mb serve', () => {
  it('CLI-60 CLI-101 CLI-100 takes mail by HTTP and SMTP, delivers it, and ends in order', async () => {
    const place = await folder();
    const store = join(place, 'queue.db');
    const host = await startSmtpHost({ address: '127.0.33.1', hostname: 'mx.test' });
    const authority = await createCertificateAuthority();
    const { key, cert } = await authority.issue({ names: ['localhost'] });
    await writeFile(join(place, 'key.pem'), key);
    await writeFile(join(place, 'cert.pem'), cert);
    const token = await newKey(store, '--scope', 'send,read');
    const service = await startService([
      ...['--store', store, '--dev', `${host.address}:${host.port}`, '--submission', '127.0.0.1:0'],
      ...['--tls-key', join(place, 'key.pem'), '--tls-cert', join(place, 'cert.pem')],
    ]);
    const accepted = await post(service.addresses.http!, token);
    expect(accepted.status).toBe(202);
    const [, port] = service.addresses.submission!.split(':');
    const connection = await connect({
      host: 'localhost',
      port: Number(port),
      hostname: 'shop.test',
      tls: { level: 'verified', ca: authority.root },
      auth: { user: 'shop', password: token },
    });
    const raw = Buffer.from('From: ann@sender.test\r\nSubject: by SMTP\r\n\r\nHello\r\n');
    const outcome = await connection.deliver({ from: 'ann@sender.test', to: ['eve@one.test'] }, raw);
    expect(outcome.recipients).toMatchObject([{ status: 'delivered' }]);
    await connection.close();
    await host.until(() => host.messages.length === 2);
    service.child.kill('SIGTERM');
    expect((await service.ended).exitCode).toBe(0);
    expect(service.output()).toContain('"server-stopped"');
    expect((await stat(store)).mode & 0o777).toBe(0o600);
    await host.close();
  });

  it('CLI-61 says what to do while there is no key, and what an address that is taken means', async () => {
    const place = await folder();
    const store = join(place, 'queue.db');
    const service = await startService(['--store', store, '--role', 'http']);
    const second = await mb([
      ...['serve', '--hostname', 'mail.client.test', '--store', join(place, 'other.db')],
      ...['--http', service.addresses.http!],
    ]);
    expect(second.stderr).toContain('another process listens there');
    expect(second.exitCode).toBe(69);
    service.child.kill('SIGTERM');
    expect((await service.ended).stderr).toContain('mb key new');
  });

  it.each([
    ['a role that does not exist', ['--role', 'htpp']],
    ['an address without a port', ['--http', 'localhost']],
    ['a key without its certificate', ['--tls-key', 'key.pem']],
    ['submission without a certificate', ['--http', '127.0.0.1:0', '--submission', '127.0.0.1:0']],
  ])('CLI-102 refuses %s', async (_, args) => {
    const store = join(await folder(), 'queue.db');
    const run = await mb(['serve', '--hostname', 'mail.client.test', '--store', store, ...args]);
    expect(run.exitCode).toBe(64);
  });
});

describe('mb key', () => {
  it('CLI-62 CLI-86 makes, lists and revokes keys; the token alone goes to standard output', async () => {
    const store = join(await folder(), 'queue.db');
    const token = await newKey(
      store,
      '--scope',
      'send',
      '--tenant',
      'shop',
      '--sender-domain',
      'shop.example.com',
    );
    expect(token).toMatch(/^mb_[0-9a-f]{16}_[\w-]{43}$/);
    const listed = await mb(['key', 'ls', '--store', store, '--json']);
    expect(JSON.parse(listed.stdout).rows).toMatchObject([
      { name: 'test', scopes: ['send'], tenant: 'shop', senderDomains: ['shop.example.com'] },
    ]);
    expect(listed.stdout).not.toContain(token.slice(20));
    expect((await readFile(store)).includes(token.slice(20))).toBe(false);
    const id = token.slice(3, 19);
    expect((await mb(['key', 'revoke', id, '--store', store, '--yes'])).exitCode).toBe(0);
    expect((await mb(['key', 'revoke', id, '--store', store, '--yes'])).exitCode).toBe(1);
    expect((await mb(['key', 'ls', '--store', store])).stdout).toBe('There are no keys.\n');
  });

  it('CLI-87 refuses a scope that does not exist', async () => {
    const store = join(await folder(), 'queue.db');
    const run = await mb(['key', 'new', '--store', store, '--name', 'x', '--scope', 'sned']);
    expect(run).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('scopes') });
  });

  it('CLI-80 CLI-98 reads its configuration again at SIGHUP, and keeps the old one when the new one is wrong', async () => {
    const place = await folder();
    const store = join(place, 'queue.db');
    const config = join(place, 'mb.config.json');
    const authority = await createCertificateAuthority();
    const [first, second] = [
      await startSmtpHost({ address: '127.0.33.3' }),
      await startSmtpHost({ address: '127.0.33.4' }),
    ];
    const configure = async (host: typeof first, name: string) => {
      const { key, cert } = await authority.issue({ names: [name] });
      await writeFile(join(place, 'key.pem'), key);
      await writeFile(join(place, 'cert.pem'), cert);
      await writeFile(config, JSON.stringify({ serve: { dev: `${host.address}:${host.port}` } }), {
        mode: 0o600,
      });
    };
    await configure(first, 'one.server.test');
    const token = await newKey(store, '--scope', 'send');
    const service = await startService([
      ...['--config', config, '--store', store, '--submissions', '127.0.0.1:0'],
      ...['--tls-key', join(place, 'key.pem'), '--tls-cert', join(place, 'cert.pem')],
    ]);
    const shownName = () =>
      new Promise<string>((resolve, reject) => {
        const port = Number(service.addresses.submissions!.split(':')[1]);
        const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().subjectaltname ?? '');
          socket.destroy();
        }).on('error', reject);
      });
    const accept = async () => expect((await post(service.addresses.http!, token)).status).toBe(202);
    await accept();
    await first.until(() => first.messages.length === 1);
    await configure(second, 'two.server.test');
    service.child.kill('SIGHUP');
    await expect.poll(service.output).toContain('"server-reloaded"');
    await accept();
    await second.until(() => second.messages.length === 1);
    expect(await shownName()).toContain('two.server.test');
    await writeFile(config, '{"serve": {"dve": "x"}}');
    service.child.kill('SIGHUP');
    await expect.poll(service.output).toContain('"server-not-reloaded"');
    await accept();
    await second.until(() => second.messages.length === 2);
    expect(first.messages).toHaveLength(1);
    service.child.kill('SIGTERM');
    const { exitCode, stdout } = await service.ended;
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Did you mean dev?');
    await Promise.all([first.close(), second.close()]);
  });
});

it('CLI-84 names the flags whose change needs a restart', async () => {
  const place = await folder();
  const config = join(place, 'mb.config.json');
  const configure = (port: number, drain: number) => {
    const serve = { role: 'http', inbound: `127.0.0.1:${port}`, drain, concurrency: drain };
    return writeFile(config, JSON.stringify({ serve }), { mode: 0o600 });
  };
  await configure(2525, 1);
  const service = await startService(['--config', config, '--store', join(place, 'queue.db')]);
  await configure(2526, 2);
  service.child.kill('SIGHUP');
  await expect.poll(service.output, { timeout: 15_000 }).toContain('"server-reloaded"');
  service.child.kill('SIGTERM');
  expect((await service.ended).stdout).toContain('"needsRestart":"inbound, drain"');
});

describe('--server', () => {
  it('CLI-81 commands work on the queue of a server as they do on a queue of their own', async () => {
    const place = await folder();
    const store = join(place, 'queue.db');
    const token = await newKey(store, '--scope', 'send,read,content,operate,admin');
    const service = await startService(['--store', store, '--role', 'http']);
    const remote = (args: readonly string[], key = token) =>
      mb([...args, '--server', `http://${service.addresses.http}`], { env: { MB_API_KEY: key } });
    const both = async (args: readonly string[]) => {
      const [here, there] = [await mb([...args, '--store', store]), await remote(args)];
      const read = (run: Run) =>
        args.includes('--json')
          ? { ...run, stdout: JSON.parse(run.stdout) }
          : { ...run, stdout: run.stdout.replaceAll(/\d+ s ago/g, 'just now') };
      expect(read(there), args.join(' ')).toEqual(read(here));
      return there;
    };
    for (let n = 0; n < 3; n += 1) expect((await post(service.addresses.http!, token)).status).toBe(202);
    expect((await both(['queue', 'ls', '--json'])).stdout).toContain('bob@one.test');
    await both(['queue', 'show', '1']);
    await both(['queue', 'show', '1', '--content']);
    await both(['queue', 'show', '77']);
    await both(['queue', 'stats']);
    expect((await remote(['queue', 'hold', '1', '2', '--yes', '--json'])).stdout).toContain('"changed": 2');
    await both(['queue', 'ls', '--state', 'held']);
    expect((await remote(['queue', 'cancel', '2', '--yes', '--json'])).stdout).toContain('"changed": 1');
    const over = await remote(['queue', 'show', '2', '--content']);
    expect(over.stderr).toMatch(
      /content of this message is not stored\..*--keep-content.*\(MB_BROKER_NOT_FOUND\)/s,
    );
    expect((await remote(['queue', 'suspend', 'one.test'])).exitCode).toBe(0);
    expect((await both(['queue', 'stats', '--json'])).stdout).toContain('"suspended": true');
    expect((await remote(['queue', 'resume', 'one.test'])).stdout).toBe('one.test is resumed.\n');
    expect((await both(['queue', 'stats', '--json'])).stdout).toContain('"suspended": false');
    expect((await remote(['suppress', 'add', 'eve@one.test', '--reason', 'complaint'])).exitCode).toBe(0);
    await both(['suppress', 'ls']);
    await both(['suppress', 'ls', 'eve@one.test', '--json']);
    await both(['suppress', 'export']);
    expect((await remote(['suppress', 'lift', 'eve@one.test', 'x@one.test', '--yes'])).stdout).toBe(
      '1 address removed from the list.\n',
    );
    const made = await remote(['key', 'new', '--name', 'second', '--scope', 'read']);
    expect(made.stdout).toMatch(/^mb_/);
    await both(['key', 'ls', '--json']);
    const id = made.stdout.slice(3, 19);
    expect((await remote(['key', 'revoke', id, '--yes'])).stdout).toContain('is revoked');
    const wrong = await remote(
      ['queue', 'ls'],
      'mb_0000000000000000_0000000000000000000000000000000000000000000',
    );
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.stderr).toContain('MB_SERVER_UNAUTHORIZED');
    const none = await mb(['queue', 'ls', '--server', 'http://127.0.0.1:1']);
    expect(none.stderr).toContain('MB_API_KEY');
    const gone = await mb(['queue', 'ls', '--server', 'http://127.0.0.1:1'], { env: { MB_API_KEY: token } });
    expect(gone.stderr).toContain('cannot be reached');
    service.child.kill('SIGTERM');
    await service.ended;
  }, 300_000);
});
