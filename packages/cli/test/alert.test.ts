import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { startSmtpHost, startWebhookReceiver } from '@mb/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { AlertFlags } from '../src/alert/alert-flags.ts';
import { serviceAlerts } from '../src/alert/service-alerts.ts';
import { readBrokerSettings } from '../src/config/broker-settings.ts';
import { mb } from './mb.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mb-alert-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a command that runs until it is stopped; the process ends with the test. */
async function start(args: readonly string[], env: Record<string, string> = {}) {
  let child: ChildProcess | undefined;
  let output = '';
  const ended = mb(args, {
    env,
    timeoutMs: 120_000,
    during: (process) => {
      child = process;
      process.stdout?.on('data', (data) => {
        output += data;
      });
    },
  });
  onTestFinished(() => void child!.kill('SIGKILL'));
  await expect.poll(() => output, { timeout: 30_000 }).toMatch(/(?:server|worker)-started/);
  const line = output.split('\n').find((one) => one.includes('-started'))!;
  return { child: child!, http: JSON.parse(line).http as string, output: () => output, ended };
}

it('ALR-30 ALR-36 ALR-37 mb serve watches, keeps alerts over a restart, and reads its rules again at SIGHUP', async () => {
  const place = await makeFolder();
  const store = join(place, 'queue.db');
  await using receiver = await startWebhookReceiver();
  const config = join(place, 'mb.config.json');
  await writeFile(join(place, 'secret'), `${secret}\n`, { mode: 0o600 });
  const configure = (freeDisk: number) =>
    writeFile(
      config,
      JSON.stringify({
        store,
        alerts: {
          everyMs: 200,
          thresholds: { freeDisk },
          webhook: { url: receiver.url, secret: { file: 'secret' } },
        },
      }),
      { mode: 0o600 },
    );
  // No disk is free to more than this.
  await configure(1);
  const key = await mb(['key', 'new', '--store', store, '--name', 'ops', '--scope', 'read,operate']);
  const env = { MB_API_KEY: key.stdout.trim() };
  const args = ['--config', config, 'serve', '--hostname', 'mail.client.test', '--http', '127.0.0.1:0'];
  const serve = () => start([...args, '--webhook-allow', '127.0.0.0/8']);
  const first = await serve();
  const tell = () => receiver.calls.map(({ json }) => `${json.type} ${json.data.alert}`);
  await expect.poll(tell, { timeout: 15_000 }).toEqual(['alert-fired disk-full']);

  const server = ['--server', `http://${first.http}`];
  const shown = await mb(['alert', 'ls', ...server], { env });
  expect(shown.exitCode).toBe(1);
  expect(shown.stdout).toMatch(/disk-full +\S+ +FIRES .*Disks are nearly full/);
  expect(shown.stdout).toMatch(/queue-age +ok/);
  const tested = await mb(['alert', 'test', ...server], { env });
  expect(tested).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^The webhook answered 204 in/),
  });
  expect(tell()).toEqual(['alert-fired disk-full', 'alert-fired test']);
  first.child.kill('SIGTERM');
  await first.ended;
  expect((await mb(['alert', 'ls', '--store', store])).stdout).toContain('No process checks the rules');

  const second = await serve();
  await expect
    .poll(async () => (await mb(['alert', 'ls', '--store', store])).stdout, { timeout: 15_000 })
    .not.toContain('No process checks the rules');
  expect(tell()).toHaveLength(2);
  await configure(0);
  second.child.kill('SIGHUP');
  await expect
    .poll(tell, { timeout: 15_000 })
    .toEqual(['alert-fired disk-full', 'alert-fired test', 'alert-recovered disk-full']);
  expect(await mb(['alert', 'ls', '--store', store])).toMatchObject({ exitCode: 0 });
  second.child.kill('SIGTERM');
  await second.ended;
}, 120_000);

it('ALR-31 mb work delivers mail about an alert to those of --alert-to', async () => {
  const place = await makeFolder();
  const host = await startSmtpHost({ address: '127.0.33.9', hostname: 'mx.test' });
  onTestFinished(() => host.close());
  const config = join(place, 'mb.config.json');
  const alerts = { thresholds: { freeDisk: 1 } };
  await writeFile(config, JSON.stringify({ alerts }), { mode: 0o600 });
  const worker = await start([
    ...['--config', config, 'work', '--store', join(place, 'queue.db'), '--hostname', 'mail.client.test'],
    ...['--dev', `${host.address}:${host.port}`],
    ...['--alert-to', 'ops@one.test', 'boss@one.test', '--alert-from', 'alerts@sender.test'],
  ]);
  await host.until(() => host.messages.length > 0, 20_000);
  const [message] = host.messages;
  expect(Buffer.from(message!.content).toString()).toMatch(/^Subject: Alert fired: disk-full on /m);
  worker.child.kill('SIGTERM');
  await worker.ended;
}, 60_000);

const subject = (flags: AlertFlags) => ({
  flags,
  options: { hostname: 'mail.client.test' },
  domains: undefined,
  onError() {},
});

it.each([
  [{ alertTo: ['ops@one.test'] }, undefined, '--alert-to needs --alert-from'],
  [{ alertFrom: 'alerts@sender.test' }, undefined, '--alert-from needs --alert-to'],
  [{ alertWebhook: 'https://pager.test/' }, undefined, '--alert-webhook needs a secret'],
  [{ alertWebhook: 'https://pager.test/' }, 'whsec_AAAA', '24 to 64 octets'],
  [{ alertTo: ['ops'], alertFrom: 'alerts@sender.test' }, undefined, 'mail.to must be an address'],
] as const)('ALR-32 refuses %j', async (flags, environment, reason) => {
  vi.stubEnv('MB_ALERT_WEBHOOK_SECRET', environment);
  onTestFinished(() => void vi.unstubAllEnvs());
  const broker = new MailBroker({ hostname: 'mail.client.test' });
  await expect(serviceAlerts(broker, subject(flags))).rejects.toThrow(reason);
});

it.each([
  [{ rules: { 'queue-agee': false } }, 'alerts.rules has no key "queue-agee"; did you mean "queue-age"?'],
  [{ thresholds: { freeDisk: 2 } }, 'alerts.thresholds.freeDisk must be a number from 0 to 1'],
  [{ keys: [] }, 'alerts.keys: There is no such key.'],
  [{ mail: { from: 'alerts@sender.test', to: [] } }, 'alerts.mail.to must be'],
  ['on', 'alerts: It must be an object.'],
] as const)('ALR-33 a configuration with alerts %j is refused', async (alerts, reason) => {
  const reading = readBrokerSettings({ path: '/etc/mb/mb.config.json', alerts }, () => {});
  await expect(reading).rejects.toThrow(reason);
});

it('ALR-35 certificates and disks of a configuration are named as seen from it', async () => {
  const alerts = { certificates: ['tls.pem'], disks: ['/var/lib/mb'] };
  const settings = await readBrokerSettings({ path: '/etc/mb/mb.config.json', alerts }, () => {});
  expect(settings.alerts).toEqual({ certificates: ['/etc/mb/tls.pem'], disks: ['/var/lib/mb'] });
});

it('ALR-34 mb alert test says that alerts have no recipient', async () => {
  const path = join(await makeFolder(), 'queue.db');
  const store = new SqliteStore(path);
  await store.open();
  await store.close();
  const run = await mb(['alert', 'test', '--store', path, '--hostname', 'mail.client.test']);
  expect(run).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('Alerts have no recipient') });
}, 60_000);
