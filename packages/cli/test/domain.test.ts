import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MailBroker, MemoryStore } from '@mb/broker';
import { createMasterKeyVault, generateMasterKey, ManagedDomains, parseMasterKeys } from '@mb/broker/domains';
import { SqliteStore } from '@mb/broker/sqlite';
import { createServer } from '@mb/server';
import { type SmtpHost, startSmtpHost } from '@mb/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { remoteDomains } from '../src/remote/remote-domains.ts';
import { mb, type Run } from './mb.ts';

const hostname = ['--hostname', 'mail.client.test'];
/** No server answers there: what is seen in DNS is the business of interop/domains. */
const resolver = ['--resolver', '127.0.0.1:1'];

/** A queue in a folder of its own, with a master key. */
async function place() {
  const folder = await mkdtemp(join(tmpdir(), 'mb-domain-'));
  const store = join(folder, 'queue.db');
  const key = join(folder, 'master.key');
  expect((await mb(['domain', 'master-key', 'new', '--out', key])).exitCode).toBe(0);
  const domain = (...args: string[]) =>
    mb(['domain', ...args, '--store', store, '--master-key', key, ...hostname, ...resolver]);
  return { folder, store, key, domain };
}

const ed25519 = ['--algorithm', 'ed25519'];

/** Marks the keys of a domain as seen, as a service does that has asked its servers. */
async function activate(path: string, domain: string): Promise<void> {
  const store = new SqliteStore(path);
  await store.open();
  const { value } = (await store.records.get('domain', domain))!;
  const { sets, ...rest } = value as { readonly sets: readonly object[] };
  await store.records.put('domain', domain, {
    ...rest,
    sets: sets.map((set) => ({ ...set, state: 'active' })),
  });
  await store.close();
}

describe('mb domain', () => {
  it('DOM-70 DOM-109 adds, lists, shows and removes a domain; the zone file has each record', async () => {
    const { domain } = await place();
    const added = await domain('add', 'example.com', ...ed25519);
    expect(added).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Mail waits') });
    const [, selector] = /(mb\d{8}-\w{4}-ed)\._domainkey\.example\.com\. 3600 IN TXT/.exec(added.stdout)!;
    for (const name of [
      'example.com.',
      '_dmarc.example.com.',
      '_mta-sts.example.com.',
      '_smtp._tls.example.com.',
    ]) {
      expect(added.stdout).toContain(`\n${name} 3600 IN TXT "v=`);
    }
    expect((await domain('ls')).stdout).toMatch(/example\.com +no +Publish mb/);
    const shown = JSON.parse((await domain('show', 'example.com', '--json')).stdout);
    expect(shown.keys).toMatchObject([{ selector, state: 'next', signs: false }]);
    expect((await domain('show', 'example.com', '--zone')).stdout.startsWith('; ')).toBe(true);
    expect((await domain('rm', 'example.com')).exitCode).toBe(64);
    expect((await domain('rm', 'example.com', '--yes')).exitCode).toBe(0);
    expect((await domain('ls')).exitCode).toBe(1);
  });

  it('DOM-70 rotates, shows what to publish, and ends a rotation', async () => {
    const { domain, store } = await place();
    await domain('add', 'example.com', ...ed25519);
    expect(await domain('rotate', 'example.com')).toMatchObject({
      exitCode: 64,
      stderr: expect.stringContaining('MB_BROKER_DOMAIN_KEY'),
    });
    await activate(store, 'example.com');
    const rotated = await domain('rotate', 'example.com');
    expect(rotated.exitCode).toBe(0);
    const [, selector = ''] = /(mb\d{8}-\w{4}-ed)\._domainkey/.exec(rotated.stdout)!;
    expect((await domain('rm', 'example.com', selector, '--yes')).stdout).toContain('is removed');
    const { keys } = JSON.parse((await domain('show', 'example.com', '--json')).stdout);
    expect(keys).toMatchObject([{ state: 'active' }]);
  });

  it('DOM-125 set changes settings, and goes back to their defaults', async () => {
    const { domain } = await place();
    await domain('add', 'example.com', ...ed25519);
    const changed = await domain(
      ...['set', 'example.com', '--return-path', 'bounces.example.com', '--ehlo', 'mx.example.com'],
      ...['--minimum-tls', 'required'],
    );
    expect(changed).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Changed ') });
    expect(changed.stdout).toContain('\nbounces.example.com. 3600 IN MX 10 mx.example.com.\n');
    const policy = await domain('show', 'example.com', '--mta-sts');
    expect(policy).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('\nmx: mx.example.com\r\n'),
    });
    const unset = await domain('set', 'example.com', '--unset', 'minimum-tls,ehlo', '--json');
    expect(JSON.parse(unset.stdout)).not.toHaveProperty('tls');
    expect(JSON.parse(unset.stdout)).toMatchObject({ returnPath: 'bounces.example.com' });
    const shown = await domain('show', 'example.com');
    expect(shown.stdout).toContain(
      'File for https://mta-sts.bounces.example.com/.well-known/mta-sts.txt\nversion: STSv1\n',
    );
    expect(shown.stdout).toContain('mx: mail.client.test\n');
  }, 60_000);

  it.each([
    ['nothing', [], 'Give a setting to change'],
    ['an unknown setting', ['--unset', 'selector'], 'It must be one or more of tenant, ehlo'],
    ['a setting twice', ['--ehlo', 'mx.example.com', '--unset', 'ehlo'], 'contradict each other'],
  ])('DOM-126 set refuses %s', async (_, args, reason) => {
    const run = await mb(['domain', 'set', 'example.com', '--store', 'queue.db', ...args]);
    expect(run).toMatchObject({ exitCode: 64, stderr: expect.stringContaining(reason) });
  });

  it('DOM-127 a key that a domain has already is imported into a server', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mb-domain-'));
    const file = join(folder, 'dkim.pem');
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const store = new MemoryStore();
    await store.open();
    const broker = new MailBroker({ hostname: 'mail.client.test', store });
    const vault = createMasterKeyVault(parseMasterKeys(generateMasterKey()));
    const dns = { servers: ['127.0.0.1:1'] };
    const domains = new ManagedDomains({ records: store.records, vault, dns, hostname: 'mail.client.test' });
    const server = createServer({ broker, domains });
    onTestFinished(async () => {
      await server.close({ graceMs: 100 });
      await broker.close();
      await store.close();
    });
    const { port } = await server.listen({ port: 0 });
    const { token } = await server.keys.create({ name: 'ops', scopes: ['read', 'operate', 'admin'] });
    const run = (...args: string[]) =>
      mb(['domain', ...args, '--server', `http://127.0.0.1:${port}`, '--json'], {
        env: { MB_API_KEY: token },
      });
    const added = await run('add', 'example.com', '--import-key', `s1:${file}`);
    expect(JSON.parse(added.stdout)).toMatchObject({
      keys: [{ selector: 's1', state: 'next' }],
      mtaSts: { url: 'https://mta-sts.example.com/.well-known/mta-sts.txt' },
    });
    expect(added.stdout + added.stderr).not.toContain('PRIVATE');
    const changed = await run('set', 'example.com', '--return-path', 'bounces.example.com');
    expect(JSON.parse(changed.stdout)).toMatchObject({ returnPath: 'bounces.example.com' });
  }, 60_000);

  it.each(['http://mail.example.com', 'http://127.0.0.1.example.com', 'http://192.0.2.1'])(
    'DOM-128 no private key is sent to %s',
    (server) => {
      const domains = remoteDomains({} as never, server);
      const keys = [{ selector: 's1', privateKey: 'x' }];
      expect(() => domains.add({ domain: 'example.com', keys })).toThrow('are not sent to');
    },
  );

  it('DOM-71 check says what DNS did not tell, and exits with 1', async () => {
    const { domain } = await place();
    await domain('add', 'example.com', ...ed25519);
    const check = await domain('check', 'example.com');
    expect(check.exitCode).toBe(1);
    expect(check.stdout).toMatch(/unknown +required +dkim/);
  });

  it.each([
    ['a public suffix', ['add', 'co.uk'], 'public suffix'],
    ['an address', ['add', '192.0.2.1'], 'address'],
    ['a domain that is not there', ['show', 'example.org'], 'There is no domain'],
    ['an algorithm that does not exist', ['add', 'example.com', '--algorithm', 'dsa'], 'rsa'],
    ['a key without its selector', ['add', 'example.com', '--import-key', 'dkim.pem'], 'selector'],
  ])('DOM-72 refuses %s with 64 and the reason', async (_, args, reason) => {
    const { domain } = await place();
    const [name = '', ...rest] = args;
    if (name !== 'add') await domain('add', 'example.com', ...ed25519);
    const run = await domain(name, ...rest);
    expect(run.exitCode).toBe(64);
    expect(run.stderr.replace(/\s+/g, ' ')).toContain(reason);
  });

  it('DOM-72 adds nothing without a master key', async () => {
    const { store } = await place();
    const run = await mb(['domain', 'add', 'example.com', '--store', store, ...hostname]);
    expect(run).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('MB_BROKER_MASTER_KEY') });
  });

  it('DOM-73 DOM-100 the master key is in a file of its own and is never printed', async () => {
    const { key, domain, store } = await place();
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    const secret = (await readFile(key, 'utf8')).trim();
    const again = await mb(['domain', 'master-key', 'new', '--out', key]);
    expect(again.exitCode).toBe(64);
    const runs = [
      await domain('add', 'example.com', ...ed25519),
      await domain('show', 'example.com', '--json'),
      await mb(['domain', 'rotate', 'example.com', '--store', store, '--master-key', store, ...hostname]),
    ];
    for (const { stdout, stderr } of runs) expect(stdout + stderr).not.toContain(secret);
    expect(runs[2]!.exitCode).not.toBe(0);
  });

  it('DOM-74 DOM-110 master-key rotate encrypts every key again and keeps the old key after the new one', async () => {
    const { key, domain, store } = await place();
    const old = (await readFile(key, 'utf8')).trim();
    await domain('add', 'example.com', ...ed25519);
    await domain('add', 'example.org', ...ed25519);
    const run = await mb(['domain', 'master-key', 'rotate', '--store', store, '--master-key', key]);
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('2 private keys') });
    const [fresh = '', kept] = (await readFile(key, 'utf8')).trim().split('\n');
    expect(kept).toBe(old);
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    // The new key alone opens all of them, and the old one alone none.
    await writeFile(key, fresh);
    const none = await mb([
      'domain',
      'master-key',
      'rotate',
      '--no-new',
      '--store',
      store,
      '--master-key',
      key,
    ]);
    expect(none).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('0 private keys') });
    await writeFile(key, old);
    const refused = await mb([
      'domain',
      'master-key',
      'rotate',
      '--no-new',
      '--store',
      store,
      '--master-key',
      key,
    ]);
    expect(refused).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('not given') });
  });
});

/** `mb serve` or `mb work` as a process. */
async function start(args: readonly string[]) {
  let child: ChildProcess | undefined;
  let output = '';
  const ended: Promise<Run> = mb([...args, ...hostname, ...resolver], {
    timeoutMs: 120_000,
    during: (process) => {
      child = process;
      process.stdout?.on('data', (data) => {
        output += data;
      });
    },
  });
  await expect.poll(() => output, { timeout: 20_000 }).toMatch(/-started/);
  const line = output.split('\n').find((one) => one.includes('-started'))!;
  const end = async () => {
    child!.kill('SIGTERM');
    return ended;
  };
  return { http: JSON.parse(line).http as string, output: () => output, end };
}

const signers = ({ messages }: SmtpHost) =>
  messages.map(({ content }) =>
    [
      ...Buffer.from(content)
        .toString()
        .matchAll(/[ ;\t]d=([^;]+);/g),
    ].map(([, d]) => d),
  );

describe('a service with managed domains', () => {
  it('DOM-75 DOM-97 DOM-98 DOM-99 mb serve signs with active keys, keeps mail of other managed domains waiting, and sends the rest as before', async () => {
    const { store, key, domain } = await place();
    const host = await startSmtpHost({ address: '127.0.33.9', hostname: 'mx.test' });
    await domain('add', 'ready.example', ...ed25519);
    await domain('add', 'waiting.example', ...ed25519);
    await activate(store, 'ready.example');
    const { stdout: token } = await mb([
      ...['key', 'new', '--store', store, '--name', 't', '--scope', 'send,read,operate,admin'],
    ]);
    const service = await start([
      ...['serve', '--http', '127.0.0.1:0', '--store', store, '--master-key', key],
      ...['--dev', `${host.address}:${host.port}`],
    ]);
    for (const from of ['a@ready.example', 'b@waiting.example', 'c@elsewhere.example']) {
      const response = await fetch(`http://${service.http}/v1/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/json' },
        body: JSON.stringify({ from, to: 'bob@one.test', subject: 'Hi', text: 'Hello' }),
      });
      expect(response.status).toBe(202);
    }
    await host.until(() => host.messages.length === 2);
    await expect.poll(service.output).toContain('no key of waiting.example is seen');
    expect(signers(host).sort()).toEqual([[], ['ready.example']]);
    // The same through the server.
    const remote = (...args: string[]) =>
      mb(['domain', ...args, '--server', `http://${service.http}`], { env: { MB_API_KEY: token.trim() } });
    expect((await remote('ls')).stdout).toMatch(/ready\.example +yes/);
    expect((await remote('add', 'third.example', ...ed25519)).exitCode).toBe(0);
    expect((await remote('rotate', 'ready.example')).stdout).toContain('_domainkey.ready.example.');
    expect((await remote('check', 'third.example')).exitCode).toBe(1);
    expect((await remote('show', 'third.example')).stdout).toContain('third.example: Publish');
    expect((await remote('rm', 'third.example', '--yes')).exitCode).toBe(0);
    expect((await remote('show', 'third.example')).exitCode).not.toBe(0);
    expect((await service.end()).exitCode).toBe(0);
    expect(host.messages).toHaveLength(2);
    await host.close();
  });

  it.each(['work', 'serve'])(
    'DOM-76 mb %s refuses a queue whose managed domains it could not sign for',
    async (name) => {
      const { store, domain } = await place();
      await domain('add', 'example.com', ...ed25519);
      const run = await mb([
        name,
        '--store',
        store,
        ...hostname,
        ...(name === 'serve' ? ['--http', '127.0.0.1:0'] : []),
      ]);
      expect(run.exitCode).toBe(64);
      expect(run.stderr.replace(/\s+/g, ' ')).toContain('give --master-key');
    },
  );

  it('DOM-77 a key of the configuration counts for its domain', async () => {
    const { store, key, domain, folder } = await place();
    const host = await startSmtpHost({ address: '127.0.33.10', hostname: 'mx.test' });
    await domain('add', 'ready.example', ...ed25519);
    await activate(store, 'ready.example');
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    await writeFile(join(folder, 'own.pem'), pem, { mode: 0o600 });
    const send = [
      'send',
      '--queue',
      '--store',
      store,
      '--to',
      'bob@one.test',
      '--subject',
      's',
      '--text',
      't',
    ];
    await mb([...send, '--from', 'a@ready.example', ...hostname]);
    const worker = await start([
      ...['work', '--store', store, '--master-key', key, '--dev', `${host.address}:${host.port}`],
      ...['--dkim-key', join(folder, 'own.pem'), '--dkim-selector', 'own', '--dkim-domain', 'ready.example'],
    ]);
    await host.until(() => host.messages.length === 1);
    expect(Buffer.from(host.messages[0]!.content).toString()).toMatch(/s=own;/);
    await worker.end();
    await host.close();
  });
});
