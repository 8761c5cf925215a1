import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DnsServer, type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Config, defineConfig } from '../src/config/define.ts';
import { mb } from './mb.ts';
import { startWorker } from './worker.ts';

let folder: string;
let host: SmtpHost;
let relay: SmtpHost;
let dns: DnsServer;

beforeAll(async () => {
  host = await startSmtpHost({ hostname: 'mx.example.org' });
  relay = await startSmtpHost({ hostname: 'relay.example.net', address: '127.0.44.9', port: host.port });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  dns = await startDnsServer({ zones: { 'example.org': { records } } });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-domains-'));
  for (const name of ['shop', 'club']) {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(join(folder, `${name}.pem`), pem, { mode: 0o600 });
  }
  host.messages.length = 0;
  host.sessions.length = 0;
  relay.messages.length = 0;
});

afterEach(() => rmSync(folder, { recursive: true }));

afterAll(async () => {
  await host.close();
  await relay.close();
  await dns.close();
});

/** Two domains, one of them for a tenant alone. */
const config = (changes: Partial<Config> = {}): Config =>
  defineConfig({
    resolver: [dns.server],
    port: host.port,
    allow: '127.0.0.0/8',
    hostname: 'mail.example.com',
    store: 'queue.db',
    domains: [
      {
        domain: 'shop.example',
        tenants: ['shop'],
        hostname: 'mail.shop.example',
        dkim: [{ selector: 's1', privateKey: { file: 'shop.pem' } }],
        sources: [{ name: 'shop', localAddresses: ['127.0.44.1'] }],
        verp: { address: 'bounces@shop.example', secret: { env: 'VERP_SECRET' } },
      },
      {
        domain: 'club.example',
        dkim: { selector: 'c1', privateKey: { file: 'club.pem' } },
        dkimCheck: 'off',
        sources: [{ name: 'club', localAddresses: ['127.0.44.2'] }],
      },
    ],
    ...changes,
  });
const env = { VERP_SECRET: 'sixteen characters or more' };
const write = (content: Config) => writeFileSync(join(folder, 'mb.config.json'), JSON.stringify(content));
const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  mb(args, { cwd: folder, env: { ...env, ...more } });
const mail = (from: string, ...flags: readonly string[]) =>
  run(['send', '-f', from, '-t', 'bob@example.org', '--text', 'Hi', ...flags]);

const signersOf = ({ content }: SmtpHost['messages'][number]) => {
  const header = content.toString('latin1').replaceAll(/\r\n[ \t]+/g, ' ');
  return [...header.matchAll(/^DKIM-Signature:.*?\bd=([\w.]+);.*?\bs=(\w+);/gim)].map(
    ([, d, s]) => `${s}._domainkey.${d}`,
  );
};
const seen = () => host.sessions.map(({ clientName, remoteAddress }) => `${clientName} ${remoteAddress}`);

describe('domains in the configuration', () => {
  it('CLI-65 mb send sends as the domain of From: its key, name and address', async () => {
    write(config());
    expect(await mail('ann@shop.example', '--tenant', 'shop')).toMatchObject({ exitCode: 0 });
    const club = await mail('ann@news.club.example');
    expect([club.exitCode, club.stderr]).toEqual([0, expect.not.stringContaining('not signed')]);
    expect(host.messages.map(signersOf)).toEqual([
      ['s1._domainkey.shop.example'],
      ['c1._domainkey.club.example'],
    ]);
    expect(seen()).toEqual(['mail.shop.example 127.0.44.1', 'mail.example.com 127.0.44.2']);
    // Return paths for single recipients are for a queue.
    expect(host.messages[0]!.from).toBe('ann@shop.example');
  });

  it('CLI-66 CLI-99 a domain of tenants is sent as by these alone, and a domain without an entry by nobody', async () => {
    write(config());
    const foreign = await mail('ann@shop.example');
    expect(foreign.exitCode).toBe(1);
    expect(foreign.stdout.replaceAll(/\s+/g, ' ')).toContain(
      'the profiles of shop.example are for other tenants',
    );
    expect((await mail('ann@other.example')).stdout.replaceAll(/\s+/g, ' ')).toContain(
      'no profile is for this domain',
    );
    expect(host.sessions).toEqual([]);
  });

  it('CLI-67 mb work sends queued mail as its domain, with the return path of the recipient', async () => {
    write(config({ broker: { queue: { schedule: { firstMs: 1000 } }, delivery: { maxHosts: 2 } } }));
    expect((await mail('ann@shop.example', '--queue', '--tenant', 'shop')).exitCode).toBe(0);
    expect((await mail('ann@club.example', '--queue')).exitCode).toBe(0);
    const worker = await startWorker(env, ['--config', join(folder, 'mb.config.json')]);
    await host.until(() => host.messages.length === 2);
    worker.child.kill('SIGTERM');
    expect((await worker.ended).exitCode).toBe(0);
    const paths = host.messages.map((message) => `${message.from} ${signersOf(message)}`).sort();
    expect(paths[0]).toBe('ann@club.example c1._domainkey.club.example');
    expect(paths[1]).toMatch(/^bounces\+\d+\.\d+-\w{16}@shop\.example s1\._domainkey\.shop\.example$/);
    expect(seen().sort()).toEqual(['mail.example.com 127.0.44.2', 'mail.shop.example 127.0.44.1']);
  });

  it('CLI-68 CLI-90 flags about routes, addresses and TLS count for all domains; keys are refused beside them', async () => {
    write(config());
    const through = ['--relay', `127.0.44.9:${relay.port}`, '--local-address', '127.0.44.3'];
    expect((await mail('ann@club.example', ...through, '--tls', 'opportunistic')).exitCode).toBe(0);
    expect([relay.messages.length, host.sessions.length]).toEqual([1, 0]);
    expect(relay.sessions[0]!.remoteAddress).toBe('127.0.44.3');
    const strict = await mail('ann@club.example', '--tls', 'verified');
    expect([strict.exitCode, host.messages.length]).toEqual([1, 0]);
    const key = await mail('ann@club.example', '--dkim-key', 'club.pem');
    expect([key.exitCode, key.stderr.replaceAll(/\s+/g, ' ')]).toEqual([
      64,
      expect.stringContaining('has domains, whose keys belong there as dkim; leave out --dkim-key'),
    ]);
  });

  it('a flag never lowers the TLS minimum of a domain', async () => {
    const [, club] = config().domains!;
    write(config({ domains: [{ ...club!, tls: { minimum: 'verified' } }] }));
    expect((await mail('ann@club.example', '--tls', 'opportunistic')).exitCode).toBe(1);
    expect(host.messages).toEqual([]);
  });

  it('CLI-69 CLI-105 a mail merge sends as the domain, without return paths of a queue', async () => {
    write(config());
    writeFileSync(join(folder, 'people.csv'), 'email\nbob@example.org\neve@example.org\n');
    const merge = ['send', '--to-file', 'people.csv', '-f', 'ann@shop.example', '-s', 'Hi', '--text', 'Hi'];
    expect(await run([...merge, '--tenant', 'shop'])).toMatchObject({ exitCode: 0 });
    expect(host.messages.map(({ from }) => from)).toEqual(['ann@shop.example', 'ann@shop.example']);
    expect(host.messages.flatMap(signersOf)).toEqual(Array(2).fill('s1._domainkey.shop.example'));
  });

  it('CLI-70 mb explain shows the route of a domain of the configuration', async () => {
    const [, club] = config().domains!;
    const routes = { '*': { type: 'smarthost', host: '[127.0.44.9]', port: 2525, tls: 'none' } } as const;
    write(config({ domains: [{ domain: 'shop.example' }, { ...club!, routes }] }));
    const routed = await run(['explain', 'bob@example.org', '--from-domain', 'club.example', '--json']);
    expect(JSON.parse(routed.stdout).deliveries[0]).toMatchObject({ port: 2525 });
    const direct = await run(['explain', 'bob@example.org', '--json']);
    expect(JSON.parse(direct.stdout).deliveries[0]).toMatchObject({ port: host.port });
    expect((await run(['explain', 'bob@example.org', '--from-domain', 'x.example'])).exitCode).toBe(64);
  });

  it('CLI-71 mb serve uses the same domains', async () => {
    write(
      config({
        domains: [{ domain: 'shop.example', dkim: { selector: 's1', privateKey: { file: 'gone.pem' } } }],
      }),
    );
    const wrong = await run(['serve']);
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      64,
      expect.stringContaining('domains[0].dkim.privateKey'),
    ]);
  });
});

describe('mb config check', () => {
  it('CLI-72 says where each problem of the sections is, all at once', async () => {
    write({
      ...config(),
      domains: [
        { domain: 'shop.example', dkim: { selector: 's1', privateKey: { file: 'gone.pem' } } },
        { domain: 'club.example', verp: { address: 'b@club.example', secret: { env: 'NO_SUCH' } } },
      ],
      broker: { delivery: { sources: [] } },
      storeOptions: { schema: 'x' },
    } as never);
    const { exitCode, stdout, stderr } = await run(['config', 'check']);
    expect([exitCode, stdout]).toEqual([64, '']);
    const text = stderr.replaceAll(/\s+/g, ' ');
    for (const words of [
      `${folder}/mb.config.json:`,
      `domains[0].dkim.privateKey: The file ${folder}/gone.pem cannot be read`,
      'domains[1].verp.secret: The environment variable NO_SUCH is not set.',
      'broker.delivery.sources: It cannot be given beside domains',
      'storeOptions.schema: There is no such key.',
      'MB_CLI_CONFIG',
    ]) {
      expect(text).toContain(words);
    }
  });

  const wrong: readonly (readonly [object, string])[] = [
    [
      { broker: { delivery: { maxHost: 1 } } },
      'broker.delivery has no key "maxHost"; did you mean "maxHosts"?',
    ],
    [{ broker: { hostnam: 'x' } }, 'broker has no key "hostnam"; did you mean "hostname"?'],
    [{ broker: { queue: { leaseMs: 0 } } }, 'broker.queue.leaseMs must be an integer from 1'],
    [{ broker: { store: {} } }, 'broker.store: It cannot be configured.'],
    [{ domains: [{ domain: 'a.example', hostnam: 'x' }] }, 'domains[0] has no key "hostnam"'],
    [
      { domains: [{ domain: 'a.example' }, { domain: 'A.example', name: 'b' }] },
      'domains[1]: there are two profiles',
    ],
    [{ domains: {} }, 'domains: It must be a list'],
    [{ domains: [{ domain: 'a.example', dkim: { selector: 's', privateKey: 'x' } }] }, 'MB_CLI_CONFIG'],
    [
      { storeOptions: { limits: { maxConcurrency: 'x' } } },
      'storeOptions.limits.maxConcurrency must be an integer from 1',
    ],
    [{ storeOptions: { pollMs: -1 } }, 'storeOptions.pollMs must be an integer from 0'],
    [{ broke: {} }, 'broke: There is no such key. Did you mean broker?'],
  ];
  it.for(wrong)('CLI-73 checks options as the packages do: %j', async ([sections, words]) => {
    writeFileSync(join(folder, 'mb.config.json'), JSON.stringify(sections));
    const { exitCode, stderr } = await run(['config', 'check', '--hostname', 'mail.example.com']);
    expect([exitCode, stderr.replaceAll(/\s+/g, ' ')]).toEqual([64, expect.stringContaining(words)]);
  });

  it('CLI-74 CLI-103 shows what is in force and where it comes from, and no secret', async () => {
    write(config({ broker: { delivery: { maxHosts: 2 } }, storeOptions: { limits: { maxConcurrency: 3 } } }));
    const { exitCode, stdout } = await run(['config', 'check', '--json'], { MB_HOSTNAME: 'env.example.com' });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      path: join(folder, 'mb.config.json'),
      hostname: 'env.example.com',
      domains: [
        {
          domain: 'shop.example',
          tenants: ['shop'],
          keys: ['s1'],
          addresses: ['127.0.44.1'],
          returnPath: 'bounces@shop.example',
        },
        { domain: 'club.example', keys: ['c1'], dkimCheck: 'off' },
      ],
      flags: {
        hostname: { value: 'env.example.com', from: 'environment' },
        store: { value: join(folder, 'queue.db'), from: 'configuration' },
      },
      options: { 'broker.delivery.maxHosts': '2', 'storeOptions.limits.maxConcurrency': '3' },
      warnings: [],
    });
    for (const text of [stdout, (await run(['config', 'check'])).stdout]) {
      expect(text).not.toContain('PRIVATE KEY');
      expect(text).not.toContain('sixteen');
    }
  });

  it('CLI-75 warns of a domain without a key and of a key that others may read', async () => {
    write(config({ domains: [...config().domains!, { domain: '*' }] }));
    chmodSync(join(folder, 'shop.pem'), 0o644);
    const { exitCode, stderr } = await run(['config', 'check']);
    const text = stderr.replaceAll(/\s+/g, ' ');
    expect(exitCode).toBe(1);
    expect(text).toContain('Mail of * is not signed');
    expect(text).toContain('domains[0].dkim[0].privateKey: Other users of this machine can read');
    const none = await mb(['--no-config', 'config', 'check'], { cwd: folder });
    expect([none.exitCode, none.stderr]).toEqual([64, expect.stringContaining('MB_CLI_FILE')]);
  });
});

it.for(['commonjs', 'module', undefined])(
  'CLI-76 is an ES module with defineConfig in a folder of type %s',
  async (type) => {
    if (type) writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
    writeFileSync(
      join(folder, 'mb.config.ts'),
      `import { defineConfig } from '@mb/cli/config';
const hostname: string = 'mail.example.com';
export default defineConfig({ hostname, domains: [{ domain: 'example.com' }] });
`,
    );
    const { exitCode, stdout, stderr } = await run(['config', 'check', '--json']);
    expect([exitCode, stderr]).toEqual([1, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      hostname: 'mail.example.com',
      domains: [{ domain: 'example.com' }],
    });
  },
);

it('CLI-104 is CommonJS in a folder of type commonjs', async () => {
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  writeFileSync(join(folder, 'mb.config.js'), `module.exports = { hostname: 'cjs.example.com' };\n`);
  expect(JSON.parse((await run(['config', 'check', '--json'])).stdout)).toMatchObject({
    hostname: 'cjs.example.com',
  });
});
