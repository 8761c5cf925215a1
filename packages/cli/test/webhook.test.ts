import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MailBroker } from '@mb/broker';
import { createMasterKeyWrapping, parseMasterKeys } from '@mb/broker/encryption';
import { SqliteStore } from '@mb/broker/sqlite';
import { createServer } from '@mb/server';
import { startWebhookReceiver, type WebhookReceiver } from '@mb/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { webhookCommand } from '../src/webhook/command.ts';
import { mb } from './mb.ts';

const allow = ['--webhook-allow', '127.0.0.0/8'];
const eventAt = Date.parse('2026-01-31T11:00:00Z');

/** What the steps of the table work on. */
interface Place {
  readonly receiver: WebhookReceiver;
  /** Of the webhook that the first step adds. */
  id: string;
  /** What a step that calls webhooks needs where the queue is opened by the command. */
  readonly own: readonly string[];
  /** Writes a dead letter. */
  bury(eventId: string): Promise<void>;
}

interface Step {
  readonly name: string;
  /** Where the step is walked; both, unless what it shows is the same for both. */
  readonly only?: 'store' | 'server';
  readonly args: (place: Place) => readonly string[];
  readonly exitCode: number;
  /** In standard output. */
  readonly out?: RegExp;
  /** In standard error. */
  readonly err?: RegExp;
  readonly before?: (place: Place) => Promise<void>;
  readonly after?: (place: Place, run: Awaited<ReturnType<typeof mb>>) => void;
}

const letter = (eventId: string) => `${String(eventAt).padStart(15, '0')}-${eventId}`;
const nowhere = '0000000000000000';

/** Every verb, from adding a webhook to removing it: what it prints and how it ends. */
const steps: readonly Step[] = [
  {
    name: 'add refuses our own network',
    args: () => ['add', 'https://10.0.0.1/hook'],
    exitCode: 64,
    out: /^$/,
    err: /10\.0\.0\.1 is private/,
  },
  { name: 'ls without one', args: () => ['ls'], exitCode: 1, out: /There are no webhooks/ },
  {
    name: 'add',
    args: ({ receiver, own }) => ['add', receiver.url, '--type', 'failed,bounced', '--tag', 'news', ...own],
    exitCode: 0,
    out: /^whsec_\S+\n$/,
    err: /Added webhook \w{16}\./,
    after: (place, { stderr }) => {
      [, place.id = ''] = /Added webhook (\w{16})\./.exec(stderr) ?? [];
    },
  },
  { name: 'ls', args: () => ['ls'], exitCode: 0, out: /LAG\s[\s\S]*failed,bounced; tag news +yes +\d+ s/ },
  { name: 'test', args: ({ id, own }) => ['test', id, ...own], exitCode: 0, out: /answered 204/ },
  {
    name: 'test of one that fails',
    args: ({ id, own }) => ['test', id, '--json', ...own],
    exitCode: 1,
    out: /"status": ?500/,
    before: async ({ receiver }) => {
      receiver.answer = () => 500;
    },
    after: ({ receiver }) => {
      receiver.answer = () => 204;
    },
  },
  {
    name: 'show',
    args: ({ id }) => ['show', id],
    exitCode: 0,
    out: /Delivered +0 calls, 0 failed[\s\S]* test +evt_\S+ +1 +204/,
  },
  { name: 'disable', args: ({ id }) => ['disable', id], exitCode: 0, out: /is disabled/ },
  {
    name: 'show --json',
    args: ({ id }) => ['show', id, '--json'],
    exitCode: 0,
    out: /"enabled": ?false/,
    after: (_, { stdout }) => expect(stdout).not.toMatch(/whsec_|wrapped/),
  },
  { name: 'enable', args: ({ id }) => ['enable', id, '--json'], exitCode: 0, out: /"enabled": ?true/ },
  {
    name: 'rotate-secret',
    args: ({ id }) => ['rotate-secret', id, '--overlap', '1'],
    exitCode: 0,
    out: /^whsec_\S+\n$/,
    err: /not shown again/,
  },
  {
    name: 'replay without a choice',
    only: 'store',
    args: ({ id }) => ['replay', id],
    exitCode: 64,
    err: /--all/,
  },
  { name: 'replay of none', args: ({ id }) => ['replay', id, '--all'], exitCode: 1, out: /0 events/ },
  {
    name: 'show --dead-letters',
    args: ({ id }) => ['show', id, '--dead-letters'],
    exitCode: 0,
    out: /-evt_a +failed +9 +The endpoint answered/,
    before: async (place) => {
      for (const eventId of ['evt_a', 'evt_b', 'evt_c']) await place.bury(eventId);
    },
  },
  {
    name: 'replay --id',
    args: ({ id }) => ['replay', id, '--id', letter('evt_a')],
    exitCode: 0,
    out: /1 event will/,
  },
  {
    name: 'replay of another time',
    args: ({ id }) => ['replay', id, '--from', '2026-01-31T12:00:00Z'],
    exitCode: 1,
    out: /0 events/,
  },
  {
    name: 'replay --from --to',
    args: ({ id }) => ['replay', id, '--from', '2026-01-31T10:00:00Z', '--to', '2026-01-31T12:00:00Z'],
    exitCode: 0,
    out: /2 events will/,
  },
  ...['show', 'test', 'enable', 'disable', 'rotate-secret'].map((verb) => ({
    name: `${verb} of none`,
    ...(verb !== 'show' && { only: 'server' as const }),
    args: () => [verb, nowhere],
    exitCode: 1,
    out: /^There is no such webhook\.\n$/,
  })),
  {
    name: 'replay of no webhook',
    only: 'server',
    args: () => ['replay', nowhere, '--all'],
    exitCode: 1,
    out: /no such webhook/,
  },
  { name: 'rm', args: ({ id }) => ['rm', id, '--yes'], exitCode: 0, out: /is removed/ },
  { name: 'rm of none', args: ({ id }) => ['rm', id, '--yes'], exitCode: 1, out: /no such webhook/ },
];

async function openPlace() {
  const folder = await mkdtemp(join(tmpdir(), 'mb-webhook-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const receiver = await startWebhookReceiver();
  onTestFinished(() => receiver.close());
  return { folder, path: join(folder, 'queue.db'), receiver };
}

async function bury(store: SqliteStore, id: string, eventId: string): Promise<void> {
  const event = { id: eventId, type: 'failed', at: eventAt, messageId: 'm', data: {} };
  const value = { event, attempts: 9, diedAt: eventAt, error: 'The endpoint answered with status 500.' };
  await store.records.put('webhook-dead', `${id}/${letter(eventId)}`, value);
}

/** Runs the table. */
async function walk(
  place: Place,
  where: readonly ['--store' | '--server', string],
  env: Record<string, string>,
): Promise<void> {
  for (const { name, only, args, exitCode, out = /^/, err = /^/, before, after } of steps) {
    if (only && where[0] !== `--${only}`) continue;
    await before?.(place);
    const run = await mb(['webhook', ...args(place), ...where], { env });
    expect
      .soft(run, name)
      .toMatchObject({ exitCode, stdout: expect.stringMatching(out), stderr: expect.stringMatching(err) });
    after?.(place, run);
  }
}

describe('mb webhook', () => {
  it('WHK-20 the table of the test has every verb', () => {
    const verbs = new Set(steps.map(({ args }) => args({ own: [], receiver: { url: '' } } as never)[0]));
    expect([...verbs].sort()).toEqual(
      webhookCommand()
        .commands.map((verb) => verb.name())
        .sort(),
    );
  });

  it('WHK-20 mb webhook works against a store', async () => {
    const { path, receiver } = await openPlace();
    const place: Place = {
      receiver,
      id: '',
      own: allow,
      async bury(eventId) {
        const store = new SqliteStore(path);
        await store.open();
        await bury(store, this.id, eventId);
        await store.close();
      },
    };
    await walk(place, ['--store', path], {});
  }, 240_000);

  it('WHK-20 mb webhook works against a server', async () => {
    const { path, receiver } = await openPlace();
    const store = new SqliteStore(path);
    await store.open();
    const webhooks = { allowAddresses: ['127.0.0.0/8'] };
    const broker = new MailBroker({ hostname: 'mail.test', store, webhooks });
    const server = createServer({ broker });
    onTestFinished(async () => {
      await server.close({ graceMs: 100 });
      await broker.close();
      await store.close();
    });
    const { port } = await server.listen({ port: 0 });
    const { token } = await server.keys.create({ name: 'ops', scopes: ['read', 'operate', 'admin'] });
    const place: Place = {
      receiver,
      id: '',
      own: [],
      bury(eventId) {
        return bury(store, this.id, eventId);
      },
    };
    await walk(place, ['--server', `http://127.0.0.1:${port}`], { MB_API_KEY: token });
  }, 240_000);

  it('WHK-79 WHK-86 the master key encrypts secrets, and its rotation encrypts them again', async () => {
    const { path, folder, receiver } = await openPlace();
    const key = join(folder, 'master.key');
    expect((await mb(['domain', 'master-key', 'new', '--out', key])).exitCode).toBe(0);
    const run = (...args: string[]) => mb([...args, '--store', path]);
    const plain = await run('webhook', 'add', receiver.url, ...allow);
    expect(plain.stderr.replace(/\s+/g, ' ')).toContain('in plain text; --master-key encrypts it');
    const added = await run('webhook', 'add', receiver.url, ...allow, '--master-key', key);
    expect(added.stderr).not.toContain('plain text');
    const [, id = ''] = /Added webhook (\w{16})\./.exec(added.stderr) ?? [];
    const without = await run('webhook', 'test', id, ...allow);
    expect(without).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('MB_BROKER_MASTER_KEY') });
    const rotated = await run('domain', 'master-key', 'rotate', '--master-key', key);
    expect(rotated).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('2 webhook secrets') });

    // The new key alone opens them.
    const [fresh = ''] = (await readFile(key, 'utf8')).split('\n');
    const store = new SqliteStore(path);
    await store.open();
    const wrapping = createMasterKeyWrapping(parseMasterKeys(fresh));
    const broker = new MailBroker({
      hostname: 'mail.test',
      store,
      webhooks: { allowAddresses: ['127.0.0.0/8'], wrapping },
    });
    expect(await broker.webhooks.secretStorage()).toEqual({ plain: 0, encrypted: 2, encrypts: true });
    expect(await broker.webhooks.test(id)).toMatchObject({ succeeded: true });
    await broker.close();
    await store.close();
  }, 120_000);
});
