import { expect, it } from 'vitest';
import { MailBroker, MemoryStore } from '../src/index.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };

function newBroker(): MailBroker {
  return new MailBroker({
    hostname: 'client.test',
    store: new MemoryStore(),
    dns: { servers: ['127.0.0.1:1'] },
  });
}

/** A call with wrong options, and what the error names. */
const wrong: readonly (readonly [string, (broker: MailBroker, options: never) => unknown, object, string])[] =
  [
    ['send', (broker, options) => broker.send(message, options), { timeoutMs: 1 }, 'timeoutMs'],
    ['send', (broker, options) => broker.send(message, options), { signal: 5 }, 'options.signal'],
    [
      'sendTo',
      (broker, options) => broker.sendTo(message, 'b@one.test', options),
      { requireTLS: true },
      'requireTls',
    ],
    ['explain', (broker, options) => broker.explain(message, options), { requiretls: true }, 'requireTls'],
    [
      'enqueue',
      (broker, options) => broker.enqueue(message, options),
      { idempotencykey: 'k' },
      'idempotencyKey',
    ],
    [
      'enqueue',
      (broker, options) => broker.enqueue(message, options),
      { idempotencyKey: '' },
      'options.idempotencyKey',
    ],
    [
      'enqueue',
      (broker, options) => broker.enqueue(message, options),
      { transaction: 5 },
      'options.transaction',
    ],
    [
      'enqueue',
      (broker, options) => broker.enqueue(message, options),
      { notBefore: 'soon' },
      'options.notBefore',
    ],
    ['enqueue', (broker, options) => broker.enqueue(message, options), { tenant: '' }, 'options.tenant'],
    [
      'enqueue',
      (broker, options) => broker.enqueue(message, options),
      { delivery: { expireAfter: 1 } },
      'expireAfterMs',
    ],
    [
      'enqueue',
      (broker, options) => broker.enqueue(message, options),
      { delivery: { expireAfterMs: -1 } },
      'options.delivery.expireAfterMs',
    ],
    ['events', (broker, options) => broker.events(options), { afters: 'start' }, 'after'],
    ['stop', (broker, options) => broker.stop(options), { graceMs: -1 }, 'options.graceMs'],
    ['stop', (broker, options) => broker.stop(options), { grace: 1 }, 'graceMs'],
    [
      'configure',
      (broker, options) => broker.queue.configure('one.test', options),
      { nonsense: 1 },
      'nonsense',
    ],
    [
      'configure',
      (broker, options) => broker.queue.configure('one.test', options),
      { limits: { maxConcurrency: -1 } },
      'settings.limits.maxConcurrency',
    ],
    [
      'configure',
      (broker, options) => broker.queue.configure('one.test', options),
      { limits: { rates: [{ count: 'x', perMs: 1 }] } },
      'rates[0].count',
    ],
  ];

it.each(wrong)('SAFE-20 %s refuses wrong options: case %#', async (_, call, options, named) => {
  const broker = newBroker();
  const error = await (async () => call(broker, options as never))().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'MB_BROKER_OPTION',
    kind: 'api-misuse',
    message: expect.stringContaining(named),
  });
  expect((await broker.queue.list()).rows).toEqual([]);
});

it('SAFE-64 counts undefined as not given', async () => {
  const broker = newBroker();
  const nothing = {
    idempotencyKey: undefined,
    notBefore: undefined,
    tenant: undefined,
    tag: undefined,
    transaction: undefined,
  };
  const { id } = await broker.enqueue(message, {
    ...nothing,
    signal: undefined,
    delivery: { ret: undefined, envid: undefined },
  });
  expect(id).toBeDefined();
  await broker.queue.configure('one.test', {
    limits: { maxConcurrency: undefined },
    note: undefined,
  } as never);
  await broker.stop({ graceMs: undefined });
});

it('SAFE-21 SAFE-65 says which entry of the suppression list is wrong, and adds none of them', async () => {
  const broker = newBroker();
  const good = { address: 'bob@one.test', reason: 'operator' };
  for (const [entries, expected] of [
    [
      [good, { adress: 'x@one.test', reason: 'operator' }],
      { code: 'MB_BROKER_OPTION', message: expect.stringContaining('did you mean "address"') },
    ],
    [
      [good, { reason: 'operator' }],
      { code: 'MB_BROKER_OPTION', message: expect.stringContaining('entries[1].address') },
    ],
    [[good, { address: 'x@one.test', reason: 'because' }], { code: 'MB_BROKER_OPTION' }],
    [
      [good, { address: 'no address', reason: 'operator' }],
      { code: 'MB_BROKER_ADDRESS', kind: 'invalid-input', field: 'address', index: 1, value: 'no address' },
    ],
    ['bob@one.test', { code: 'MB_BROKER_OPTION' }],
    [undefined, { code: 'MB_BROKER_OPTION' }],
  ] as const) {
    await expect(broker.suppressions.add(entries as never)).rejects.toMatchObject(expected);
  }
  for (const addresses of ['x@one.test', undefined, [5], ['no address']]) {
    await expect(broker.suppressions.lift(addresses as never)).rejects.toMatchObject({
      code: expect.stringMatching(/^MB_BROKER_/),
    });
  }
  expect((await broker.suppressions.list()).rows).toEqual([]);
});

it('SAFE-35 SAFE-69 slips that TypeScript does not see are refused, and nothing happens', async () => {
  const broker = newBroker();
  const file = new SqliteStore(':memory:');
  await file.open();
  const slips: Readonly<Record<string, () => unknown>> = {
    'seconds for milliseconds': () => broker.enqueue(message, { notBefore: 1_800_000_000 }),
    'a delay for a moment': () => broker.enqueue(message, { notBefore: 60_000 }),
    'a Date that is none': () => broker.enqueue(message, { notBefore: new Date('tomorrow') }),
    'a text for a Date': () => broker.enqueue(message, { notBefore: '2027-01-01' as never }),
    'a message that expires at once': () => broker.enqueue(message, { delivery: { expireAfterMs: 0 } }),
    'no list of messages': () => broker.sendMany(undefined as never).next(),
    'a message for a list': () => broker.sendMany(message as never).next(),
    'an id that is unset': () => broker.queue.show(undefined as never),
    'an id that is a number': () => broker.queue.show(5 as never),
    'an empty id': () => broker.queue.content(''),
    'settings that are unset': () => broker.queue.configure('one.test', undefined as never),
    'a URL for a file': () => new SqliteStore('file:///tmp/queue.db'),
    'a database for a file': () => new SqliteStore('postgres://127.0.0.1/db'),
    'a misspelt condition': () => file.records.put('domain', 'k', {}, { ifversion: 1 } as never),
    'a version that is a text': () => file.records.put('domain', 'k', {}, { ifVersion: '1' } as never),
    "'10' for 10": () => new MailBroker({ hostname: 'a.test', queue: { concurrency: '10' as never } }),
    'NaN for a number': () => new SqliteStore(':memory:', { limits: { maxConcurrency: Number.NaN } }),
    'a host name that is a URL': () => new MailBroker({ hostname: 'https://a.test' }),
    'a controller for its signal': () => broker.send(message, { signal: new AbortController() as never }),
    'a promise of a message': () => broker.enqueue(Promise.resolve(message) as never),
    'a path for a key': () =>
      new MailBroker({
        hostname: 'a.test',
        dkim: { domain: 'a.test', selector: 's', privateKey: '/etc/key.pem' },
      }),
    'a promise of a store': () =>
      new MailBroker({ hostname: 'a.test', store: Promise.resolve(file) as never }),
    'octets as a text': () =>
      broker.enqueue({ raw: 'From: a@b.test' as never, envelope: { from: '', to: ['a@b.test'] } }),
    'a message without its envelope': () => broker.enqueue({ raw: new Uint8Array(1) } as never),
    'a hole in the recipients': () => broker.enqueue({ ...message, to: ['a@b.test', undefined] as never }),
    'no attachment': () => broker.enqueue({ ...message, attachments: [undefined] as never }),
    'an empty tenant': () => broker.enqueue(message, { tenant: '' }),
    'an empty key': () => broker.enqueue(message, { idempotencyKey: '' }),
    'a site without a name': () => broker.queue.suspend(''),
    'a page of nothing': () => broker.queue.list({}, { limit: 0 }),
    'a grace that is a text': () => broker.stop({ graceMs: '5' as never }),
    'a retention below zero': () => file.purge({ deliveredMs: -1 }),
    'a handler that is none': () => broker.deliverEvents(undefined as never),
  };
  for (const [name, slip] of Object.entries(slips)) {
    const error = await (async () => slip())().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error, name).toBeDefined();
    expect((error as { code?: string } | undefined)?.code, `${name}: ${String(error)}`).toMatch(
      /^MB_(?:BROKER|MIME|DKIM)_/,
    );
    expect((error as Error).message, name).not.toMatch(/\[object|etc\/key/);
  }
  expect((await broker.queue.list()).rows).toEqual([]);
  await file.close();
});

const emptyTenants: readonly (readonly [string, (broker: MailBroker) => Promise<unknown>])[] = [
  ['lift', (broker: MailBroker) => broker.suppressions.lift(['bob@one.test'], '')],
  ['find', (broker: MailBroker) => broker.suppressions.find(['bob@one.test'], '')],
  [
    'add',
    (broker: MailBroker) =>
      broker.suppressions.add([{ address: 'bob@one.test', reason: 'operator', tenant: '' }]),
  ],
  ['enqueue', (broker: MailBroker) => broker.enqueue(message, { tenant: '' })],
];
it.each(emptyTenants)(
  'SAFE-41 %s refuses an empty tenant, which an unset variable gives',
  async (_, call) => {
    const broker = newBroker();
    await broker.suppressions.add([{ address: 'bob@one.test', reason: 'operator' }]);
    await expect(call(broker)).rejects.toMatchObject({
      code: 'MB_BROKER_OPTION',
      message: expect.stringContaining('tenant'),
    });
    expect((await broker.suppressions.find(['bob@one.test'])).length).toBe(1);
  },
);

it('SAFE-42 settings that change nothing are refused', async () => {
  const broker = newBroker();
  for (const settings of [{}, { limits: undefined }]) {
    await expect(broker.queue.configure('one.test', settings)).rejects.toMatchObject({
      code: 'MB_BROKER_OPTION',
      message: 'configure: settings must say what to change.',
    });
  }
});

it('SAFE-43 an address that the standard forbids can be put on the suppression list and lifted', async () => {
  const { suppressions } = newBroker();
  const address = 'a..b@one.test';
  await suppressions.add([{ address, reason: 'complaint' }]);
  expect(await suppressions.find([address])).toHaveLength(1);
  expect(await suppressions.lift([address])).toBe(1);
});
