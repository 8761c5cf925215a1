import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { createServer, type MailServer } from '@mb/server';
import { type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { runCommand, startProcess } from '../lab/process.ts';

const rules = join(import.meta.dirname, '../../packages/server/telemetry/prometheus-rules.yml');
const prometheus = { address: '127.0.36.2', port: 9090 };

let folder: string;
let host: SmtpHost;
let closeDns: () => Promise<void>;
let store: SqliteStore;
let broker: MailBroker;
let server: MailServer;
let target: string;
let token: string;

beforeAll(async () => {
  await ensureDebianPackages(['prometheus']);
  folder = makeFolder('prometheus');
  host = await startSmtpHost({ address: '127.0.36.1', hostname: 'mx.test' });
  const records = { mx: { A: host.address }, one: { MX: '10 mx.test' } };
  const dns = await startDnsServer({ zones: { test: { records } } });
  closeDns = () => dns.close();
  store = new SqliteStore(join(folder, 'queue.db'));
  await store.open();
  broker = new MailBroker({
    hostname: 'mail.client.test',
    store,
    dns: { servers: [`${dns.address}:${dns.port}`] },
    delivery: { port: host.port, allowAddresses: ['127.0.0.0/8'] },
  });
  server = createServer({ broker });
  ({ token } = await server.keys.create({ name: 'prometheus', scopes: ['read'] }));
  const { port } = await server.listen({ port: 0 });
  target = `127.0.0.1:${port}`;
  broker.start();
  for (const name of ['ann', 'bob'])
    await broker.enqueue({ from: 'shop@sender.test', to: `${name}@one.test`, text: 'x' });
  await vi.waitFor(() => expect(host.messages).toHaveLength(2), { timeout: 20_000 });
}, 300_000);

afterAll(async () => {
  await server?.close({ graceMs: 100 });
  await broker?.stop({ graceMs: 100 });
  await store?.close();
  await Promise.all([host?.close(), closeDns?.()]);
});

it('TEL-09 promtool finds nothing wrong in the metrics', async () => {
  const scrape = `http://${target}/metrics`;
  const response = await fetch(scrape, { headers: { authorization: `Bearer ${token}` } });
  const file = join(folder, 'metrics.txt');
  writeFileSync(file, await response.text());
  const { code, stdout, stderr } = await runCommand('bash', ['-c', 'promtool check metrics <"$0"', file]);
  expect({ code, output: stdout + stderr }).toEqual({ code: 0, output: '' });
});

it('TEL-10 promtool finds nothing wrong in the alert rules', async () => {
  const { code, stdout } = await runCommand('promtool', ['check', 'rules', rules]);
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/SUCCESS: \d+ rules found/),
  });
});

it('TEL-11 TEL-13 Prometheus scrapes the metrics with a key, and evaluates the rules on them', async () => {
  const configuration = join(folder, 'prometheus.yml');
  writeFileSync(
    configuration,
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [
        { job_name: 'mb', authorization: { credentials: token }, static_configs: [{ targets: [target] }] },
      ],
    }),
  );
  await startProcess('/usr/bin/prometheus', {
    args: [
      `--config.file=${configuration}`,
      `--storage.tsdb.path=${join(folder, 'tsdb')}`,
      `--web.listen-address=${prometheus.address}:${prometheus.port}`,
    ],
    ready: prometheus,
  });
  const ask = async (path: string) =>
    (await (await fetch(`http://${prometheus.address}:${prometheus.port}/api/v1/${path}`)).json()) as {
      // biome-ignore lint/suspicious/noExplicitAny: the answers of Prometheus, as its documentation has them.
      readonly data: any;
    };
  const delivered = encodeURIComponent('sum(mb_attempt_recipients_total{outcome="delivered"})');
  await expect
    .poll(async () => (await ask(`query?query=${delivered}`)).data.result[0]?.value[1], { timeout: 30_000 })
    .toBe('2');
  await expect
    .poll(
      async () => {
        const { data } = await ask('rules');
        return data.groups[0].rules.map((rule: { readonly health: string }) => rule.health);
      },
      { timeout: 30_000 },
    )
    .not.toContain('unknown');
  const [group] = (await ask('rules')).data.groups;
  expect(group.rules.map(({ health }: { readonly health: string }) => health)).toEqual(
    group.rules.map(() => 'ok'),
  );
});
